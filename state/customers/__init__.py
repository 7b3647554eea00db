"""What Redis holds of a customer: the packed record, the segment view, who was merged into whom.

No Kafka offset enters; saving is done by `state.partitions`. Begin reading at `records`.
"""
