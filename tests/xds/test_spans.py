from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.error import EnvoyFailed
from turnout.xds.spans import MOST_BODY_BYTES, SpanReceiver

CHUNKED = b"POST /api/v2/spans HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
SIZED = b"POST /api/v2/spans HTTP/1.1\r\ncontent-length: 5\r\n\r\nfghij"


class Receiver:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.bodies: list[bytes] = []
        self.receiver = SpanReceiver(path, self.bodies.append)

    async def send(self, data: bytes) -> bytes:
        """On a connection of its own; what comes back until it is closed, or two answers have come."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            writer.write(data)
            answer = b""
            async with asyncio.timeout(5):
                while (part := await reader.read(1000)) and (answer := answer + part).count(b"202") < 2:
                    pass
            return answer
        finally:
            writer.close()


@pytest.fixture
async def receiver(runtime: Path) -> AsyncIterator[Receiver]:
    found = Receiver(runtime / "spans.sock")
    await found.receiver.start()
    yield found
    await found.receiver.stop()


async def test_bodies_are_taken_in_whole_one_after_the_other_on_a_connection(receiver: Receiver) -> None:
    answer = await receiver.send(CHUNKED + SIZED)

    assert receiver.bodies == [b"abcde", b"fghij"]
    assert answer.count(b"HTTP/1.1 202 Accepted\r\n") == 2


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (MOST_BODY_BYTES + 1),
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % (MOST_BODY_BYTES + 1),
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        b"x" * 100_000,
    ],
)
async def test_whoever_speaks_otherwise_is_hung_up_on(receiver: Receiver, head: bytes) -> None:
    assert await receiver.send(head) == b""
    assert receiver.bodies == []


async def test_only_the_owner_may_hand_in_spans(receiver: Receiver) -> None:
    assert receiver.path.stat().st_mode & 0o777 == 0o600


async def test_a_socket_that_a_dead_receiver_left_is_taken_over(runtime: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(runtime / "spans.sock"))
    receiver = Receiver(runtime / "spans.sock")
    await receiver.receiver.start()

    await receiver.send(SIZED + SIZED)
    assert len(receiver.bodies) == 2
    await receiver.receiver.stop()
    assert not receiver.path.exists()


async def test_stopping_ends_open_connections(receiver: Receiver) -> None:
    reader, writer = await asyncio.open_unix_connection(receiver.path)
    writer.write(SIZED)
    await reader.readuntil(b"\r\n\r\n")
    await receiver.receiver.stop()

    assert await reader.read() == b""
    writer.close()


async def test_where_no_socket_can_be_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EnvoyFailed, match="cannot listen"):
        await SpanReceiver(Path("/nowhere/spans.sock"), lambda _: None).start()
