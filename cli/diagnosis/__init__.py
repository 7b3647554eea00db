"""What `shoal doctor` looks at: Kafka, Redis, and the data in it.

The settings of each service enter; nothing is changed. Begin reading at `kafka_findings`.
"""
