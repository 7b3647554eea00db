"""An Apache Kafka that lets nobody in without TLS or a user: one broker, with a listener for each way of connecting."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from cli.local.embedded import KafkaBroker, free_port
from cli.local.embedded.apache_kafka import JVM, start_apache_kafka
from tests.brokers import apache_classpath, removed_afterwards
from tests.certificates import HOST, Certificates

USER, PASSWORD = "shoal", 'm4rked "pass;word'
LIMITED = "limited"
"""A user with the same password, and permissions that a test gives it."""
AUDIENCE, ISSUER = "kafka", "https://tests.example"
_LISTENERS = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT", "EXPIRED", "ELSEWHERE", "CONTROLLER")
_PROTOCOLS = {"EXPIRED": "SASL_SSL", "ELSEWHERE": "SASL_SSL", "CONTROLLER": "PLAINTEXT"}
_MECHANISMS = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
_CLASSES = "org.apache.kafka.common.security"


class TokenServer:
    """A token endpoint over TLS, which signs tokens for one client; counts the tokens that it gave."""

    def __init__(self, certificates: Certificates, jwks: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "kid": "test",
            "alg": "RS256",
            "use": "sig",
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }
        jwks.write_text(json.dumps({"keys": [key]}))
        self.given, self.audience = 0, AUDIENCE
        server, owner = ThreadingHTTPServer((HOST, 0), BaseHTTPRequestHandler), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                status, answer = 401, {"error": "invalid_client"}
                if self.headers["Authorization"] == expected:
                    status, answer = 200, {"access_token": owner.sign(), "token_type": "Bearer", "expires_in": 300}
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server.RequestHandlerClass = Handler
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates.server.both)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self._server = server
        self.url = f"https://{HOST}:{server.server_port}/token"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def sign(self) -> str:
        """A token for the user, signed by the key that the broker knows."""
        self.given += 1
        now = int(time.time())
        claims = {"sub": USER, "aud": self.audience, "iss": ISSUER, "iat": now, "exp": now + 300, "scope": "kafka"}
        signed = ".".join(_text(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "test"}, claims))
        return f"{signed}.{_text(self._key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class SecuredKafka:
    """The broker, its certificates and its token endpoint."""

    def __init__(
        self, broker: KafkaBroker, ports: dict[str, int], certificates: Certificates, tokens: TokenServer, folder: Path
    ) -> None:
        self.broker, self.ports, self.certificates, self.tokens = broker, ports, certificates, tokens
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")

    def address(self, listener: str) -> str:
        """host:port of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    def environment(self, way: str) -> dict[str, str]:
        """The settings for a way of connecting: PLAINTEXT, SSL, or the mechanism of SASL_SSL."""
        if way == "PLAINTEXT":
            return {"SHOAL_KAFKA": self.address(way), "SHOAL_KAFKA_SECURITY": way}
        files = {"SHOAL_KAFKA_CA": str(self.certificates.ca)}
        if way == "SSL":
            mine = self.certificates.client
            files |= {"SHOAL_KAFKA_CERTIFICATE": str(mine.certificate), "SHOAL_KAFKA_KEY": str(mine.key)}
            return {"SHOAL_KAFKA": self.address(way), "SHOAL_KAFKA_SECURITY": way, **files}
        user = {"SHOAL_KAFKA_MECHANISM": way, "SHOAL_KAFKA_USER": USER}
        user |= (
            {"SHOAL_KAFKA_PASSWORD_FILE": str(self.password_file)}
            if way == "PLAIN"
            else {"SHOAL_KAFKA_PASSWORD": PASSWORD}
        )
        if way == "OAUTHBEARER":
            user |= {"SHOAL_KAFKA_TOKEN_ENDPOINT": self.tokens.url, "SHOAL_KAFKA_TOKEN_CA": str(self.certificates.ca)}
        return {"SHOAL_KAFKA": self.address("SASL_SSL"), "SHOAL_KAFKA_SECURITY": "SASL_SSL", **files, **user}

    def allow(self, user: str, kind: str, name: str, *operations: str) -> None:
        """Give a user permissions on topics, groups (names that begin so) or the cluster."""
        resource = ResourceType[kind.upper()]
        whole = kind == "broker"
        pattern = ResourcePatternType.LITERAL if whole else ResourcePatternType.PREFIXED
        bindings = [
            AclBinding(
                resource, "kafka-cluster" if whole else name, pattern, f"User:{user}", "*", AclOperation[each],
                AclPermissionType.ALLOW,
            )
            for each in operations
        ]  # fmt: skip
        admin = self._admin()
        for done in admin.create_acls(bindings).values():
            done.result(20)

    def add_scram_users(self) -> None:
        """Tell the broker the users of SCRAM."""
        admin = self._admin()
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # each user once in a request
            info = ScramCredentialInfo(mechanism, 4096)
            wanted = [UserScramCredentialUpsertion(user, info, PASSWORD.encode()) for user in (USER, LIMITED)]
            for done in admin.alter_user_scram_credentials(wanted).values():
                done.result(20)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address("PLAINTEXT")})


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Start the broker, with two users that have no permission yet."""
    certificates, jwks = Certificates(folder), folder / "jwks.json"
    tokens = TokenServer(certificates, jwks)
    ports = {name: free_port() for name in _LISTENERS}
    with removed_afterwards(folder) as directory:
        broker = start_apache_kafka(
            directory,
            classpath=apache_classpath(),
            port=ports["PLAINTEXT"],
            settings=_settings(ports, certificates, jwks),
            jvm=(*JVM, f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={jwks.as_uri()}"),
        )
        with broker:
            found = SecuredKafka(broker, ports, certificates, tokens, folder)
            found.add_scram_users()
            yield found
    tokens.close()


def _settings(ports: dict[str, int], certificates: Certificates, jwks: Path) -> dict[str, str]:
    quoted = PASSWORD.replace('"', '\\"')
    login = f'{_CLASSES}.plain.PlainLoginModule required user_{USER}="{quoted}" user_{LIMITED}="{quoted}";'
    settings = {
        "listeners": ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items()),
        "advertised.listeners": ",".join(
            f"{name}://{HOST}:{port}" for name, port in ports.items() if name != "CONTROLLER"
        ),
        "listener.security.protocol.map": ",".join(f"{name}:{_PROTOCOLS.get(name, name)}" for name in ports),
        "controller.quorum.voters": f"1@{HOST}:{ports['CONTROLLER']}",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.ca),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server.both),
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.location": str(certificates.expired.both),
        "listener.name.elsewhere.ssl.keystore.location": str(certificates.elsewhere.both),
        "sasl.enabled.mechanisms": _MECHANISMS,
    }
    for name in ("sasl_ssl", "sasl_plaintext", "expired", "elsewhere"):
        start = f"listener.name.{name}"
        settings |= {
            f"{start}.sasl.enabled.mechanisms": _MECHANISMS,
            f"{start}.plain.sasl.jaas.config": login.replace("\\", "\\\\"),
            f"{start}.scram-sha-256.sasl.jaas.config": f"{_CLASSES}.scram.ScramLoginModule required;",
            f"{start}.scram-sha-512.sasl.jaas.config": f"{_CLASSES}.scram.ScramLoginModule required;",
            f"{start}.oauthbearer.sasl.jaas.config": f"{_CLASSES}.oauthbearer.OAuthBearerLoginModule required;",
            f"{start}.oauthbearer.sasl.server.callback.handler.class": (
                f"{_CLASSES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            f"{start}.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": jwks.as_uri(),
            f"{start}.oauthbearer.sasl.oauthbearer.expected.audience": AUDIENCE,
            f"{start}.oauthbearer.sasl.oauthbearer.expected.issuer": ISSUER,
        }
    return settings


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))
