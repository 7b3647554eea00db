"""API keys and scopes, sign-in sessions of the dashboard, rate limit, audit log."""
