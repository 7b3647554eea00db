"""API keys and scopes, sign-in sessions of the dashboard, rate limit, audit log.

Whoever asks enters as a key or a session; what is asked for does not. Begin reading at `api_keys`.
"""
