"""One customer or a page of customers: record, segment, history, orders, lifetime value, reasons.

Begin reading at `inspector`.
"""
