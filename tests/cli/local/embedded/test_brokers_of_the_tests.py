"""The tests run on Apache Kafka where they can, say so, and in CI nowhere else."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.brokers import CLASSPATH_SCRIPT, KafkaChoice
from tests.cli.local.embedded.round_trip import consume, create_topic, produce


def path_with(folder: Path, *programs: str) -> dict[str, str]:
    for program in programs:
        (folder / program).touch(mode=0o755)
    return {"PATH": str(folder)}


def test_apache_kafka_where_java_and_maven_are(tmp_path: Path) -> None:
    choice = KafkaChoice.made(path_with(tmp_path, "java", "mvn"))
    assert choice.apache
    assert not choice.refused_by_ci({"CI": "true"})


def test_the_embedded_broker_where_one_is_missing_but_not_in_ci(tmp_path: Path) -> None:
    choice = KafkaChoice.made(path_with(tmp_path, "java"))
    assert not choice.apache
    assert choice.reason == "mvn not on PATH"
    assert choice.refused_by_ci({"CI": "true"})
    assert not choice.refused_by_ci({})


def test_the_variable_decides(tmp_path: Path) -> None:
    choice = KafkaChoice.made({**path_with(tmp_path, "java", "mvn"), "SHOAL_TEST_KAFKA": "embedded"})
    assert not choice.apache
    assert choice.reason == "SHOAL_TEST_KAFKA=embedded"
    assert not choice.refused_by_ci({"CI": "true"})
    with pytest.raises(pytest.UsageError, match="'tansu'"):
        KafkaChoice.made({"SHOAL_TEST_KAFKA": "tansu"})


def test_the_sessions_kafka_carries_a_message(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}orders"
    create_topic(kafka, topic, partitions=2)
    produce(kafka, topic, b"hello")
    assert consume(kafka, topic, 1) == [b"hello"]


@pytest.mark.parametrize(("present", "missing"), [([], "java"), (["java"], "mvn")])
def test_the_class_path_script_names_the_program_that_is_missing(
    tmp_path: Path, present: list[str], missing: str
) -> None:
    tools = ["bash", "dirname", "sed", "cmp"]
    for tool in tools:
        (tmp_path / tool).symlink_to(next(p for folder in os.get_exec_path() if (p := Path(folder, tool)).exists()))
    environment = {**path_with(tmp_path, *present), "SHOAL_CACHE": str(tmp_path / "cache")}
    run = subprocess.run([str(CLASSPATH_SCRIPT)], env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stdout == ""
    assert f"{missing} is not on PATH" in run.stderr
