"""Children end with their parent, and a failed one shows what it logged."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cli.local.embedded import ChildProcess, ServiceFailed

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def child(tmp_path: Path, command: list[str]) -> ChildProcess:
    return ChildProcess("Sleeper", command, log=tmp_path / "logs" / "sleeper.log")


def sees_up(process: ChildProcess) -> bool:
    return "up" in process.log_tail()


def test_a_child_starts_logs_and_stops(tmp_path: Path) -> None:
    sleeper = child(tmp_path, SLEEPER)
    assert not sleeper.running

    sleeper.spawn()
    sleeper.wait_until(lambda: sees_up(sleeper), timeout_s=60)
    assert sleeper.running
    with pytest.raises(RuntimeError, match="running already"):
        sleeper.spawn()

    sleeper.stop()
    sleeper.stop()
    assert sleeper.exit_code == -signal.SIGTERM


def test_the_log_is_appended_when_it_starts_again(tmp_path: Path) -> None:
    twice = child(tmp_path, ["echo", "hello"])
    for _ in range(2):
        twice.spawn()
        twice.finish(timeout_s=60)
    assert twice.log_tail() == ["hello", "hello"]


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    process = child(tmp_path, [sys.executable, "-c", deaf])
    process.spawn()
    process.wait_until(lambda: sees_up(process), timeout_s=60)
    process.stop(timeout_s=0.2)
    assert process.exit_code == -signal.SIGKILL


def test_stopping_what_was_never_started_does_nothing(tmp_path: Path) -> None:
    process = child(tmp_path, SLEEPER)
    process.stop()
    process.kill()
    with pytest.raises(RuntimeError, match="never started"):
        _ = process.pid


def test_an_early_end_shows_exit_code_and_last_lines(tmp_path: Path) -> None:
    lines = "; ".join(f"print('line {number}')" for number in range(100))
    process = child(tmp_path, [sys.executable, "-c", f"{lines}; raise SystemExit(3)"])
    process.spawn()
    with pytest.raises(ServiceFailed) as failure:
        process.wait_until(lambda: False, timeout_s=60)

    assert failure.value.exit_code == 3
    assert failure.value.tail[-1] == "line 99"
    message = str(failure.value)
    assert "Sleeper ended with exit code 3 before it was ready" in message
    assert str(process.log) in message
    assert "line 99" in message
    assert "line 79\n" not in message


def test_a_late_one_says_how_long_was_waited(tmp_path: Path) -> None:
    process = child(tmp_path, SLEEPER)
    process.spawn()
    try:
        with pytest.raises(ServiceFailed, match=r"Sleeper was not ready after 0\.1 s"):
            process.wait_until(lambda: False, timeout_s=0.1)
        assert process.running
    finally:
        process.stop()


def test_a_command_that_must_end_is_killed_when_it_does_not(tmp_path: Path) -> None:
    process = child(tmp_path, SLEEPER)
    process.spawn()
    with pytest.raises(ServiceFailed, match=r"had not ended after 0\.1 s"):
        process.finish(timeout_s=0.1)
    assert not process.running


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    process = child(tmp_path, ["no-such-program"])
    process.spawn()
    with pytest.raises(ServiceFailed, match="cannot execute no-such-program: No such file"):
        process.finish(timeout_s=60)


def test_the_child_is_the_command_itself(tmp_path: Path) -> None:
    process = child(tmp_path, [sys.executable, "-c", "import os; print(os.getpid(), os.getsid(0))"])
    process.spawn()
    process.finish(timeout_s=60)
    assert process.log_tail() == [f"{process.pid} {process.pid}"]
    assert os.getsid(0) != process.pid


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    sleeper = child(tmp_path, SLEEPER)
    starter = threading.Thread(target=sleeper.spawn)
    starter.start()
    starter.join()
    try:
        sleeper.wait_until(lambda: sees_up(sleeper), timeout_s=60)
        time.sleep(0.2)
        assert sleeper.running
    finally:
        sleeper.stop()


def test_a_failed_spawn_in_a_thread_is_raised_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = ChildProcess("Sleeper", SLEEPER, log=tmp_path / "log", env={"a=b\0": "c"})
    raised: list[BaseException] = []

    def start() -> None:
        try:
            process.spawn()
        except ValueError as error:
            raised.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    starter.join()
    assert len(raised) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_command_whose_parent_is_dead_already_is_not_run(tmp_path: Path) -> None:
    from cli.local.embedded import parent_death

    not_my_parent = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE)
    run = subprocess.run(
        [sys.executable, "-I", "-S", parent_death.__file__, not_my_parent.stdout.decode().strip(), "echo", "hello"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert "died while this was starting" in run.stderr
