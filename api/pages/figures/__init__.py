"""Charts of the dashboard, as plain data that Plotly draws.

Knows no request and no session. Begin reading at `plotly_figures`.
"""
