"""The base class of every error that Shoal raises on purpose: the same that the client raises in a shop."""

from shoal_client.errors import ShoalError

__all__ = ["ShoalError"]
