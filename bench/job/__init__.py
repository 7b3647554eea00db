"""The fixed job that every engine is measured on, its servers, and the check of its end state.

Begin reading at `fixed_job`.
"""
