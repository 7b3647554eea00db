"""How the pipeline is doing: workers, lag, rates, dead letters, triggers, the newest changes.

Redis and Kafka are asked; no customer enters. Begin reading at `pipeline_status`.
"""
