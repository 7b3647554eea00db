"""Everything that is held about one person, as one document (a data subject's right of access).

The ids of one person enter; nothing is changed. Begin reading at `personal_data`.
"""
