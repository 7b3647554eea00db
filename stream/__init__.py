"""How customers move: features, online k-means, hysteresis, segment changes, the sweep; the Faust applications.

Records, events as columns and the model enter. Begin reading at `worker_wiring`.
"""
