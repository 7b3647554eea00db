"""The keys under which the secrets of webhooks are stored encrypted, where there are any."""

import re
from collections.abc import Sequence
from typing import Final

from events.base_error import ShoalError
from state.settings import RedisSettingsInvalid, StateSettings, read_setting_file

__all__ = ["SEALED", "SecretKeys", "SecretSealed", "secret_keys"]

SEALED: Final = "sealed:"
"""How a stored secret begins that is encrypted."""

_WHAT: Final = "SHOAL_SECRETS_KEY (or SHOAL_SECRETS_KEY_FILE)"


class SecretSealed(ShoalError):
    """A stored secret is encrypted under a key that this process does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the secret of trigger {name!r} is encrypted under a key that is not in {_WHAT}")


class SecretKeys:
    """Encrypts under the first key and decrypts under any of them (Fernet); without keys, secrets stay in clear.

    >>> key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    >>> SecretKeys([key]).open("t", SecretKeys([key]).seal("whsec_x"))
    'whsec_x'
    >>> SecretKeys([]).seal("whsec_x")
    'whsec_x'
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Take keys of 32 bytes, base64. Raises RedisSettingsInvalid for others."""
        self._keys = [_checked(key) for key in keys]

    def __repr__(self) -> str:
        return f"SecretKeys({len(self._keys)} keys)"

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, secret: str) -> str:
        """Return a secret as it is stored."""
        from cryptography.fernet import Fernet

        return SEALED + Fernet(self._keys[0]).encrypt(secret.encode()).decode() if self._keys else secret

    def open(self, name: str, stored: str) -> str:
        """Return a stored secret in clear; `name` is that of its trigger. Raises SecretSealed."""
        if not stored.startswith(SEALED):
            return stored
        found = self._opened(stored, self._keys)
        if found is None:
            raise SecretSealed(name)
        return found

    def is_current(self, stored: str) -> bool:
        """Return whether a stored secret is as `seal` would store it: under the first key, or in clear without one."""
        if not self._keys:
            return not stored.startswith(SEALED)
        return stored.startswith(SEALED) and self._opened(stored, self._keys[:1]) is not None

    def _opened(self, stored: str, keys: Sequence[str]) -> str | None:
        from cryptography.fernet import Fernet, InvalidToken

        for key in keys:
            try:
                return Fernet(key).decrypt(stored.removeprefix(SEALED)).decode()
            except InvalidToken:
                continue
        return None


def secret_keys(settings: StateSettings) -> SecretKeys:
    """Return the keys of the settings, those of the variable before those of the file. Raises RedisSettingsInvalid."""
    file = settings.secrets_key_file
    text = f"{settings.secrets_key}\n{read_setting_file('secrets_key_file', file) if file else ''}"
    return SecretKeys([key for key in re.split(r"[\s,]+", text) if key])


def _checked(key: str) -> str:
    from cryptography.fernet import Fernet

    try:
        Fernet(key)
    except ValueError:
        raise RedisSettingsInvalid(
            f"{_WHAT} holds something of {len(key)} characters that is no key: a key is 32 random bytes as URL-safe "
            "base64, `openssl rand -base64 32 | tr +/ -_` makes one"
        ) from None
    return key
