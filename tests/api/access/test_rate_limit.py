"""A key may make so many requests a minute, over all API processes together."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from starlette.testclient import TestClient

from api.access.api_keys import KeyStore
from api.access.rate_limit import RateLimiter
from api.access.scopes import Scope
from api.app import build_app
from api.settings import ApiSettings
from tests.api.conftest import NOW


async def let_through(url, limit, *, processes, requests, at=1_000_020.0):
    """Return how many of the requests, made at once by several processes, are let through, and the longest wait."""
    client = Redis.from_url(url)
    limiters = [RateLimiter(client, limit, lambda: at) for _ in range(processes)]
    waits = await asyncio.gather(*(limiters[i % processes].retry_after_s("k") for i in range(requests)))
    await client.aclose()
    return waits.count(0), max(waits)


@pytest.mark.parametrize(("limit", "processes"), [(1, 1), (50, 1), (50, 3), (1_000, 1), (1_000, 4)])
def test_no_more_than_the_limit_and_nearly_all_of_it(redis_database_url, limit, processes):
    passed, retry_after_s = asyncio.run(let_through(redis_database_url, limit, processes=processes, requests=3 * limit))
    assert limit - processes * (limit // 100) <= passed <= limit
    assert retry_after_s == 60  # 1,000,020 s is the start of a minute


def test_the_next_minute_begins_anew(redis_database_url):
    first, _ = asyncio.run(let_through(redis_database_url, 5, processes=1, requests=9))
    second, _ = asyncio.run(let_through(redis_database_url, 5, processes=1, requests=9, at=1_000_080.0))
    assert (first, second) == (5, 5)


def test_a_key_that_asks_too_often_is_told_when_to_come_back(app_settings, redis):
    token = KeyStore(redis).create("fast", [Scope.SEGMENTS_READ], NOW).token
    other = KeyStore(redis).create("other", [Scope.SEGMENTS_READ], NOW).token
    with TestClient(build_app(replace(app_settings, api=ApiSettings(api_rate=3)))) as client:
        client.app.state.services.rate_limiter._clock = lambda: 1_000_030.0
        answers = [client.get("/v1/segments", headers={"Authorization": f"Bearer {token}"}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["retry-after"] == "50"
        assert answers[-1].json()["detail"] == "the key may make 3 requests a minute"
        assert client.get("/v1/segments", headers={"Authorization": f"Bearer {other}"}).status_code == 200
