"""Any table as chunks of cells: CSV, TSV, JSON Lines, Parquet, Excel, compressed, from a path, a URL, stdin or SQL.

Bytes enter. Nothing is interpreted: text stays text, and every cell knows its row. Begin reading at `table`.
"""
