"""Columns of profile attributes on a real Redis: declared, or given to the first that come; the same for all."""

import pytest

from state.customers.attribute_columns import ATTRIBUTE_COLUMNS, AttributeColumns, stored_attributes
from state.store.format_settings import FormatMismatch


def test_declared_attributes_have_the_columns_and_no_other_does(redis):
    columns = AttributeColumns(redis, ["score", "visits"])
    columns.register({"other": 3.0})
    assert columns.names == stored_attributes(redis) == ("score", "visits")


def test_without_declaration_the_first_numbers_that_come_get_columns(redis):
    columns = AttributeColumns(redis, excluded=["income"])
    assert stored_attributes(redis) == ()
    columns.register({"tier": "gold", "vip": True, "score": 3.5, "income": 2.0, "a,b": 1.0, "": 1.0})
    columns.register({"visits": 1})
    assert columns.names == stored_attributes(redis) == ("score", "visits")


def test_no_more_attributes_get_columns_than_there_are(redis):
    columns = AttributeColumns(redis)
    columns.register({f"a{i}": 1.0 for i in range(ATTRIBUTE_COLUMNS + 3)})
    columns.register({"late": 1.0})
    assert columns.names == tuple(f"a{i}" for i in range(ATTRIBUTE_COLUMNS))


def test_two_workers_give_the_same_columns_whoever_is_first(redis):
    one, other = AttributeColumns(redis), AttributeColumns(redis)
    one.register({"score": 1.0})
    other.register({"visits": 1.0})
    one.register({"visits": 1.0})
    assert one.names == other.names == AttributeColumns(redis).names == ("score", "visits")


def test_a_redis_that_came_back_older_is_told_again(redis):
    columns = AttributeColumns(redis)
    columns.register({"score": 1.0})
    redis.flushdb()
    columns.reassert()
    assert stored_attributes(redis) == ("score",)


def test_columns_that_another_gave_otherwise_are_refused(redis):
    columns = AttributeColumns(redis)
    columns.register({"score": 1.0})
    redis.flushdb()
    AttributeColumns(redis).register({"visits": 1.0})
    with pytest.raises(FormatMismatch, match=r'attributes is \["score"\].*written with \["visits"\]'):
        columns.reassert()
    assert stored_attributes(redis) == ("visits",)


@pytest.mark.parametrize("declared", [["score"], ["visits", "score"], ["score", "visits", "age"]])
def test_other_attributes_than_the_data_was_written_with_are_refused(redis, declared):
    AttributeColumns(redis, ["score", "visits"])
    with pytest.raises(FormatMismatch):
        AttributeColumns(redis, declared)
    assert stored_attributes(redis) == ("score", "visits")
