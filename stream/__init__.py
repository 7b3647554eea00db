"""How customers move: features, online k-means, hysteresis, segment changes, the sweep; the Faust applications.

Begin reading at `worker_wiring`.
"""
