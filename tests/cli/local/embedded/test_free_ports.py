"""Free ports are free when they are chosen, and a server whose port somebody took meanwhile gets another one."""

from pathlib import Path

import pytest

from cli.local.embedded import ServiceFailed, free_port
from cli.local.embedded.free_ports import on_free_port, port_open


def test_free_ports_are_free_differ_and_lie_below_the_outgoing_ones() -> None:
    ports = set()
    for _ in range(20):
        ports.add(port := free_port())
        assert not port_open(port)  # at once: other tests start servers meanwhile
    assert len(ports) > 15
    assert all(10_000 <= port < 32_768 for port in ports)


def failure(tail: str) -> ServiceFailed:
    return ServiceFailed("Server", "ended", exit_code=1, log=Path("server.log"), tail=["starting", tail])


def test_a_port_that_was_taken_meanwhile_is_left_for_another() -> None:
    tried: list[int] = []

    def start(port: int) -> int:
        tried.append(port)
        if len(tried) < 3:
            raise failure("bind: Address already in use")
        return port

    assert on_free_port(start) == tried[2]
    assert len(set(tried)) == 3


@pytest.mark.parametrize(("tail", "times"), [("bind: Address already in use", 3), ("no memory left", 1)])
def test_what_another_port_does_not_help_is_raised(tail: str, times: int) -> None:
    tried: list[int] = []

    def start(port: int) -> int:
        tried.append(port)
        raise failure(tail)

    with pytest.raises(ServiceFailed, match=tail):
        on_free_port(start)
    assert len(tried) == times
