"""Errors of fitting a baseline: each says what was found and what to do. The live baseline stays as it is."""

from events.base_error import ShoalError

__all__ = ["AlgorithmUnknown", "FeatureMissing", "NoCandidate", "NoCustomers", "TooFewCustomers"]


class NoCustomers(ShoalError):
    """There are no customers."""


class TooFewCustomers(ShoalError):
    """There are fewer different customers than segments."""


class FeatureMissing(ShoalError):
    """No customer has a value of a feature."""


class AlgorithmUnknown(ShoalError):
    """No clustering algorithm has this name."""


class NoCandidate(ShoalError):
    """No number of segments and no algorithm gave a clustering that can be used."""
