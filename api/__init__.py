"""How people and services read Shoal: the HTTP API, the dashboard, and who may use them.

What is read comes from `queries`; requests and sessions stay here. Begin reading at `app`.
"""
