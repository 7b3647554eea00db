"""What a message may say: one pydantic model for each topic, and what is derived from the models.

Only models and their field types enter; decoding is in `events.codec.struct_decoder`. Begin reading at `inputs`.
"""
