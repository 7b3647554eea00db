"""Online clusterers that the live model is compared with.

Begin reading at `rival_models`.
"""
