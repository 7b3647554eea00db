"""What commands print and the options that several commands share.

Begin reading at `output`.
"""
