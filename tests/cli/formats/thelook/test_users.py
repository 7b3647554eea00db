"""Users as profiles."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.formats.thelook.users import People, profile, read_people
from events.schema.inputs import CustomerProfile
from tests.cli.formats.thelook.exporting import user, write


def read(folder: Path, *users: str) -> People:
    return read_people(write(folder, users=list(users)) / "users.csv")


def test_a_user_is_a_profile_without_name_address_and_mail(tmp_path: Path) -> None:
    (person,) = read(tmp_path, user()).people
    at = datetime(2023, 1, 5, 10, 11, 12, tzinfo=UTC)
    told = profile(person)
    assert told == CustomerProfile(
        event_id="thelook-7",
        customer_id="7",
        occurred_at=at,
        signed_up_at=at,
        age=34,
        gender="F",
        city="Porto",
        country="Brazil",
        latitude=41.15,
        longitude=-8.6,
        acquisition_source="Search",
    )
    said = told.model_dump_json()
    assert not any(secret in said for secret in ("Ada", "Secret", "example.org", "Street", "4000"))


@pytest.mark.parametrize(
    ("cells", "field", "count"),
    [
        ({"age": "200"}, "age", {"age": 1, "country": 0, "coordinates": 0}),
        ({"age": "34.5"}, "age", {"age": 1, "country": 0, "coordinates": 0}),
        ({"country": "Unspecified"}, "country", {"age": 0, "country": 1, "coordinates": 0}),
        ({"latitude": "95"}, "latitude", {"age": 0, "country": 0, "coordinates": 1}),
        ({"longitude": ""}, "latitude", {"age": 0, "country": 0, "coordinates": 1}),
        ({"city": "null"}, "city", {"age": 0, "country": 0, "coordinates": 0}),
        ({"age": ""}, "age", {"age": 0, "country": 0, "coordinates": 0}),
    ],
)
def test_a_cell_that_cannot_be_used_is_left_out(
    tmp_path: Path, cells: dict[str, str], field: str, count: dict[str, int]
) -> None:
    found = read(tmp_path, user(**cells))
    (person,) = found.people
    assert getattr(profile(person), field) is None
    assert found.cells_skipped == count


def test_a_row_that_cannot_be_used_is_counted(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        user("2", created="2023-01-07 00:00:00 UTC"),
        user("1.0", created="2023-01-06 00:00:00 UTC"),
        user("1", created="2023-01-08 00:00:00 UTC", country="Nowhere"),
        user("", age="900"),
        user("3", created="then"),
    )
    assert [person.customer_id for person in found.people] == ["1", "2"]
    assert (found.rows, found.skipped) == (5, {"no_id": 1, "no_time": 1, "repeated": 1})
    assert found.cells_skipped == {"age": 0, "country": 0, "coordinates": 0}
    assert found.people[0].at == 1672963200000


def test_a_file_may_have_no_more_than_ids_and_times(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id,created_at\n1,2023-01-05 10:11:12 UTC\n")
    (person,) = read_people(path).people
    assert profile(person).model_dump(exclude_none=True).keys() == {
        *("event_id", "customer_id", "occurred_at", "schema_version", "signed_up_at")
    }
