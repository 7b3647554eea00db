"""Webhooks reach the internet only, whatever name or spelling leads inside, at the moment of the call."""

import asyncio
import socket

import pytest
from pydantic import ValidationError

from state.campaigns.triggers import Trigger, TriggerRule, TriggerStore
from state.store import keys
from stream.campaigns.public_addresses import is_public
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.webhook_call import call_webhook, open_session
from stream.campaigns.webhook_request import new_secret
from tests.stream.campaigns.receiver import Receiver

INSIDE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
    "2001:db8::1", "::127.0.0.1", "0.255.0.0",
)  # fmt: skip
OUTSIDE = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1")
REFUSED_URLS = (
    "http://x/\r\nX: y", "http://x/\nX", "http://x y/", "http://x/a b", "http://x\t/", "http://x/\x00", "http://",
    "http:///path", "ftp://x/", "x", "http://me@x/", "http://me:pw@x/", "http://:pw@x/", "http://x:99999/",
    "http://x\\@evil.example/", "http://[::1/", "javascript:alert(1)", "\u2028http://x/",
)  # fmt: skip


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


@pytest.mark.parametrize("address", INSIDE)
def test_inside_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_is_no_webhook_is_refused(url):
    with pytest.raises(ValidationError):
        TriggerRule(trigger="t", url=url)


@pytest.mark.parametrize(
    "url", ["https://crm.example/hooks?a=b#c", "http://127.0.0.1:9/x", "http://[::1]:80/", "https://müller.example/"]
)
def test_a_url_of_a_webhook_is_taken(url):
    assert TriggerRule(trigger="t", url=url).url == url


def called(urls, **settings):
    """Call each URL in turn in one session, as the service does."""

    async def call():
        async with open_session(TriggerSettings(trigger_timeout_s=10.0, **settings)) as session:
            return [await call_webhook(session, url, new_secret(), "msg_1", b"{}") for url in urls]

    return asyncio.run(call())


def port_of(receiver):
    return receiver.url.rsplit(":", 1)[1]


def test_no_spelling_of_this_host_is_called(receiver):
    hosts = (
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "127.0.0.1.",
    )
    results = called([f"http://{host}:{port_of(receiver)}" for host in hosts])
    assert receiver.calls == []
    for host, result in zip(hosts, results, strict=True):
        assert not result.ok, host
    assert "127.0.0.1 is not a public address" in results[0].detail
    assert "SHOAL_TRIGGER_ADDRESSES=any" in results[0].detail


def test_a_name_that_resolves_to_another_address_later_is_not_called(receiver, monkeypatch):
    """The first answer is of the internet, the next ones are of this host."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host, port, *args, **kwargs):
        if host != "rebinding.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return real("127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    (result,) = called([f"http://rebinding.example:{port_of(receiver)}"])
    assert asked
    assert receiver.calls == []
    assert "is not a public address" in result.detail


def test_any_address_is_called_by_choice(receiver):
    (result,) = called([receiver.url], trigger_addresses="any")
    assert result.status is not None
    assert len(receiver.calls) == 1


def test_the_default_is_public():
    assert TriggerSettings.model_fields["trigger_addresses"].default == "public"


def test_a_trigger_of_an_earlier_release_that_is_refused_now_stops_no_other(redis, caplog):
    store, secret = TriggerStore(redis), new_secret()
    good = Trigger(trigger="good", url="https://h.example/", secret=secret, created_at="2026-01-01T00:00:00Z")
    store.add(good)
    bad = good.model_dump_json().replace("https://h.example/", "http://h.example/\\r\\nX: y").replace("good", "bad")
    redis.hset(keys.TRIGGERS, "bad", bad)
    assert store.all() == {"good": good}
    assert store.all() == {"good": good}
    assert caplog.text.count("the trigger bad is not called") == 1
    assert secret not in caplog.text
    store.remove("bad")
    assert redis.hkeys(keys.TRIGGERS) == [b"good"]
