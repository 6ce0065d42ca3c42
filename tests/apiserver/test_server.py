"""The server's own life: its port, its event loop, its speed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import time
from contextlib import closing

import pytest
from tests.apiserver.samples import TOKEN, Served, virtual_service

from turnout.apiserver.server import ApiServer
from turnout.apiserver.store import Store
from turnout.client import Client
from turnout.client.connection import Connection
from turnout.client.state import Address, Local
from turnout.error import PortTaken
from turnout.resources.kinds import VIRTUAL_SERVICE


async def test_a_taken_port_is_named_with_its_holder(store: Store) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        server = ApiServer(store, TOKEN, {})
        with pytest.raises(PortTaken, match=rf"port {port} is taken by .*\(pid {os.getpid()}\)"):
            await server.start(port)
        await server.stop()


async def test_the_server_leaves_the_programs_signals_alone(store: Store) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = ApiServer(store, TOKEN, {})
    await server.start()
    await asyncio.sleep(0)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    await server.stop()


async def test_a_client_may_connect_as_soon_as_start_returns(store: Store) -> None:
    server = ApiServer(store, TOKEN, {})
    port = await server.start()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()
    await server.stop()


def test_the_server_may_use_its_port_again_after_a_restart(served: Served) -> None:
    served.request("GET", "/version")
    port = served.port
    served.stop()
    again = Served(served.path, {})
    again.start(port)
    assert again.request("GET", "/version")[0].status == 200
    again.stop()


def test_a_patch_is_answered_within_milliseconds(served: Served) -> None:
    with Client(Connection(Local(Address("127.0.0.1", served.port, TOKEN), served.path), 10)) as client:
        client.create(VIRTUAL_SERVICE, virtual_service())
        took = []
        for number in range(200):
            start = time.perf_counter()
            client.patch(VIRTUAL_SERVICE, "default", "cluster", {"spec": {"hosts": [str(number)]}})
            took.append((time.perf_counter() - start) * 1000)
    print(f"PATCH: median {statistics.median(took):.2f} ms, p99 {sorted(took)[197]:.2f} ms")  # noqa: T201 - a figure
    assert statistics.median(took) < 20, "ten times what it takes on an idle machine"
