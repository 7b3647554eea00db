"""Benchmarks of `GET /v1/customers/{id}/segment`: latency at 5,000 reads/s, and throughput against a bare endpoint."""
