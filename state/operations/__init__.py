"""What processes report of themselves, to `shoal health` and to probes: messages skipped, jobs that fail, metrics.

Begin reading at `skipped_messages`, for probes at `metrics_server`.
"""
