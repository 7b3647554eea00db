"""How a client proves itself to Kafka, and Kafka to it: said once, and put into the words of each Kafka library."""

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from shoal_client.errors import SecurityInvalid
from shoal_client.kafka_options import Option, require_options
from shoal_client.kafka_tokens import TokenEndpoint

__all__ = ["MECHANISMS", "PROTOCOLS", "KafkaSecurity", "options_of"]

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_PREFIX: Final = "SHOAL_KAFKA_"
_TLS: Final = {"SSL", "SASL_SSL"}
_SASL: Final = {"SASL_SSL", "SASL_PLAINTEXT"}
_TEXTS: Final = (
    "mechanism", "user", "password", "password_file", "ca", "certificate", "key", "key_password", "token_endpoint",
    "token_scope", "token_ca",
)  # fmt: skip
_FILES: Final = ("password_file", "ca", "certificate", "key", "token_ca")
_YES_OR_NO: Final = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


@dataclass(frozen=True, kw_only=True)
class KafkaSecurity:
    """How to connect to Kafka's brokers; with no argument, without TLS and without a user.

    `protocol` is PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT, `mechanism` that of SASL: PLAIN, SCRAM-SHA-256,
    SCRAM-SHA-512, or OAUTHBEARER, by which `user` and `password` are the client id and secret that `token_endpoint`
    gives a token for. `ca`, `certificate` and `key` are PEM files; without a CA, those of the system are trusted.
    `options` are librdkafka's names for anything else. Raises SecurityInvalid, which names the setting that is meant.
    No secret is in its repr.
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    key_password: str = field(default="", repr=False)
    check_hostname: bool = True
    token_endpoint: str = field(default="", repr=False)
    token_scope: str = ""
    token_ca: str = ""
    options: Mapping[str, Option] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_files()
        if self.protocol in _SASL:
            self._check_sasl()
        require_options(self.options)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return what SHOAL_KAFKA_SECURITY and the other variables SHOAL_KAFKA_… say. Raises SecurityInvalid."""
        given = {name: environment.get(_PREFIX + name.upper(), "") for name in _TEXTS}
        return cls(
            protocol=environment.get(_PREFIX + "SECURITY") or "PLAINTEXT",
            check_hostname=_yes_or_no("CHECK_HOSTNAME", environment.get(_PREFIX + "CHECK_HOSTNAME") or "true"),
            options=options_of(environment.get(_PREFIX + "OPTIONS") or "{}"),
            **given,
        )

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol in _TLS

    @property
    def sasl(self) -> bool:
        """Whether a user is named to the broker."""
        return self.protocol in _SASL

    def librdkafka(self) -> dict[str, Option]:
        """Return the settings of a client of confluent-kafka, the options among them."""
        words: dict[str, Option] = {} if self.protocol == "PLAINTEXT" else {"security.protocol": self.protocol}
        if self.tls:
            words["ssl.endpoint.identification.algorithm"] = "https" if self.check_hostname else "none"
            words |= _present({"ssl.ca.location": self.ca, "ssl.certificate.location": self.certificate,
                               "ssl.key.location": self._key_file, "ssl.key.password": self.key_password})  # fmt: skip
        if self.sasl:
            words["sasl.mechanism"] = self.mechanism
            words |= self._oidc() if self.by_token else {"sasl.username": self.user, "sasl.password": self._secret}
        return words | dict(self.options)

    def kafka_python(self) -> dict[str, Any]:
        """Return the arguments of a client of kafka-python, and of one of aiokafka, which have the same names.

        Where `by_token`, `sasl_oauth_token_provider` is to be added: of a class of each library, around `tokens`.
        """
        words: dict[str, Any] = {"security_protocol": self.protocol}
        if self.tls:
            words["ssl_context"] = self.ssl_context
        if self.sasl:
            words["sasl_mechanism"] = self.mechanism
            if not self.by_token:
                words |= {"sasl_plain_username": self.user, "sasl_plain_password": self._secret}
        return words

    @cached_property
    def tokens(self) -> TokenEndpoint:
        """Where tokens for OAUTHBEARER come from; all clients of a process share them."""
        return TokenEndpoint(self.token_endpoint, self.user, self._secret, self.token_scope, self.token_ca)

    @property
    def by_token(self) -> bool:
        """Whether the user is named by a token (OAUTHBEARER)."""
        return self.sasl and self.mechanism == "OAUTHBEARER"

    @property
    def _key_file(self) -> str:
        return self.key or self.certificate  # a PEM file may hold both

    @cached_property
    def _secret(self) -> str:
        return self.password or (
            _read("PASSWORD_FILE", self.password_file).rstrip("\r\n") if self.password_file else ""
        )

    def _oidc(self) -> dict[str, Option]:
        return {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": self.user,
            "sasl.oauthbearer.client.secret": self._secret,
            "sasl.oauthbearer.token.endpoint.url": self.token_endpoint,
            **_present({"sasl.oauthbearer.scope": self.token_scope, "https.ca.location": self.token_ca}),
        }

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """What Python's own TLS is told. Raises SecurityInvalid."""
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            context.check_hostname = self.check_hostname
            if self.certificate:
                context.load_cert_chain(self.certificate, self._key_file, self.key_password or "")
            if "ssl.cipher.suites" in self.options:
                context.set_ciphers(str(self.options["ssl.cipher.suites"]))
            if "ssl.crl.location" in self.options:
                context.load_verify_locations(str(self.options["ssl.crl.location"]))
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        except (OSError, ssl.SSLError) as error:
            raise SecurityInvalid(
                f"SHOAL_KAFKA_CA ({self.ca or 'the system'}), SHOAL_KAFKA_CERTIFICATE ({self.certificate or 'none'}) "
                f"and SHOAL_KAFKA_KEY ({self._key_file or 'none'}) cannot be used: {error}"
            ) from error
        return context

    def _check_choices(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise SecurityInvalid(f"SHOAL_KAFKA_SECURITY is {self.protocol!r}; it is one of {', '.join(PROTOCOLS)}")
        if self.mechanism and self.mechanism not in MECHANISMS:
            raise SecurityInvalid(f"SHOAL_KAFKA_MECHANISM is {self.mechanism!r}; it is one of {', '.join(MECHANISMS)}")
        if self.password and self.password_file:
            raise SecurityInvalid("SHOAL_KAFKA_PASSWORD and SHOAL_KAFKA_PASSWORD_FILE are both set; set one of them")
        needless = self._check_needless
        needless(("mechanism", "user", "password", "password_file"), self.sasl, "names no user", "SASL_SSL")
        needless(("ca", "certificate", "key", "key_password"), self.tls, "is not encrypted", "SSL or SASL_SSL")
        needless(
            ("token_endpoint", "token_scope", "token_ca"), self.by_token,
            "here uses no token", "SASL_SSL and SHOAL_KAFKA_MECHANISM to OAUTHBEARER",
        )  # fmt: skip
        if self.key and not self.certificate:
            raise SecurityInvalid("SHOAL_KAFKA_KEY is set without SHOAL_KAFKA_CERTIFICATE, whose key it is; set both")

    def _check_needless(self, names: tuple[str, ...], needed: bool, because: str, instead: str) -> None:
        for name in names:
            if getattr(self, name) and not needed:
                raise SecurityInvalid(
                    f"SHOAL_KAFKA_{name.upper()} is set, but SHOAL_KAFKA_SECURITY is {self.protocol}, which {because}: "
                    f"set it to {instead}, or leave the other out"
                )

    def _check_files(self) -> None:
        for name in _FILES:
            if path := getattr(self, name):
                _read(name.upper(), path)

    def _check_sasl(self) -> None:
        needed = {"MECHANISM": self.mechanism, "USER": self.user, "PASSWORD": self._secret}
        if self.by_token:
            needed["TOKEN_ENDPOINT"] = self.token_endpoint
        missing = [f"SHOAL_KAFKA_{name}" for name, value in needed.items() if not value]
        if missing:
            file = "" if self._secret else " (or SHOAL_KAFKA_PASSWORD_FILE)"
            raise SecurityInvalid(f"SHOAL_KAFKA_SECURITY={self.protocol} needs {' and '.join(missing)}{file}, too")


def _present(words: Mapping[str, str]) -> dict[str, Option]:
    return {name: value for name, value in words.items() if value}


def _read(name: str, path: str) -> str:
    """Return the text of a file that a setting names. Raises SecurityInvalid."""
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecurityInvalid(f"SHOAL_KAFKA_{name} names {path}, which cannot be read: {why}") from None


def _yes_or_no(name: str, text: str) -> bool:
    try:
        return _YES_OR_NO[text.lower()]
    except KeyError:
        raise SecurityInvalid(f"SHOAL_KAFKA_{name} is {text!r}; it is true or false") from None


def options_of(text: str) -> dict[str, Option]:
    """Return the options that a JSON object holds. Raises SecurityInvalid, without their values."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SecurityInvalid(f"SHOAL_KAFKA_OPTIONS is not JSON: {error}; it is a map of names and values") from None
    if not isinstance(found, dict):
        raise SecurityInvalid('SHOAL_KAFKA_OPTIONS is not a JSON object of names and values, as {"linger.ms": 20}')
    return found
