"""The HTTP server, inside the caller's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from turnout.apiserver import discovery, message, openapi
from turnout.apiserver.certificate import Certificate
from turnout.apiserver.connection import Connection
from turnout.apiserver.gate import Gate
from turnout.apiserver.listener import MAX_CONNECTIONS, listen
from turnout.apiserver.pod_exec import Inside
from turnout.apiserver.pod_routes import pod_routes
from turnout.apiserver.remarks import Consequences
from turnout.apiserver.resource import Resources
from turnout.apiserver.review import review
from turnout.apiserver.status import StatusError, path_not_found, status_object
from turnout.apiserver.store import Store
from turnout.apiserver.stream import Streams
from turnout.apiserver.view import Metrics, View, ViewRequest, encoded
from turnout.error import ApiError, TurnoutError

KEEP_ALIVE_SECONDS = 300
STOP_SECONDS = 1
MAX_FRAME_BYTES = 1 << 20

SLASHED = ("/api", "/apis", "/version")
"""Paths that may end with a slash."""

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class ApiServer:
    """Serves `store`, `views` and `metrics` on 127.0.0.1 to whoever knows `token`.

    `consequences`: what writers are told besides; `inside`: where programs are run beside a pod's own.
    `start` returns the port (0: a free one); it raises PortTaken. `stop` ends open watches first.
    """

    def __init__(
        self,
        store: Store,
        token: str,
        views: Mapping[str, View],
        metrics: Metrics | None = None,
        consequences: Consequences | None = None,
        inside: Inside | None = None,
    ) -> None:
        self._streams = Streams()
        self._views = views
        self._metrics = metrics
        pods = pod_routes(store, views, self._streams, inside)
        self._app = self._routed(Resources(store, self._streams, consequences), pods)
        self._token = token
        self._servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    def _routed(self, resources: Resources, pods: Sequence[BaseRoute]) -> Starlette:
        routes: list[BaseRoute] = [
            Route("/healthz", _healthy),
            Route("/livez", _healthy),
            Route("/readyz", _healthy),
            Route("/version", _version),
            Route("/api", _core_versions),
            Route("/apis", _groups),
            Route("/openapi/v3", _openapi),
            Route("/openapi/v3/{place:path}", _openapi_document),
            Route("/apis/{group}", _group),
            Route("/api/{version:str}", _resources),
            Route("/apis/{group}/{version}", _resources),
            *(
                Route(f"/apis/{asked.group}/v1/{asked.plural}", partial(_review, asked.kind), methods=["POST"])
                for asked in discovery.ASKED
            ),
            *pods,
            Route("/api/v1/{rest:path}", resources.serve, methods=METHODS),
            Route("/apis/{group}/{version}/{rest:path}", resources.serve, methods=METHODS),
            Route("/metrics", self._scrape),
            Route("/turnout/v1/{name:path}", self._view, methods=["GET", "POST"]),
        ]
        handlers: Mapping[Any, Any] = {TurnoutError: _failed, HTTPException: _not_routed, Exception: _crashed}
        # As Kubernetes does; kr8s asks in that way.
        plain = [route for route in routes if isinstance(route, Route) and route.path in SLASHED]
        slashed = [Route(f"{route.path}/", route.endpoint) for route in plain]
        app = Starlette(routes=[*slashed, *routes], exception_handlers=handlers)
        app.router.redirect_slashes = False
        return app

    async def start(self, port: int = 0, certificate: Certificate | None = None) -> int:
        """Listen on 127.0.0.1:`port` and answer from now on; with a certificate in TLS. Once with, once without."""
        listener = listen(port)
        gate = Gate(self._app, self._token, listener.getsockname()[1])
        config = uvicorn.Config(
            gate,
            http=Connection,
            ws="wsproto",
            ws_max_size=MAX_FRAME_BYTES,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=certificate.file if certificate else None,
        )
        server = _Server(config)
        self._servers.append((server, asyncio.create_task(server.serve(sockets=[listener]))))
        return gate.port

    async def stop(self) -> None:
        """End watches and streams, finish the other requests, close the ports. Without a start it does nothing."""
        self._streams.stop()
        for server, _ in self._servers:
            server.should_exit = True
        await asyncio.gather(*(serving for _, serving in self._servers))

    async def _view(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        folder, slash, rest = name.partition("/")
        view = self._views.get(folder + slash if rest else name)
        if view is None:
            raise path_not_found()
        body = await message.json_body(request) if request.method == "POST" else None
        result = await view(ViewRequest(request.method, dict(request.query_params), body, rest))
        if isinstance(result, AsyncIterator):
            return self._streams.answer(encoded(result), "text/plain")
        return message.answer(result)

    async def _scrape(self, request: Request) -> Response:
        if self._metrics is None:
            raise path_not_found()
        found = await self._metrics(",".join(request.headers.getlist("accept")))
        return self._streams.answer(found.pieces, found.content_type)


class _Server(uvicorn.Server):
    """uvicorn, without its hands on the program's signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok")


async def _version(request: Request) -> Response:
    return message.answer(discovery.version())


async def _core_versions(request: Request) -> Response:
    return _discovered(request, core=True) or message.answer(discovery.core_versions())


async def _groups(request: Request) -> Response:
    return _discovered(request, core=False) or message.answer(discovery.groups())


def _discovered(request: Request, *, core: bool) -> Response | None:
    """All in one answer, to a client that knows how to read it."""
    accept = request.headers.get("accept", "").replace(" ", "")
    if discovery.AGGREGATED not in accept:
        return None
    response = message.answer(discovery.aggregated(core=core))
    response.headers["content-type"] = discovery.AGGREGATED
    return response


async def _review(kind: str, request: Request) -> Response:
    return message.answer(review(kind, await message.json_body(request)), 201)


async def _group(request: Request) -> Response:
    return _found(discovery.group(request.path_params["group"]))


async def _resources(request: Request) -> Response:
    parameters = request.path_params
    return _found(discovery.resources(parameters.get("group", ""), parameters["version"]))


async def _openapi(request: Request) -> Response:
    return message.answer(openapi.index())


async def _openapi_document(request: Request) -> Response:
    return _found(openapi.document(request.path_params["place"]))


def _found(value: Mapping[str, Any] | None) -> Response:
    if value is None:
        raise path_not_found()
    return message.answer(value)


async def _failed(request: Request, error: TurnoutError) -> Response:
    return message.answer(status_object(error), error.status if isinstance(error, ApiError) else 500)


async def _crashed(request: Request, error: Exception) -> Response:
    """A bug: its traceback is logged, not sent."""
    return await _failed(request, StatusError(500, "InternalError", f"a bug in Turnout: {type(error).__name__}"))


async def _not_routed(request: Request, error: HTTPException) -> Response:
    """Starlette's own 404 and 405."""
    reason = "MethodNotAllowed" if error.status_code == 405 else "NotFound"
    return await _failed(request, StatusError(error.status_code, reason, error.detail))
