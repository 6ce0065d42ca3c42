from __future__ import annotations

import socket

import pytest

from turnout.workloads import ports as module
from turnout.workloads.ports import FIRST, LAST, Ports, free


def test_no_port_is_given_out_twice_until_it_is_given_back() -> None:
    ports = Ports()
    taken = [ports.take() for _ in range(200)]
    assert len(set(taken)) == 200
    assert all(FIRST <= port <= LAST for port in taken)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_on_which_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr("random.randrange", lambda first, last: first)
    port = Ports().take()
    with socket.create_server((host, port)):
        assert not free(port)
        assert Ports().take() != port


def test_ports_of_adopted_pods_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.randrange", lambda first, last: first)
    port = Ports().take()
    ports = Ports()
    ports.keep(port)
    assert ports.take() != port


def test_the_kernel_helps_out_when_the_range_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST", FIRST + 1)
    ports = Ports()
    taken = [ports.take() for _ in range(4)]
    assert len(set(taken)) == 4
    assert any(port > LAST for port in taken)
