"""The OpenAPI document says all that the API may answer: schemathesis sends what it allows, and what it does not."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import redis as redis_py
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from cli.local.embedded import ChildProcess, free_port, port_open
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from tests.api.access.test_who_may_ask import operations
from tests.api.conftest import EVIL, PARTITIONS, fill

PREFIX = "api-document-"


@pytest.fixture(scope="module")
def served(redis_server, redis_database_numbers, kafka, tmp_path_factory) -> Iterator[tuple[str, str]]:
    """The address of `shoal api` in a process of its own, and a key that may do everything."""
    url = f"{redis_server.url.removesuffix('/0')}/{next(redis_database_numbers)}"
    create_topics(kafka, topic_specs(KafkaSettings(kafka=kafka, topic_prefix=PREFIX, partitions=PARTITIONS)))
    environment = {
        "SHOAL_KAFKA": kafka, "SHOAL_REDIS": url, "SHOAL_TOPIC_PREFIX": PREFIX,
        "SHOAL_PARTITIONS": str(PARTITIONS), "SHOAL_API_RATE": "1000000", "SHOAL_CLOCK": "event",
    }  # fmt: skip
    with redis_py.Redis.from_url(url) as client:
        client.flushdb()
        fill(client, ["c001", "c002", EVIL])
        token = KeyStore(client).create("schemathesis", [Scope.ADMIN], datetime.now(UTC)).token
    port = free_port()
    child = ChildProcess(
        "shoal api",
        [sys.executable, "-P", "-m", "cli.main", "api", "--port", str(port)],
        log=tmp_path_factory.mktemp("api") / "api.log",
        env={**os.environ, **environment},
    )
    child.spawn()
    try:
        child.wait_until(lambda: port_open(port), 60)
        yield f"http://127.0.0.1:{port}", token
        assert "Traceback" not in "\n".join(child.log_tail(50))
    finally:
        child.stop()


@pytest.fixture(scope="module")
def document(served):
    config = SchemathesisConfig.from_dict({"headers": {"Authorization": f"Bearer {served[1]}"}})
    return schemathesis.openapi.from_url(f"{served[0]}/openapi.json", config=config)


BETWEEN_FIELDS = {"/v1/experiments", "/v1/triggers", "/v1/dead-letters:replay"}
"""Here a body may be refused for what a schema cannot say: the control is one of the variants, a URL names a host."""
OPERATIONS = [(path, method) for method, path, _ in operations()]


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_documented_and_none_is_5xx(document, path, method, mode):
    operation = document[path][method]
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Unsatisfiable:  # an operation that takes nothing has nothing that could be wrong
        return

    @given(case=strategy)
    @settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def answered(case):
        case.call_and_validate(excluded_checks=[positive_data_acceptance] if path in BETWEEN_FIELDS else [])

    with suppress(Unsatisfiable):
        answered()
