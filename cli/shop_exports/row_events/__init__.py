"""From the rows of an export to events, or to a refusal with its reason.

Rows enter whose columns are understood. Begin reading at `order_events`.
"""
