"""Programs beside a pod's: only for whoever knows the token, over a WebSocket, and never left behind."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket
from tests.apiserver.samples import Served

from turnout.apiserver.pod_exec import ERROR, RESIZE, STDIN, STDOUT, Surroundings, _Session
from turnout.resources.kinds import POD

EXEC = "/api/v1/namespaces/default/pods/a/exec?command=ls"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
}


@pytest.fixture
def pod(served: Served) -> Served:
    """A server that has the Pod `a`, and nothing that runs."""
    annotations = {"turnout.dev/ports": '{"8080": 31234}'}
    served.do(lambda store: store.create(POD, {"metadata": {"name": "a", "annotations": annotations}, "spec": {}}))
    return served


def test_what_cannot_be_done_is_said(pod: Served) -> None:
    response, status = pod.request("GET", EXEC, headers=UPGRADE)
    assert (response.status, status["message"]) == (400, "no program can be run here")
    assert pod.request("POST", EXEC)[0].status == 400
    assert pod.request("POST", EXEC.replace("/a/", "/b/"))[0].status == 404
    _, status = pod.request("POST", "/api/v1/namespaces/default/pods/a/portforward")
    assert "8080 is 127.0.0.1:31234" in status["message"]
    assert "logs -f" in pod.request("POST", "/api/v1/namespaces/default/pods/a/attach")[1]["message"]


class Client:
    """The other end of a WebSocket. `says`: what it sends, then nothing until it goes."""

    def __init__(self, *says: bytes) -> None:
        self.heard: list[bytes] = []
        self._says = list(says)
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        if self._says:
            return {"type": "websocket.receive", "bytes": self._says.pop(0)}
        await self.gone.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Any) -> None:
        if "bytes" in message:
            self.heard.append(message["bytes"])

    async def run(self, folder: Path, *command: str, tty: bool = False) -> None:
        socket = WebSocket({"type": "websocket"}, self._connected(self.receive), self.send)
        await socket.accept()
        where = Surroundings(folder, {"PATH": os.environ["PATH"], "HERE": "yes"})
        await asyncio.wait_for(_Session(socket, where, command, tty=tty).run(), 20)

    def _connected(self, receive: Any) -> Any:
        connected = False

        async def first() -> Any:
            nonlocal connected
            if connected:
                return await receive()
            connected = True
            return {"type": "websocket.connect"}

        return first

    def said(self, channel: int) -> bytes:
        return b"".join(data[1:] for data in self.heard if data[0] == channel)


async def test_a_program_sees_the_folder_and_the_environment(tmp_path: Path) -> None:
    client = Client()
    await client.run(tmp_path, "sh", "-c", "pwd; echo $HERE")
    assert client.said(STDOUT).split() == [str(tmp_path).encode(), b"yes"]
    assert b"Success" in client.said(ERROR)


async def test_a_terminal_is_one(tmp_path: Path) -> None:
    client = Client(bytes([RESIZE]) + b'{"Width": 90, "Height": 33}', bytes([RESIZE]) + b"[", bytes([STDIN]) + b"x\n")
    await client.run(tmp_path, "sh", "-c", "read word; stty size; echo $word; tty", tty=True)
    assert client.said(STDOUT).split()[:3] == [b"x", b"33", b"90"]
    assert b"/dev/" in client.said(STDOUT)


async def test_a_program_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    client = Client()
    running = asyncio.create_task(client.run(tmp_path, "sh", "-c", "echo $$; sleep 600"))
    async with asyncio.timeout(20):
        while not client.said(STDOUT):  # noqa: ASYNC110 - what a client heard is no event
            await asyncio.sleep(0.01)
        client.gone.set()
        await running
        pid = int(client.said(STDOUT))
        while _runs(pid):  # noqa: ASYNC110 - another process has none
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_a_program_that_does_not_exist_is_an_exit_status(tmp_path: Path) -> None:
    client = Client()
    await client.run(tmp_path, "/nowhere/nothing")
    assert b'"127"' in client.said(ERROR)
