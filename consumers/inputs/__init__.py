"""One module for each input topic: decoded events become columns, with money and deduplication.

Neither Kafka clients nor Redis enter. Begin reading at `orders`.
"""
