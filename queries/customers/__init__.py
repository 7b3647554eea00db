"""One customer or a page of customers: record, segment, history, purchases, lifetime value, explanation.

Ids of customers enter; nothing is changed. Begin reading at `customer_and_segment_json`.
"""
