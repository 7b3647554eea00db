"""users.csv as profiles: what a Shoal profile has, and neither names nor addresses."""

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from cli.formats.country_spellings import usual_country
from cli.formats.thelook.csv_tables import NEVER, Faults, ids, instant, milliseconds, numbers, read_table, sift, texts
from events.schema.inputs import CustomerProfile

__all__ = ["People", "Person", "profile", "read_people"]

_REQUIRED: Final = ("id", "created_at")
_OPTIONAL: Final = ("age", "gender", "city", "country", "latitude", "longitude", "traffic_source")
_FAULTS: Final[Faults] = {
    "no_id": lambda people: people["customer_id"] == "",
    "no_time": lambda people: people["at"] == NEVER,
    "repeated": lambda people: people["customer_id"].duplicated(),
}


class Person(NamedTuple):
    """A user; NaN and "" for what is not known. `at` is the sign-up in ms since 1970."""

    customer_id: str
    at: int
    age: float
    gender: str
    city: str
    country: str
    latitude: float
    longitude: float
    source: str


class People(NamedTuple):
    """The users by time of sign-up, the rows read, those left out by reason, and cells left out by their fields."""

    people: list[Person]
    rows: int
    skipped: dict[str, int]
    cells_skipped: dict[str, int]


def read_people(path: Path) -> People:
    """Return the users of users.csv; a cell that a profile cannot hold is left out, not the user.

    Raises:
        FileInvalid: the file cannot be read, or a column is missing.
    """
    table = read_table(path, _REQUIRED, _OPTIONAL)
    age = numbers(table["age"], 0, 150)
    latitude, longitude = numbers(table["latitude"], -90, 90), numbers(table["longitude"], -180, 180)
    placed = latitude.notna() & longitude.notna()
    declared = texts(table["country"])
    countries = {each: usual_country(each) or "" for each in declared.unique() if each}
    people = pd.DataFrame(
        {
            "customer_id": ids(table["id"]),
            "at": milliseconds(table["created_at"]),
            "age": age.where(age == np.rint(age)),
            "gender": texts(table["gender"]),
            "city": texts(table["city"]),
            "country": pd.Series([countries.get(each, "") for each in declared], dtype="str"),
            "latitude": latitude.where(placed),
            "longitude": longitude.where(placed),
            "source": texts(table["traffic_source"]),
        }
    )
    left_out = {
        "age": table["age"].notna() & people["age"].isna(),
        "country": table["country"].notna() & (people["country"] == ""),
        "coordinates": (table["latitude"].notna() | table["longitude"].notna()) & ~placed,
    }
    kept, skipped = sift(people.assign(**{f"no {name}": bad for name, bad in left_out.items()}), _FAULTS)
    cells = {name: int(kept[f"no {name}"].sum()) for name in left_out}
    kept = kept[list(people.columns)].sort_values("at", kind="stable")
    return People([Person(*row) for row in kept.itertuples(index=False)], len(table), skipped, cells)


def profile(person: Person) -> CustomerProfile:
    """Return the profile event of a user, as of the sign-up."""
    values: dict[str, Any] = {
        "age": None if np.isnan(person.age) else int(person.age),
        "gender": person.gender or None,
        "city": person.city or None,
        "country": person.country or None,
        "latitude": None if np.isnan(person.latitude) else person.latitude,
        "longitude": None if np.isnan(person.longitude) else person.longitude,
        "acquisition_source": person.source or None,
    }
    at = instant(person.at)
    return CustomerProfile(
        event_id=f"thelook-{person.customer_id}",
        customer_id=person.customer_id,
        occurred_at=at,
        signed_up_at=at,
        **{name: value for name, value in values.items() if value is not None},
    )
