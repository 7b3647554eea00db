"""Whether Redis and Kafka belong together: nothing is read on where state or log are not those that were left.

Ids, offsets and counts enter; no event does. Begin reading at `verified_claims`.
"""
