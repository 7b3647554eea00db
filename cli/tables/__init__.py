"""Any table as chunks of cells: CSV, TSV, JSON Lines, Parquet, Excel, compressed, from a path, a URL, stdin or SQL.

What is read is not interpreted here: text stays text, and every cell knows its row.
"""
