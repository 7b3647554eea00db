"""The read side: queries that the HTTP API, the dashboard and the command line share.

Redis and Kafka are read and not changed, except the definitions of experiments and triggers; HTTP and terminals do not
enter. Begin reading at `customers.customer_and_segment_json`.
"""
