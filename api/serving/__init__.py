"""Cross-cutting concerns of every request: errors, scopes, limits, caching, metrics, and the services.

Every request passes; no endpoint enters. Begin reading at `services`.
"""
