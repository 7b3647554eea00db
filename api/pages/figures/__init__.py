"""The figures on the dashboard's pages, as plain data that Plotly draws.

No request and no session enters. Begin reading at `charts`.
"""
