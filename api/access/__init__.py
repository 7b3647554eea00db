"""Who may use the API and the dashboard, how often, and what they did."""
