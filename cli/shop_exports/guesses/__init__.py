"""How an export is to be read: what whole columns prove, and what remains to be asked.

Whole columns enter. Begin reading at `reading`.
"""
