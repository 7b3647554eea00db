"""The embedded Redis starts, answers, stops, and comes back with its data if asked to."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis as redis_py

from cli.local.embedded import ProgramMissing, RedisServer, ServiceFailed, program_paths, start_redis
from cli.local.embedded.free_ports import port_open
from tests.cli.local.embedded.orphans import dies_with_its_parent


def client(server: RedisServer) -> redis_py.Redis:
    return redis_py.Redis.from_url(server.url, decode_responses=True)


def test_it_answers_until_it_is_stopped(own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis()
    assert server.url == f"redis://127.0.0.1:{server.port}/0"
    with client(server) as redis:
        redis.set("a", 1)
        assert redis.get("a") == "1"
        assert redis.config_get("save")["save"] == ""
        assert redis.config_get("bind")["bind"] == "127.0.0.1"
    server.stop()
    assert server.exit_code == 0
    assert not port_open(server.port)


def test_the_context_manager_stops_it(tmp_path: Path) -> None:
    with start_redis(tmp_path) as server:
        assert server.running
    assert not server.running


def test_in_memory_it_comes_back_empty(own_redis: Callable[..., RedisServer]) -> None:
    server = own_redis()
    with client(server) as redis:
        redis.set("a", 1)
        server.restart()
        assert redis.get("a") is None


def test_with_the_append_only_file_a_killed_one_comes_back_with_all_it_answered(
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis(appendonly=True)
    with client(server) as redis:
        for number in range(50):
            redis.set(f"key-{number}", number)
        server.kill()
        assert server.exit_code == -9
        server.start()
        assert redis.dbsize() == 50


def test_a_port_in_use_is_told_by_the_end_of_the_log(tmp_path: Path, redis_server: RedisServer) -> None:
    with pytest.raises(ServiceFailed) as failure:
        start_redis(tmp_path, port=redis_server.port)
    assert failure.value.exit_code == 1
    assert "Redis ended with exit code 1" in str(failure.value)
    assert "Address already in use" in str(failure.value)
    assert str(tmp_path / "redis.log") in str(failure.value)


def test_the_test_databases_are_empty_and_apart(redis: redis_py.Redis, redis_database_url: str, redis_url: str) -> None:
    assert redis.dbsize() == 0
    redis.set("a", 1)
    assert redis_database_url != redis_url
    with redis_py.Redis.from_url(redis_database_url) as same, redis_py.Redis.from_url(redis_url) as other:
        assert same.get("a") == b"1"
        assert other.get("a") is None


def test_the_program_on_the_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program_paths.redis_server() == str(program)


def test_without_a_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(program_paths, "in_wheel", lambda package, name: None)
    with pytest.raises(ProgramMissing, match=r"no redis-server on PATH.*\[embedded\]"):
        start_redis(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    assert dies_with_its_parent(f"embedded.start_redis(Path({str(tmp_path)!r}))")
