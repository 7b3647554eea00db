"""What processes report of themselves, to `shoal health` and to probes: messages skipped, jobs that fail, metrics.

Counts, reasons and probes enter; no customer does. Begin reading at `skipped_messages`.
"""
