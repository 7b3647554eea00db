"""Redis with TLS, with users and behind Sentinels: it is connected to, and what is wrong is said in one sentence."""

import asyncio
import json
from contextlib import ExitStack

import pytest
import redis as redis_py

from cli.local.embedded import start_redis
from state.settings import RedisSettingsInvalid, StateSettings
from state.store.clients import close_async_client, open_async_client
from state.store.connection import RedisRefuses, RedisUnreachable, connect, connect_for_service
from state.store.replica_reads import ReplicaReads
from tests.certificates import Certificates
from tests.secured_redis import PASSWORD, SentinelRedis, tls_redis
from tests.waiting import until

pytestmark = pytest.mark.redis
MARK = "m4rked"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secured(certificates, tmp_path_factory):
    """The URL of a Redis that wants a client certificate, and the settings that are right for it."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "password").write_text(PASSWORD + "\n")
    mine = certificates.client
    with tls_redis(folder / "redis", certificates, mutual=True) as url:
        yield {
            "redis": url, "redis_password_file": str(folder / "password"), "redis_ca": str(certificates.ca),
            "redis_certificate": str(mine.certificate), "redis_key": str(mine.key),
        }  # fmt: skip


def test_tls_a_client_certificate_and_a_user_from_a_file(secured):
    settings = StateSettings(**secured)
    with connect_for_service(settings) as client:
        client.set("segment:anna", b"{}")
        with pytest.raises(redis_py.exceptions.NoPermissionError):  # as the user, not as the server's default one
            client.config_set("maxmemory", 0)

    async def read() -> bytes:
        other = open_async_client(settings.redis, 5.0, 2)
        try:
            return await other.get("segment:anna")
        finally:
            await close_async_client(other)

    assert asyncio.run(read()) == b"{}"
    assert MARK not in repr(settings) + str(settings)


def test_what_is_wrong_with_tls_is_said(secured, certificates, redis_url):
    plain = secured["redis"].replace("rediss://", "redis://").replace("@", ":x@")
    wrong = {
        "other-ca.pem): set SHOAL_REDIS_CA to the CA that signed it": {"redis_ca": str(certificates.other_ca)},
        "ends the TLS handshake": {"redis_certificate": "", "redis_key": ""},
        "a Redis without TLS says nothing to one who speaks TLS": {"redis": redis_url.replace("redis://", "rediss://")},
        "one that expects TLS ends a connection without it": dict.fromkeys(secured, "") | {"redis": plain},
        "refuses the user or password": {"redis_password_file": str(certificates.ca)},
    }
    for said, changes in wrong.items():
        settings = StateSettings(**{name: value for name, value in (secured | changes).items() if value})
        with pytest.raises((RedisRefuses, RedisUnreachable)) as refused:
            connect(settings.redis, timeout_s=2.0)
        assert said in str(refused.value), (said, str(refused.value))
        assert MARK not in str(refused.value)


@pytest.mark.parametrize(
    ("which", "said"),
    [("expired", "its certificate has expired"), ("elsewhere", "its certificate is for another host")],
)
def test_a_certificate_that_does_not_hold_is_said(which, said, certificates, tmp_path):
    with tls_redis(tmp_path / "redis", certificates, server=getattr(certificates, which)) as url:
        settings = StateSettings(redis=url, redis_ca=str(certificates.ca))
        with pytest.raises(RedisRefuses, match=said):
            connect(settings.redis)
        if which == "elsewhere":
            unchecked = StateSettings(
                redis=url.replace("@", ":wrong@"), redis_ca=str(certificates.ca), redis_check_hostname=False
            )
            with pytest.raises(RedisRefuses, match="refuses the user or password"):  # so TLS stood
                connect(unchecked.redis)


def test_settings_that_contradict_each_other_are_refused(certificates):
    with pytest.raises(RedisSettingsInvalid, match="SHOAL_REDIS does not begin with rediss"):
        StateSettings(redis=f"redis://:{MARK}@h/0", redis_ca=str(certificates.ca))
    with pytest.raises(RedisSettingsInvalid, match="SHOAL_REDIS_CA names /nowhere, which cannot be read: No such file"):
        StateSettings(redis="rediss://h/0", redis_ca="/nowhere")


def test_a_cluster_is_refused_in_one_sentence():
    with pytest.raises(RedisRefuses, match="which Shoal does not use: set SHOAL_REDIS to a single Redis"):
        connect("redis+cluster://127.0.0.1:1,127.0.0.1:2")


def test_after_a_failover_the_new_primary_is_written_to(tmp_path):
    with ExitStack() as stack:
        servers = SentinelRedis(tmp_path, stack)
        with connect_for_service(StateSettings(redis=servers.url)) as client:
            client.set("before", b"1")
            until(lambda: client.wait(1, 500) == 1, what="the replica has it")
            servers.primary.kill()

            def written() -> bool:
                try:
                    return bool(client.set("after", b"2"))
                except redis_py.RedisError:
                    return False

            until(written, 30.0, "the new primary takes writes")
            assert client.get("before") == b"1"
            port = client.connection_pool.get_master_address()[1]
            assert port == servers.replica.port


def test_segments_are_read_from_a_replica_and_without_it_from_the_primary(tmp_path):
    segment = json.dumps({"segment_id": "s1"}).encode()
    with ExitStack() as stack:
        servers = SentinelRedis(tmp_path, stack)
        replica = f"redis://127.0.0.1:{servers.replica.port}/0"
        primary = f"redis://127.0.0.1:{servers.primary.port}/0"
        with connect(primary) as client:
            client.set("segment:anna", segment)
            until(lambda: client.wait(1, 500) == 1, what="the replica has it")

        async def read_all() -> list[object]:
            found: list[object] = []
            for url, setting in ((primary, replica), (servers.url, "sentinel")):
                settings = StateSettings(redis=url, redis_replica=setting)
                direct = open_async_client(settings.redis, 2.0, 4)
                reads = ReplicaReads.opened(settings, direct, 2.0, 4)
                found += [await reads.get("segment:anna"), await reads.mget(["segment:anna", "segment:bert"])]
                if setting == "sentinel":
                    servers.replica.kill()
                    found.append(await reads.get("segment:anna"))
                await reads.aclose()
                await close_async_client(direct)
            return found

        commands = lambda: connect(replica).info("commandstats").get("cmdstat_mget", {}).get("calls", 0)  # noqa: E731
        assert commands() == 0
        assert asyncio.run(read_all()) == [segment, [segment, None], segment, [segment, None], segment]


def test_a_url_of_a_replica_gets_the_same_certificates(certificates):
    settings = StateSettings(
        redis="rediss://a:6380/0", redis_replica="rediss://b:6380/0", redis_ca=str(certificates.ca)
    )
    assert settings.redis_replica.startswith("rediss://b:6380/0?ssl_ca_certs=")
    assert settings.redis.startswith("rediss://a:6380/0?ssl_ca_certs=")


def test_without_settings_beside_it_the_url_is_as_it_was_given(tmp_path):
    with start_redis(tmp_path / "r") as server:
        assert StateSettings(redis=server.url).redis == server.url
