"""What may hold a secret is for its owner's eyes, and Redis on this host asks for a password."""

import secrets
import sys
from pathlib import Path

import pytest
import redis

from cli.local.embedded import ChildProcess, start_redis
from cli.local.embedded.private_files import private_folder, write_private


def rights(path):
    return path.stat().st_mode & 0o777


def test_a_file_is_private_also_where_it_was_not(tmp_path):
    (tmp_path / "old").write_text("before")
    (tmp_path / "old").chmod(0o644)
    for name in ("old", "new"):
        write_private(tmp_path / name, b"secret")
        assert ((tmp_path / name).read_bytes(), rights(tmp_path / name)) == (b"secret", 0o600)
    tmp_path.chmod(0o755)
    private_folder(tmp_path)
    assert rights(tmp_path) == 0o700


def test_logs_are_private(tmp_path):
    child = ChildProcess("echo", [sys.executable, "-c", "print(7)"], log=tmp_path / "echo.log", env={})
    child.spawn()
    child.kill()
    assert rights(tmp_path / "echo.log") == 0o600


def test_redis_asks_for_the_password_which_no_argument_holds(tmp_path):
    word = secrets.token_urlsafe()
    with start_redis(tmp_path, password=word) as server:
        assert redis.from_url(server.url).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis("127.0.0.1", server.port).ping()
        assert word.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        assert rights(tmp_path / "redis.conf") == 0o600
