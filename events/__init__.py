"""What crosses the wire: models, topics and codec. What publishes them is in `shoal_client`.

Only what is on the wire enters; neither Redis nor a consumer does. Begin reading at `schema.inputs`.
"""
