"""The table that a baseline is fitted on: read from Redis or event files, cleaned, and described.

Records from Redis and event files enter; no clusters do. Begin reading at `customer_table`.
"""
