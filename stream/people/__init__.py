"""What becomes of two customers who turn out to be one person. Begin reading at `combine_customers.py`.

May enter: records and what events told of customers. Not: segments, Kafka, Redis.
"""
