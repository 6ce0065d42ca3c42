"""The process: NiceGUI behind the gate, served on a socket that somebody else listens on."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nicegui import app as pages_app
from nicegui import ui
from nicegui.client import Client as Browser

from turnout.client import Client
from turnout.client.state import read_address
from turnout.web import frame
from turnout.web.feed import Feeds
from turnout.web.gate import Gate
from turnout.web.markup import tag
from turnout.web.opening import Opening
from turnout.web.page import Page
from turnout.web.pages import pages
from turnout.web.policy import Policy
from turnout.web.stream import Streams
from turnout.web.visit import Visit

IDLE_SECONDS = 600.0
"""Nobody has looked for so long: the process ends, and the next connection starts another."""
LOOK_SECONDS = 5.0
STOP_SECONDS = 1
RECONNECT_SECONDS = 5.0
CONNECTIONS = 200


def serve(descriptor: int, state: Path) -> None:
    """Until SIGTERM, or until nobody looks any more. `descriptor`: a listening socket, inherited.

    Raises NotRunning when there is no instance behind the state directory.
    """
    token = read_address(state).token
    listener = socket.socket(fileno=descriptor)
    asyncio.run(_serve(_guarded(partial(Client.from_state, state), token, listener), listener, idle=True))


def serve_here(listener: socket.socket, opening: Opening, token: str) -> None:
    """Until Ctrl-C or SIGTERM, to whoever comes with the link that is made of `token`."""
    asyncio.run(_serve(_guarded(opening, token, listener), listener, idle=False))


def _guarded(opening: Opening, token: str, listener: socket.socket) -> Policy:
    port: int = listener.getsockname()[1]
    return Policy(Gate(_application(opening), token, port), port)


async def _serve(application: Policy, listener: socket.socket, *, idle: bool) -> None:
    """`idle`: it ends when nobody looks any more."""
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    leaving = asyncio.create_task(_leave_when_idle(server)) if idle else None
    try:
        await server.serve(sockets=[listener])
    finally:
        if leaving:
            leaving.cancel()


async def _leave_when_idle(server: uvicorn.Server) -> None:
    clock = asyncio.get_running_loop().time
    seen = clock()
    while clock() - seen < IDLE_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        if any(browser.has_socket_connection for browser in Browser.instances.values()):
            seen = clock()
    server.should_exit = True


def _application(opening: Opening) -> FastAPI:
    feeds, streams, all_pages = Feeds(opening), Streams(opening), pages()
    for page in all_pages:
        _add(page, all_pages, feeds, streams, opening)
    ui.add_head_html(frame.head(), shared=True)
    pages_app.add_static_files("/assets", frame.ASSETS, max_cache_age=31_536_000)
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def missing(client: Browser) -> None:
        client.status_code = 404
        _show(client, _MISSING, all_pages, feeds, streams, opening)

    ui.run_with(
        outer,
        root=missing,
        title="Turnout",
        favicon=frame.LOGO,
        dark=None,
        language="en-US",
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_SECONDS,
        tailwind=False,
        gzip_middleware_factory=None,  # loopback: bytes are cheaper than packing them
        cache_control_directives="private, max-age=31536000, immutable",
        show_welcome_message=False,
    )
    return outer


def _add(page: Page, all_pages: list[Page], feeds: Feeds, streams: Streams, opening: Opening) -> None:
    title = f"{page.label} · Turnout" if page.label else "Turnout"

    @ui.page(page.path, title=title)
    def show(client: Browser) -> None:
        _show(client, page, all_pages, feeds, streams, opening)


def _show(client: Browser, page: Page, all_pages: list[Page], feeds: Feeds, streams: Streams, opening: Opening) -> None:
    frame.unwrap(client)
    request = client.request
    visit = Visit(client, feeds, streams, opening, request.path_params, request.query_params)
    frame.build(visit, page, all_pages)


def _build_missing(visit: Visit) -> None:
    """For an address that is none of ours."""
    tag("h1", "There is no such page")
    tag("p", "The pages that there are stand above.", classes="muted")


_MISSING = Page("", "", _build_missing)
