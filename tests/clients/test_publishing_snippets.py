"""The programs of docs/publishing.md: what they publish lies where Shoal expects it, each event once."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.broker.consumer_lag import reported_ends
from consumers.broker.topic_reader import TopicReader
from events.schema.inputs import Order
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.partitioning import partitions_of
from events.topics.specs import topic_specs
from tests.brokers import apache_classpath
from tests.shop import purchases

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "publishing.md").read_text()
CACHE = ROOT / ".cache" / "publishing"
KAFKAJS, FRANZ_GO = "kafkajs@2.2.4", "github.com/twmb/franz-go/pkg/kgo@v1.22.3"
EVENTS = 420
INSTALL_S = 240


def snippet(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 1
    return found[0]


def required(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH")


def installed(folder: Path, *command: str) -> None:
    """Run a package manager in a folder that is kept, unless it has run there."""
    if (folder / "done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if ran.returncode != 0:
        pytest.skip(f"{' '.join(command)} failed: {ran.stderr[-300:]}")
    (folder / "done").touch()


def python(folder: Path) -> list[str]:
    (folder / "publish.py").write_text(snippet("python"))
    return [sys.executable, str(folder / "publish.py")]


def node(folder: Path) -> list[str]:
    required("node", "npm")
    installed(CACHE / "node", "npm", "install", "--silent", "--no-audit", "--no-fund", KAFKAJS)
    program = CACHE / "node" / "publish.js"
    program.write_text(snippet("javascript"))
    return ["node", str(program)]


def java(folder: Path) -> list[str]:
    required("java", "javac", "mvn")
    (folder / "Publish.java").write_text(snippet("java"))
    return ["java", "-cp", apache_classpath(), "-XX:TieredStopAtLevel=1", str(folder / "Publish.java")]


def go(folder: Path) -> list[str]:
    required("go")
    place = CACHE / "go"
    place.mkdir(parents=True, exist_ok=True)
    (place / "publish.go").write_text(snippet("go"))
    (place / "go.mod").exists() or installed(place, "go", "mod", "init", "publish")
    (place / "done").unlink(missing_ok=True)
    installed(place, "sh", "-c", f"go get {FRANZ_GO} && go build -o publish .")
    return [str(place / "publish")]


@pytest.mark.parametrize(
    "make",
    [python, node, *(pytest.param(each, marks=pytest.mark.long) for each in (java, go))],
    ids=lambda make: make.__name__,
)
def test_every_event_is_where_shoal_expects_it(make, kafka, kafka_choice, topic_prefix, tmp_path):
    if not kafka_choice.apache:
        pytest.skip(f"the clients are tried on Apache Kafka; this is {kafka_choice.name}")
    settings = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=8)
    create_topics(kafka, topic_specs(settings))
    command, sent = make(tmp_path), purchases()[:EVENTS]
    lines = b"".join(b"orders\t%s\t%s\n" % (each.key.encode(), each.value) for each in sent)
    ran = subprocess.run(
        command, input=lines, capture_output=True, timeout=120, check=False,
        env={**os.environ, "KAFKA": kafka, "PREFIX": topic_prefix, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2_000:].decode()
    found = stored(settings)
    places = partitions_of([each.key for each in sent], 8).tolist()
    assert len(found) == EVENTS
    assert sorted(found) == sorted(
        (place, each.key.encode(), canonical(each.value)) for place, each in zip(places, sent, strict=True)
    )


def canonical(value: bytes) -> str:
    """The order as Shoal reads it: one client writes it anew, without what is a default."""
    return Order.model_validate_json(value).model_dump_json()


def stored(settings: KafkaSettings) -> list[tuple[int, bytes, str]]:
    """The partition, key and JSON of every order; Go's client compresses them, as Shoal's own can read."""
    with TopicReader(settings, "snippets") as reader:
        ends = reported_ends(settings, ["orders"], range(8))
        messages = reader.read({place: 0 for place, end in ends.items() if end}, ends)
        return [(each.partition(), each.key(), canonical(each.value())) for each in messages]
