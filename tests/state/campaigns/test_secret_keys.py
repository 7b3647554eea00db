"""Secrets of webhooks are stored encrypted under the first key, and read under any."""

import base64
import itertools
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from cli.diagnosis.secret_findings import secret_findings
from state.campaigns.secret_keys import SecretKeys, SecretSealed, secret_keys
from state.campaigns.triggers import Trigger, TriggerStore
from state.settings import RedisSettingsInvalid, StateSettings
from state.store import keys
from stream.campaigns.webhook_request import new_secret

OLD, NEW = (base64.urlsafe_b64encode(bytes([each]) * 32).decode() for each in (1, 2))
SECRET = new_secret()


def trigger(name="t"):
    return Trigger(trigger=name, url="http://x/", secret=SECRET, created_at=datetime.now(UTC))


def store(redis, *given):
    return TriggerStore(redis, secret_keys=SecretKeys(given))


def held(redis):
    """All that Redis holds, as bytes."""
    return b"".join(itertools.chain.from_iterable(redis.hgetall(keys.TRIGGERS).items()))


def finding(redis, *given):
    (found,) = secret_findings(redis, SecretKeys(given))
    return found


def test_what_is_stored_holds_no_secret_and_is_read_back(redis):
    store(redis, NEW).add(trigger())
    assert SECRET.removeprefix("whsec_").encode() not in held(redis)
    for given in ((NEW,), (OLD, NEW)):
        assert store(redis, *given).get("t").secret == SECRET
        assert store(redis, *given).find("t").secret == SECRET
        assert store(redis, *given).all()["t"].secret == SECRET
    assert store(redis, NEW).get("t") == store(redis, NEW).all()["t"]


def test_without_its_key_it_is_not_read_and_never_taken_for_one(redis):
    store(redis, OLD).add(trigger())
    for given in ((), (NEW,)):
        for read in (lambda each: each.all(), lambda each: each.get("t"), lambda each: each.find("t")):
            with pytest.raises(SecretSealed, match="'t' is encrypted"):
                read(store(redis, *given))
        assert store(redis, *given).names() == list(store(redis, *given).stored()) == ["t"]
        assert finding(redis, *given).state == "change"
    with pytest.raises(ValidationError):
        Trigger.model_validate(store(redis).get_stored("t").model_dump())
    with pytest.raises(SecretSealed):
        store(redis, NEW).seal_secrets()


def test_clear_secrets_are_migrated_and_keys_rotate(redis):
    for name in ("a", "b"):
        store(redis).add(trigger(name))
    assert finding(redis).state == "note"
    assert store(redis).seal_secrets() == 0
    assert SECRET.encode() in held(redis)
    assert finding(redis, OLD).do == "shoal trigger seal"
    assert store(redis, OLD).seal_secrets() == 2
    assert SECRET.encode() not in held(redis)
    before = held(redis)
    assert store(redis, OLD).seal_secrets() == 0
    assert held(redis) == before
    assert store(redis, NEW, OLD).seal_secrets() == 2
    assert {each.secret for each in store(redis, NEW).all().values()} == {SECRET}
    assert finding(redis, NEW).state == "ok"


def test_keys_come_from_the_variable_and_from_the_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{OLD}\n")
    given = secret_keys(StateSettings(secrets_key=NEW, secrets_key_file=str(file)))
    sealed = given.seal(SECRET)
    assert SecretKeys([NEW]).open("t", sealed) == SECRET
    assert given.open("t", SecretKeys([OLD]).seal(SECRET)) == SECRET
    assert not secret_keys(StateSettings())


@pytest.mark.parametrize("wrong", ["m4rked", NEW[:-4], "AAAA" + NEW])
def test_what_is_no_key_is_refused_without_being_shown(wrong):
    with pytest.raises(RedisSettingsInvalid, match="is no key") as refused:
        secret_keys(StateSettings(secrets_key=wrong))
    assert wrong not in str(refused.value)


def test_no_repr_shows_a_key_or_a_secret(redis):
    shown = repr([StateSettings(secrets_key=NEW), SecretKeys([NEW]), trigger(), store(redis, NEW)])
    assert NEW not in shown
    assert SECRET not in shown
