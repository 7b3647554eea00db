"""The one base class of every error that Shoal raises on purpose."""

from typing import ClassVar


class ShoalError(Exception):
    """Something that a person has to read: what happened, with which value, what to do.

    `retriable` says whether the same call may succeed later without anything being changed.
    """

    retriable: ClassVar[bool] = False
