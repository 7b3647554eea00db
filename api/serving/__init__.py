"""What holds for every request: errors, permissions, limits, caching, metrics, and the services behind the answers.

No endpoint enters. Begin reading at `services`.
"""
