"""Event logs and simulated customers that the quality of segments is measured on.

Begin reading at `order_logs`.
"""
