"""JSON bytes to columns and back, a whole batch at a time.

The models of `events.schema` decide what is valid; Kafka and Redis do not enter. Begin reading at `column_decoder`.
"""
