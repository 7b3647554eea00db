"""What Redis holds: customer records, segments, models, baselines.

Records and offsets enter; neither Kafka nor a computation of segments does. Begin reading at `store.keys`.
"""
