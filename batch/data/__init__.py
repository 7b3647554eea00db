"""The table that a baseline is fitted on: read from Redis or event files, cleaned, and described.

Begin reading at `customer_table` and `cleaning`.
"""
