"""One customer or a page of customers: record, segment, history, purchases, lifetime value, explanation.

Begin reading at `customer_and_segment_json`.
"""
