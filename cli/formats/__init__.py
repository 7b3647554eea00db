"""Reads files as events: public purchase logs and CRM tables, and files that hold events already.

Begin reading at `event_files` and `file_rows`.
"""
