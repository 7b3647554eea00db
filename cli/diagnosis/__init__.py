"""What `shoal doctor` looks at: Kafka, Redis, and the data in it.

Begin reading at `finding` and `kafka_findings`.
"""
