"""Tokens for OAUTHBEARER, from a token endpoint by the client credentials grant (RFC 6749, section 4.4)."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3

from shoal_client.errors import KafkaRefuses

__all__ = ["TokenEndpoint"]

_TIMEOUT_S: Final = 10.0
_SHARE_OF_LIFE: Final = 0.8
_LIFE_S: Final = 300.0
"""How long a token is used whose endpoint does not say how long it lives."""


class TokenEndpoint:
    """Gives a token, and asks for another when most of its life is over; safe to share between threads.

    `ca` is a PEM file of the certificates that may have signed the endpoint's; without one, the system's may.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        scope: str = "",
        ca: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._client_id, self._secret, self._scope, self._clock = url, client_id, client_secret, scope, clock
        self._pool = urllib3.PoolManager(
            maxsize=1, timeout=_TIMEOUT_S, retries=urllib3.Retry(total=1, redirect=False, status=0), ca_certs=ca or None
        )
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def token(self) -> str:
        """Return a token that is valid for some time. Raises KafkaRefuses."""
        with self._lock:
            if self._clock() >= self._until:
                asked = self._clock()
                self._token, life_s = self._fetch()
                self._until = asked + _SHARE_OF_LIFE * life_s
            return self._token

    def _fetch(self) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        headers = {
            **urllib3.make_headers(basic_auth=f"{self._client_id}:{self._secret}"),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        try:
            answer = self._pool.request("POST", self._url, body=urlencode(form), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise self._refused(f"does not answer ({error})") from error
        if answer.status != 200:
            raise self._refused(
                f"gives the client {self._client_id!r} no token: HTTP {answer.status}{_why(answer.data)}"
            )
        document = _document(answer.data)
        token, life_s = document.get("access_token"), document.get("expires_in", _LIFE_S)
        if not isinstance(token, str) or not isinstance(life_s, int | float):
            raise self._refused("answers without an access_token, or with an expires_in that is no number")
        return token, float(life_s)

    def _refused(self, why: str) -> KafkaRefuses:
        parts = urlsplit(self._url)
        where = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        return KafkaRefuses(
            f"the token endpoint {where} {why}. Set SHOAL_KAFKA_TOKEN_ENDPOINT, SHOAL_KAFKA_USER and "
            "SHOAL_KAFKA_PASSWORD (or SHOAL_KAFKA_PASSWORD_FILE) to the endpoint, the client id and the client secret."
        )


def _why(body: bytes) -> str:
    """Return what the answer says of an error (RFC 6749, section 5.2), or nothing."""
    error = _document(body).get("error")
    return f", {error!r}" if isinstance(error, str) else ""


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
