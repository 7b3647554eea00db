"""Cross-cutting concerns of every request: errors, scopes, limits, caching, metrics, and the services.

Holds no endpoint. Begin reading at `services`.
"""
