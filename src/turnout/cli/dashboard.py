"""`turnout dashboard`: the link to it, opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from turnout.cli.options import Target, connect, on_cluster, scope_options, target_options
from turnout.error import PortTaken, TurnoutError


@click.command()
@click.option("--no-open", is_flag=True, help="Only print the link.")
@click.option("--serve-fd", type=int, hidden=True, help="Serve it on an inherited socket.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="On a cluster: where it listens here.")
@scope_options
@target_options
def command(no_open: bool, serve_fd: int | None, port: int, scope: str | None, target: Target) -> None:
    """Open the dashboard of the running instance in the browser, and print its link.

    The link lets a browser in, once; keep it to yourself. Of a cluster (--context) it is served here, until Ctrl-C.

    \b
    Example:
      turnout dashboard
      turnout dashboard --no-open
    """
    from turnout.client.state import find_state

    if target.is_cluster:
        _of_cluster(target, scope, port, opens=not no_open)
        return
    folder = target.state or find_state(Path.cwd())
    if serve_fd is not None:
        from turnout.web.server import serve

        serve(serve_fd, folder)
        return
    link = with_link(connect(folder).view("status"), folder)["dashboard"]
    if not link:
        raise TurnoutError("this instance has no dashboard", "it was started with --no-dashboard")
    click.echo(link)
    if not no_open and _has_screen():
        _open(link, folder / "run")


def _of_cluster(target: Target, scope: str | None, port: int, *, opens: bool) -> None:
    """In the foreground. What NiceGUI keeps goes with it."""
    import os
    import secrets
    import socket
    import tempfile

    from turnout.cluster.client import ClusterClient

    site = on_cluster(target, scope).site
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise PortTaken(f"cannot listen on 127.0.0.1:{port}: {error.strerror}", "choose another --port") from error
    token = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="turnout-") as folder, listener:
        os.environ["NICEGUI_STORAGE_PATH"] = folder
        from turnout.web.key import link
        from turnout.web.server import serve_here

        address = link(f"http://127.0.0.1:{listener.getsockname()[1]}", token)
        click.echo(address)
        if opens and _has_screen():
            _open(address, Path(folder))
        serve_here(listener, lambda seconds: ClusterClient(site, seconds), token)


def with_link(status: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The status, with the link that opens the dashboard instead of its bare address."""
    from turnout.client.state import read_address
    from turnout.web.key import link

    url = status["dashboard"]
    return {**status, "dashboard": url and link(url, read_address(folder).token)}


def _has_screen() -> bool:
    """Elsewhere a browser would take the terminal, or not start at all."""
    import os
    import sys

    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _open(link: str, folder: Path) -> None:
    """By way of a file that only the user can read: everybody can read a program's arguments."""
    import html
    import webbrowser

    from turnout.database import create_private

    page = folder / "dashboard.html"
    create_private(page)
    page.write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(link)}"><title>Turnout</title>'
    )
    webbrowser.open(page.absolute().as_uri())
