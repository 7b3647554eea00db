"""Reads files as events: public purchase logs and CRM tables, and files that hold events already.

Rows of files enter; each leaves as an event or as a refusal with its reason. Begin reading at `event_files`.
"""
