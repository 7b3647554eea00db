"""Whether Redis and Kafka hold together: nothing is read on where state or log are not those that belong together.

Begin reading at `verified_claims`.
"""
