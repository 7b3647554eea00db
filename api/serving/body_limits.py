"""Bounds of a JSON body that are checked before it is validated, which has a cost for every wrong field."""

import json
from typing import Any, Final

from fastapi import Request

from api.serving.problem_details import ProblemError

__all__ = ["check_body", "excess"]

_MOST_FIELDS: Final = 200
"""Fields of one object; the largest that is taken has some dozens."""
_MOST_VALUES: Final = 5_000
"""Values of all objects and lists; the longest list that is taken has 1,000."""
_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


async def check_body(request: Request) -> None:
    """Raise ProblemError 422 where a body holds more than any operation takes; what is no JSON is left to others."""
    if request.method not in _METHODS:
        return
    body = await request.body()  # kept by the request, so it is read once
    try:
        found = excess(json.loads(body)) if len(body) > _MOST_FIELDS else None
    except (ValueError, RecursionError):
        return
    if found:
        raise ProblemError(422, f"body: {found}; send it in parts")


def excess(document: Any) -> str | None:
    """Return what a document has too many of, None where it has not.

    >>> excess({"customer_ids": ["a"] * 1_000}), excess(dict.fromkeys(map(str, range(300))))
    (None, 'an object has 300 fields, 200 are taken')
    """
    values, waiting = 0, [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if len(each) > _MOST_FIELDS:
                return f"an object has {len(each):,} fields, {_MOST_FIELDS} are taken"
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        values += 1
        if values + len(waiting) > _MOST_VALUES:
            return f"it holds more than {_MOST_VALUES:,} values"
    return None
