"""Where this machine's Kafka and Redis are, and the local services of `shoal up` and `shoal demo`.

Begin reading at `addresses` and `local_services`.
"""
