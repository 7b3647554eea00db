"""How customers move: features, online k-means, hysteresis, changes, the sweep; the Faust application."""
