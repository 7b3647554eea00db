"""The addresses of Kafka and Redis, and the services that `shoal up` and `shoal demo` run on this machine.

Addresses and child processes enter. Begin reading at `service_addresses`.
"""
