"""Mall customers: 200 profiles (gender, age, income, spending score) without any order."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from cli.formats.file_invalid import FileInvalid
from events.schema.inputs import CustomerProfile

__all__ = ["MALL_AT", "read_mall"]

MALL_AT: Final = datetime(2018, 1, 1, tzinfo=UTC)
"""When the profiles count as written: the file has no dates, and the same file must give the same events."""

_COLUMNS: Final = ("CustomerID", "Genre", "Age", "Annual Income (k$)", "Spending Score (1-100)")


def read_mall(path: Path) -> list[CustomerProfile]:
    """Return the profiles of `Mall_Customers.csv`; income in dollars, the score as attribute `spending_score`.

    Raises:
        FileInvalid: a row is not as in this file, or an id comes twice.
    """
    profiles: dict[str, CustomerProfile] = {}
    for place, cells in _rows(path):
        try:
            profile = _profile(cells)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in detail["loc"])
            raise FileInvalid(str(path), place, f"{name}: {detail['msg']}, found {detail['input']!r}") from None
        except ValueError as error:
            raise FileInvalid(str(path), place, str(error)) from None
        if profile.customer_id in profiles:
            raise FileInvalid(str(path), place, f"customer {profile.customer_id} stands in the file twice")
        profiles[profile.customer_id] = profile
    return list(profiles.values())


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if [_plain(name) for name in header] not in ([_plain(name) for name in _COLUMNS], _WITH_GENDER):
            raise FileInvalid(str(path), "line 1", f"should be {','.join(_COLUMNS)!r}, found {','.join(header)[:80]!r}")
        for cells in reader:
            if cells:
                yield f"line {reader.line_num}", cells


def _plain(name: str) -> str:
    return name.strip().lower()


_WITH_GENDER: Final = [_plain(name if name != "Genre" else "Gender") for name in _COLUMNS]


def _profile(cells: list[str]) -> CustomerProfile:
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"a row has {len(_COLUMNS)} cells, found {len(cells)}")
    customer_id, gender, age, income, score = (cell.strip() for cell in cells)
    return CustomerProfile.model_validate(
        {
            "event_id": f"mall-{customer_id}",
            "customer_id": customer_id,
            "occurred_at": MALL_AT,
            "age": _whole("Age", age),
            "gender": gender,
            "income": 1_000.0 * _whole("Annual Income (k$)", income),
            "attributes": {"spending_score": float(_whole("Spending Score (1-100)", score))},
        }
    )


def _whole(name: str, cell: str) -> int:
    if not cell.isdecimal():
        raise ValueError(f"{name}: should be a whole number, found {cell[:20]!r}")
    return int(cell)
