"""What a partition owns, read and saved in one transaction by its one writer.

Records come from `state.customers`; no clustering enters. Begin reading at `partition_store`.
"""
