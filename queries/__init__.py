"""What people and services read: one place for the questions that the API, the dashboard and the command line ask.

Reads Redis and Kafka and changes nothing, except the definitions of experiments and triggers. HTTP and terminals do
not enter. Begin reading at `customers.inspector`.
"""
