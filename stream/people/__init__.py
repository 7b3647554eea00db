"""What becomes of two customers who turn out to be one person.

Records and what events reported of customers enter; segments, Kafka and Redis do not. Begin reading at
`combine_customers`.
"""
