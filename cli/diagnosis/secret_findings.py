"""What is found of the secrets of webhooks: whether they are encrypted, under a key that this process has."""

from collections.abc import Iterator

import redis

from cli.diagnosis.finding import Finding, fine, to_change, worth_knowing
from state.campaigns.secret_keys import SecretKeys, SecretSealed
from state.campaigns.triggers import TriggerStore

__all__ = ["secret_findings"]

_AREA = "redis"
_SUBJECT = "secrets"


def secret_findings(client: redis.Redis, secret_keys: SecretKeys) -> Iterator[Finding]:
    """Yield the finding where there are triggers. Raises redis.RedisError."""
    stored = TriggerStore(client).stored()
    if not stored:
        return
    closed = [name for name, each in stored.items() if not _opens(secret_keys, name, each.secret)]
    old = sum(not secret_keys.is_current(each.secret) for each in stored.values())
    if closed:
        detail = f"the secrets of these triggers are encrypted under a key that is not given: {', '.join(closed)}"
        yield to_change(_AREA, _SUBJECT, detail, "export SHOAL_SECRETS_KEY=…   # the key that was used")
    elif not secret_keys:
        detail = f"the secrets of {len(stored)} webhooks are in clear in Redis, its backups, and the topic entries"
        yield worth_knowing(_AREA, _SUBJECT, detail, 'export SHOAL_SECRETS_KEY="$(openssl rand -base64 32 | tr +/ -_)"')
    elif old:
        detail = f"the secrets of {old} webhooks are in clear, or under a key that is not the first"
        yield to_change(_AREA, _SUBJECT, detail, "shoal trigger seal")
    else:
        yield fine(_AREA, _SUBJECT, f"the secrets of {len(stored)} webhooks are encrypted")


def _opens(secret_keys: SecretKeys, name: str, stored: str) -> bool:
    try:
        secret_keys.open(name, stored)
    except SecretSealed:
        return False
    return True
