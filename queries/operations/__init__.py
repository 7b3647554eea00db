"""How the pipeline is doing: workers, lag, rates, dead letters, triggers, the newest changes.

Begin reading at `pipeline_status`.
"""
