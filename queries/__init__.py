"""The read side: queries that the HTTP API, the dashboard and the command line share.

Reads Redis and Kafka and changes nothing, except the definitions of experiments and triggers. HTTP and terminals do
not enter. Begin reading at `customers.customer_and_segment_json`.
"""
