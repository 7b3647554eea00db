"""Messages from Kafka and to Kafka: source, sink, fetching, lag.

Messages are bytes here; nothing is decoded. Begin reading at `kafka_source`.
"""
