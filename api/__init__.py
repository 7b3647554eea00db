"""How people and services read Shoal: the HTTP API (`api.app`), the dashboard, and who may use them."""
