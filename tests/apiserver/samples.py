from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from turnout.apiserver.certificate import certificate
from turnout.apiserver.kubeconfig import Secure
from turnout.apiserver.remarks import Consequences
from turnout.apiserver.server import ApiServer
from turnout.apiserver.store import OBJECTS, Store
from turnout.apiserver.view import Exposition, View, ViewRequest
from turnout.database import Database
from turnout.error import PortTaken
from turnout.problem import ObjectPath, Problem, Severity

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def admit(obj: Mapping[str, Any]) -> Sequence[Problem]:
    """A stand-in for validation: `spec.error` and `spec.warning` say what is wrong, `spec.misspelt` is no field."""
    where = ObjectPath(obj["kind"], "", obj["metadata"]["name"], "spec.http[0]")
    spec = obj.get("spec") or {}
    found = [(severity, spec[severity]) for severity in (Severity.ERROR, Severity.WARNING) if severity in spec]
    problems = [Problem("TNO999", severity, message, where, "try again") for severity, message in found]
    unknown = ObjectPath(obj["kind"], "", obj["metadata"]["name"], "spec.misspelt")
    return [*problems, *([Problem("TNO019", Severity.WARNING, "unknown", unknown)] if "misspelt" in spec else [])]


def open_store(path: Path) -> tuple[Database, Store]:
    database = Database(path, [OBJECTS])
    return database, Store(database, admit=admit, now=lambda: NOW)


def virtual_service(name: str = "cluster", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec or {"hosts": ["a"]}}


TOKEN = "open-sesame"


class Served:
    """An ApiServer in a thread with an event loop of its own, for clients that block."""

    def __init__(self, path: Path, views: Mapping[str, View], consequences: Consequences | None = None) -> None:
        self.path = path
        self._consequences = consequences
        self._views = views
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.port = 0

    def start(self, port: int = 0) -> None:
        self._wanted_port = port
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._done.set)
            self._thread.join(10)
        assert not self._thread.is_alive()

    def secure(self) -> Secure:
        """It listens with TLS, too, from now on."""
        shown = certificate(self.path.with_name("api.pem"), datetime.now(UTC))
        starting = self._server.start(certificate=shown)
        port = asyncio.run_coroutine_threadsafe(starting, self.loop).result(10)
        return Secure(f"https://127.0.0.1:{port}", shown.text)

    def do(self, action: Callable[[Store], Any]) -> Any:
        """Carry out `action` in the server's thread."""

        async def done() -> Any:
            return action(self.store)

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(10)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, Any]:
        """One raw request on a connection of its own; the answer parsed if it is JSON."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            given = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, data, {key: value for key, value in given.items() if value})
            response = connection.getresponse()
            text = response.read()
        try:
            return response, json.loads(text)
        except ValueError:
            return response, text.decode()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        database, self.store = open_store(self.path)
        with closing(database):
            self._server = ApiServer(self.store, TOKEN, self._views, scraped, self._consequences)
            self.port = await self._server.start(self._wanted_port)
            self._ready.set()
            await self._done.wait()
            await self._server.stop()


async def below(request: ViewRequest) -> Any:
    return request.rest


async def echo(request: ViewRequest) -> Any:
    return {"method": request.method, "query": dict(request.query), "body": request.body}


async def count(request: ViewRequest) -> AsyncIterator[str]:
    """Lines up to `to`; without it, one line and then silence."""

    async def lines() -> AsyncIterator[str]:
        for number in range(int(request.query.get("to", 1))):
            yield f"line {number}"
        if "to" not in request.query:
            await asyncio.Event().wait()

    return lines()


async def refuse(request: ViewRequest) -> Any:
    raise PortTaken("port 80 is taken", "stop it")


async def crash(request: ViewRequest) -> Any:
    raise ZeroDivisionError("a secret detail")


async def scraped(accept: str) -> Exposition:
    """Says in two pieces what was asked for."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"# "
        yield accept.encode()

    return Exposition("text/plain; version=0.0.4; charset=utf-8", pieces())


VIEWS: Mapping[str, View] = {"echo": echo, "echo/": below, "count": count, "refuse": refuse, "crash": crash}


@contextmanager
def serving(
    path: Path, views: Mapping[str, View] = VIEWS, consequences: Consequences | None = None
) -> Iterator[Served]:
    served = Served(path, views, consequences)
    served.start()
    try:
        yield served
    finally:
        served.stop()
