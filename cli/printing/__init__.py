"""How commands print results and write tables, and the options that several commands share.

Begin reading at `output`.
"""
