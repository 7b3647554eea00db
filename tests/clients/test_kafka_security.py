"""What is said to each Kafka client for every way of connecting, and which settings are refused."""

import re
import ssl
from pathlib import Path

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from events.settings import KafkaSettings
from shoal_client import KafkaSecurity, SecurityInvalid
from stream.faust_processes import faust_credentials
from tests.certificates import Certificates

MARK = "m4rked"
ENDPOINT = "https://tokens.example/t"
WAYS = {
    "PLAINTEXT": {},
    "SSL": {"protocol": "SSL"},
    "SSL with a certificate": {"protocol": "SSL", "certificate": "certificate", "key": "key"},
    "SSL with key and certificate in one file": {"protocol": "SSL", "certificate": "both"},
    "SSL whatever the host": {"protocol": "SSL", "check_hostname": False},
    **{
        f"{protocol} {mechanism}": {"protocol": protocol, "mechanism": mechanism, "user": "u", "password": MARK}
        for protocol in ("SASL_SSL", "SASL_PLAINTEXT")
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    },
    "SASL_SSL OAUTHBEARER": {
        "protocol": "SASL_SSL", "mechanism": "OAUTHBEARER", "user": "u", "password": MARK, "token_endpoint": ENDPOINT,
        "token_scope": "kafka", "token_ca": "ca",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("certificates")
    made = Certificates(folder)
    (folder / "password").write_text(MARK + "\n")
    client = made.client._asdict()
    return {
        "ca": str(made.ca),
        "password": str(folder / "password"),
        **{name: str(path) for name, path in client.items()},
    }


def security_for(way: str, files: dict[str, str]) -> KafkaSecurity:
    given = {
        name: files[value] if name in {"certificate", "key", "token_ca"} else value for name, value in WAYS[way].items()
    }
    return KafkaSecurity(**given | ({"ca": files["ca"]} if "SSL" in way.split()[0].split("_") else {}))


@pytest.mark.parametrize("way", WAYS)
def test_librdkafka_is_told(way, files):
    security, given = security_for(way, files), WAYS[way]
    protocol = given.get("protocol", "PLAINTEXT")
    expected = {} if protocol == "PLAINTEXT" else {"security.protocol": protocol}
    if protocol in {"SSL", "SASL_SSL"}:
        named = "https" if given.get("check_hostname", True) else "none"
        expected |= {"ssl.ca.location": files["ca"], "ssl.endpoint.identification.algorithm": named}
    if "certificate" in given:
        key = given.get("key", given["certificate"])
        expected |= {"ssl.certificate.location": files[given["certificate"]], "ssl.key.location": files[key]}
    if "OAUTHBEARER" in way:
        expected |= {
            "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "u",
            "sasl.oauthbearer.client.secret": MARK, "sasl.oauthbearer.token.endpoint.url": ENDPOINT,
            "sasl.oauthbearer.scope": "kafka", "https.ca.location": files["ca"],
        }  # fmt: skip
    elif "mechanism" in given:
        expected |= {"sasl.mechanism": given["mechanism"], "sasl.username": "u", "sasl.password": MARK}
    assert security.librdkafka() == expected


def assert_tls(context: ssl.SSLContext | None, way: str) -> None:
    if "SSL" not in way.split()[0].split("_"):
        assert context is None
        return
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname == ("whatever" not in way)
    assert len(context.get_ca_certs()) == 1  # the one given, none of the system's


@pytest.mark.parametrize("way", WAYS)
def test_kafka_python_is_told(way, files):
    words, given = security_for(way, files).kafka_python(), WAYS[way]
    assert_tls(words.pop("ssl_context", None), way)
    expected = {"security_protocol": given.get("protocol", "PLAINTEXT")}
    if "mechanism" in given:
        expected["sasl_mechanism"] = given["mechanism"]
        if "OAUTHBEARER" not in way:
            expected |= {"sasl_plain_username": "u", "sasl_plain_password": MARK}
    assert words == expected


@pytest.mark.parametrize("way", WAYS)
def test_aiokafka_is_told_through_faust(way, files):
    security, given = security_for(way, files), WAYS[way]
    words = dict(credentials_to_aiokafka_auth(faust_credentials(security)))
    assert_tls(words.pop("ssl_context", None), way)
    provider = words.pop("sasl_oauth_token_provider", None)
    assert (provider is not None) == ("OAUTHBEARER" in way)
    expected = {"security_protocol": given.get("protocol", "PLAINTEXT")}
    if "mechanism" in given:
        expected["sasl_mechanism"] = given["mechanism"]
        if provider is None:
            expected |= {"sasl_plain_username": "u", "sasl_plain_password": MARK}
    assert words == expected


def test_the_environment_says_the_same_to_shoal_and_to_its_client(files, monkeypatch):
    for name, value in {
        "SECURITY": "SASL_SSL", "MECHANISM": "SCRAM-SHA-512", "USER": "u", "PASSWORD_FILE": files["password"],
        "CA": files["ca"], "CHECK_HOSTNAME": "false", "OPTIONS": '{"linger.ms": 7, "socket.keepalive.enable": true}',
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SHOAL_KAFKA_{name}", value)
    told = KafkaSettings().librdkafka({"group.id": "g", "linger.ms": 100})
    assert told == {
        "bootstrap.servers": "127.0.0.1:9092", "group.id": "g", "linger.ms": 7, "socket.keepalive.enable": True,
        "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "u", "sasl.password": MARK,
        "ssl.ca.location": files["ca"], "ssl.endpoint.identification.algorithm": "none",
    }  # fmt: skip
    assert KafkaSecurity.from_environment() == KafkaSettings().security


SASL = {"protocol": "SASL_SSL", "mechanism": "PLAIN", "user": "u", "password": MARK}
REFUSED = {
    "is 'TLS'; it is one of PLAINTEXT, SSL, SASL_SSL, SASL_PLAINTEXT": {"protocol": "TLS"},
    "is 'GSSAPI'; it is one of PLAIN, SCRAM-SHA-256": SASL | {"mechanism": "GSSAPI"},
    "SHOAL_KAFKA_USER is set, but SHOAL_KAFKA_SECURITY is SSL": {"protocol": "SSL", "user": "u"},
    "SHOAL_KAFKA_PASSWORD is set, but SHOAL_KAFKA_SECURITY is PLAINTEXT": {"password": MARK},
    "SHOAL_KAFKA_CERTIFICATE is set, but SHOAL_KAFKA_SECURITY is SASL_PLAINTEXT": SASL
    | {"protocol": "SASL_PLAINTEXT", "certificate": "x"},
    "needs SHOAL_KAFKA_MECHANISM, too": SASL | {"mechanism": ""},
    "needs SHOAL_KAFKA_PASSWORD (or SHOAL_KAFKA_PASSWORD_FILE), too": SASL | {"password": ""},
    "needs SHOAL_KAFKA_TOKEN_ENDPOINT, too": SASL | {"mechanism": "OAUTHBEARER"},
    "SHOAL_KAFKA_TOKEN_SCOPE is set, but": SASL | {"token_scope": "s"},
    "are both set": SASL | {"password_file": "/nowhere"},
    "SHOAL_KAFKA_PASSWORD_FILE names /nowhere, which cannot be read: No such file": SASL
    | {"password": "", "password_file": "/nowhere"},
    "SHOAL_KAFKA_CA names /nowhere": {"protocol": "SSL", "ca": "/nowhere"},
    "SHOAL_KAFKA_KEY is set without": {"protocol": "SSL", "key": __file__},
    "has sasl.password, for which there is a setting: SHOAL_KAFKA_PASSWORD": SASL
    | {"options": {"sasl.password": MARK}},
    "has enable.idempotence, on which Shoal relies": {"options": {"enable.idempotence": False}},
    "has ssl.keystore.password, which librdkafka alone": SASL | {"options": {"ssl.keystore.password": MARK}},
    "has linger.ms with a value that is no text": {"options": {"linger.ms": [MARK]}},
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_contradicts_itself_is_refused_by_name(said):
    with pytest.raises(SecurityInvalid) as refused:
        KafkaSecurity(**REFUSED[said])
    assert said in str(refused.value)
    assert MARK not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('{"lingerms": 1}', 'No such configuration property: "lingerms"'),
        (f'{{"linger.ms": "{MARK}"}}', "Invalid value for configuration property"),
        (f'{{"linger.ms" "{MARK}"}}', "is not JSON: Expecting ':' delimiter"),
        ("[1]", "is not a JSON object"),
    ],
)
def test_options_that_librdkafka_does_not_take_are_refused_at_the_start(options, said, monkeypatch):
    monkeypatch.setenv("SHOAL_KAFKA_OPTIONS", options)
    with pytest.raises(SecurityInvalid) as refused:
        KafkaSettings()
    assert said in str(refused.value)
    assert MARK not in str(refused.value)


def test_a_key_that_cannot_be_used_is_refused_by_its_file(files):
    security = KafkaSecurity(protocol="SSL", ca=files["ca"], certificate=files["certificate"], key=files["ca"])
    with pytest.raises(SecurityInvalid, match=r"SHOAL_KAFKA_KEY \(.*ca.pem\) cannot be used"):
        security.kafka_python()


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_is_in_what_is_printed(way, files, monkeypatch):
    security = security_for(way, files)
    assert MARK not in repr(security)
    given = {
        "kafka_security" if name == "protocol" else f"kafka_{name}": value for name, value in vars(security).items()
    }
    settings = KafkaSettings(**given | {"kafka_options": "{}"})
    assert settings.security.librdkafka() == security.librdkafka()
    assert MARK not in repr(settings) + str(settings) + repr(faust_credentials(security))


def test_no_client_is_opened_past_these_settings():
    root = Path(__file__).parents[2]
    folders = ("events", "consumers", "stream", "batch", "queries", "api", "cli", "clients")
    sources = [path for folder in folders for path in (root / folder).rglob("*.py")]
    assert len(sources) > 300
    opened = {
        str(path.relative_to(root)) for path in sources if re.search(r"bootstrap[._]servers[\"=]", path.read_text())
    }
    assert opened == {
        "events/settings.py",
        "clients/python/shoal_client/kafka_connection.py",
        "clients/python/shoal_client/kafka_options.py",  # which refuses the name
        "cli/local/embedded/broker_check.py",  # of a broker of our own
    }
