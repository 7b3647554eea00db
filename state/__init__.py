"""What Redis holds: customer records, segments, models, baselines."""
