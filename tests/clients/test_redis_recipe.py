"""The recipe of the documentation for reading Redis works as it is written."""

import re
from pathlib import Path

from redis import Redis

from tests.api.conftest import fill

PAGE = Path(__file__).parents[2] / "docs/api.md"


def test_the_recipe_reads_a_segment(redis, redis_database_url, monkeypatch):
    fill(redis, ["00001"])
    recipe = re.search(r"^    import json, redis\n(?:    .+\n)+", PAGE.read_text(), re.MULTILINE)[0]
    lines = [line.removeprefix("    ") for line in recipe.splitlines()]
    assert len(lines) == 3
    monkeypatch.setattr("redis.Redis", lambda host: Redis.from_url(redis_database_url))
    found = {}
    exec("\n".join(lines), found)  # noqa: S102 - the documentation is ours
    assert found["segment_id"] == "s1"
