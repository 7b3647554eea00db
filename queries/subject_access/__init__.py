"""Everything that is held about one person, as one document (a data subject's right of access).

Begin reading at `personal_data`.
"""
