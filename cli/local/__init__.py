"""The addresses of Kafka and Redis, and the services that `shoal up` and `shoal demo` run on this machine.

Begin reading at `service_addresses` and `local_services`.
"""
