"""What crosses the wire: models, topics and codec. What publishes them is in `shoal_client`.

Begin reading at `schema.inputs`.
"""
