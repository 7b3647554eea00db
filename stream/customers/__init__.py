"""What is computed of one customer: the fold of events into records, features, and what `now` is.

Record rows enter; Kafka and Redis do not. Begin reading at `fold`.
"""
