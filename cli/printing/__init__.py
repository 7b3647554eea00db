"""How commands print results and write tables, and the options that several commands share.

Finished documents enter. Begin reading at `output`.
"""
