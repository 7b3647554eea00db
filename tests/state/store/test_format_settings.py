"""The settings that data was written under are recorded once, and others are refused."""

import pytest

from state.store.format_settings import FormatMismatch, require_same_format

WRITTEN = {"partitions": "8", "half_life_days": "90", "attributes": ""}


def test_an_empty_redis_records_the_settings(redis):
    require_same_format(redis, WRITTEN)
    assert {name.decode(): value.decode() for name, value in redis.hgetall("format").items()} == WRITTEN


def test_the_same_settings_agree_again_and_again(redis):
    for _ in range(3):
        require_same_format(redis, WRITTEN)
    require_same_format(redis, {"partitions": "8"})


@pytest.mark.parametrize(
    ("name", "mine", "advice"),
    [("partitions", "16", "SHOAL_PARTITIONS=8"), ("half_life_days", "30", "SHOAL_HALF_LIFE_DAYS=90")],
)
def test_another_setting_is_refused_with_what_to_do(redis, name, mine, advice):
    require_same_format(redis, WRITTEN)
    with pytest.raises(FormatMismatch, match=f"{name} is {mine}.*{advice}") as raised:
        require_same_format(redis, {**WRITTEN, name: mine})
    assert raised.value.name == name


def test_a_refusal_leaves_what_is_recorded_as_it_was(redis):
    require_same_format(redis, WRITTEN)
    before = redis.hgetall("format")
    with pytest.raises(FormatMismatch):
        require_same_format(redis, {**WRITTEN, "partitions": "16"})
    assert redis.hgetall("format") == before


def test_a_setting_that_is_new_in_this_release_is_recorded_beside_the_others(redis):
    require_same_format(redis, WRITTEN)
    require_same_format(redis, {**WRITTEN, "currency": "EUR"})
    with pytest.raises(FormatMismatch, match="currency is USD"):
        require_same_format(redis, {"currency": "USD"})
