"""The short way to a segment answers as the long one does, and leaves to it whatever is not plain."""

import asyncio
from urllib.parse import quote

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Away

from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from queries.segments.segment_reader import SegmentReader
from tests.api.conftest import EVIL, fill


@pytest.fixture
def both(shop, monkeypatch):
    """Asks in the short way and in the long one; returns the two answers."""

    def ask(path, headers, method="GET"):
        short = shop.client.request(method, path, headers=headers)
        with monkeypatch.context() as patched:
            patched.setattr("api.serving.segment_fast_path._PATH_PREFIX", "nothing begins like this")
            return short, shop.client.request(method, path, headers=headers)

    return ask


@pytest.mark.parametrize(
    "path",
    [
        *(f"/v1/customers/{quote(name, safe='')}/segment" for name in ("c001", EVIL, "a/b", "ü€ 100%?#", "nobody")),
        "/v1/customers/a/b/segment",
        "/v1/customers//segment",
        "/v1/customers/segment",
        f"/v1/customers/{'x' * 129}/segment",
        "/v1/customers/c001/segment/",
        "/v1/customers/c001/segment?x=1",
        "/v1/customers/%FF/segment",
        "/v1/customers/c001%2Fsegment",
    ],
)
@pytest.mark.parametrize("scope", [Scope.SEGMENTS_READ, Scope.CUSTOMERS_READ, Scope.EXPERIMENTS_READ, None])
def test_both_ways_answer_the_same(shop, both, path, scope):
    short, long = both(path, shop.headers(scope) if scope else {})
    assert (short.status_code, short.content) == (long.status_code, long.content)
    assert dict(short.headers) == dict(long.headers)


@pytest.mark.parametrize(
    "authorization", ["Bearer  {}", "bearer {}", "Bearer {}x", "Basic {}", "{}", "Bearer", "Bearer {} ", "Bearer ü"]
)
def test_a_key_in_another_form_is_taken_as_before(shop, both, authorization):
    value = authorization.format(shop.token(Scope.SEGMENTS_READ)).encode("latin-1")
    short, long = both("/v1/customers/c001/segment", {"Authorization": value})
    assert (short.status_code, short.content) == (long.status_code, long.content)


def test_other_methods_are_refused(both, shop):
    for method in ("HEAD", "POST", "DELETE"):
        short, long = both("/v1/customers/c001/segment", shop.headers(Scope.ADMIN), method)
        assert short.status_code == long.status_code == 405


def test_reads_are_counted_for_metrics_and_audit(shop):
    for name in ("c001", "c002", "nobody"):
        shop.get(f"/v1/customers/{name}/segment", Scope.SEGMENTS_READ)
    services = shop.client.app.state.services
    text = services.request_metrics.text().decode()
    place = 'method="GET",route="/v1/customers/{customer_id:path}/segment"'
    assert f'shoal_http_requests_total{{{place},status="200"}} 2.0' in text
    assert f'shoal_http_requests_total{{{place},status="404"}} 1.0' in text
    shop.client.portal.call(services.audit.flush)
    assert [(each.action, each.times) for each in read_audit(shop.redis)] == [("segment.read", 2)]


def test_a_key_out_of_requests_is_told_so(shop, monkeypatch):
    rate = shop.client.app.state.services.rate_limiter
    monkeypatch.setattr(rate, "_limit", 2)
    monkeypatch.setattr(rate, "_lease_size", 1)
    monkeypatch.setattr(rate, "_clock", lambda: 1_000_030.0)
    answers = [shop.get("/v1/customers/c001/segment", Scope.SEGMENTS_READ) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "50"


class Counting:
    """A Redis client that counts round trips, and fails while `away`."""

    def __init__(self, client):
        self._client, self.trips, self.away = client, 0, False

    async def get(self, name):
        return (await self.mget([name]))[0]

    async def mget(self, names):
        self.trips += 1
        if self.away:
            raise Away("gone")
        return await self._client.mget(names)


@pytest.mark.parametrize(("readers", "most_trips"), [(1, 1), (100, 3), (600, 5)])
def test_reads_of_one_moment_share_round_trips(redis, redis_database_url, readers, most_trips):
    names = [f"c{i}" for i in range(300)]
    fill(redis, names)

    async def read():
        async with Redis.from_url(redis_database_url) as client:
            counting = Counting(client)
            reads = SegmentReader(counting)
            found = await asyncio.gather(*(reads.one(f"c{i}") for i in range(readers)))
            return found, counting.trips

    found, trips = asyncio.run(read())
    assert trips <= most_trips
    assert [value is not None for value in found] == [i < 300 for i in range(readers)]
    assert all(f'"c{i}:1"'.encode() in found[i] for i in range(min(readers, 300)))


def test_everybody_who_waits_hears_that_redis_is_away_and_the_next_one_is_answered(redis, redis_database_url):
    fill(redis, ["c1"])

    async def read():
        async with Redis.from_url(redis_database_url) as client:
            counting = Counting(client)
            reads = SegmentReader(counting)
            counting.away = True
            failed = await asyncio.gather(*(reads.one("c1") for _ in range(20)), return_exceptions=True)
            counting.away = False
            return failed, await reads.one("c1")

    failed, after = asyncio.run(read())
    assert all(isinstance(each, Away) for each in failed)
    assert after is not None


def test_who_does_not_wait_any_more_stops_nobody(redis, redis_database_url):
    fill(redis, ["c1", "c2"])

    async def read():
        async with Redis.from_url(redis_database_url) as client:
            reads = SegmentReader(client)
            gone, stays = asyncio.create_task(reads.one("c1")), asyncio.create_task(reads.one("c2"))
            await asyncio.sleep(0)
            gone.cancel()
            return await stays

    assert asyncio.run(read()) is not None
