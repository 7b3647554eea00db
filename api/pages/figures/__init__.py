"""Charts of the dashboard, as plain data that Plotly draws.

Documents of `queries` enter; no request and no session does. Begin reading at `plotly_figures`.
"""
