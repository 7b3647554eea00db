"""Fixtures of the tests of what a shop installs."""

from tests.events.conftest import refused_connections

__all__ = ["refused_connections"]
