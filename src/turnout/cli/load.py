"""`turnout load`: send requests, and sum up what came back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from turnout.error import TurnoutError
from turnout.load import Load, Plan, Progress, Report, duration, gateway, summary
from turnout.load.target import Target

_FILES_BESIDE_CONNECTIONS = 64


def _each(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Make an option's callback of a parser that raises ValueError: a wrong value is wrong usage, exit status 2."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(parse(item) for item in value)
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return callback


def _seconds(text: str) -> float:
    seconds = duration.parse(text)
    if seconds <= 0:
        raise ValueError("must be more than 0")
    return seconds


def _header(text: str) -> tuple[str, str]:
    name, colon, content = text.partition(":")
    if not colon or not name.strip() or any(c in text for c in "\r\n\0"):
        raise ValueError(f"{text!r} is no header: write it as 'Name: value'")
    try:
        text.encode("latin-1")
    except UnicodeError as error:
        raise ValueError(f"{text!r}: a header is Latin-1 text") from error
    return name.strip(), content.strip()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no address: write it as HOST:PORT")
    return host.strip("[]"), int(port)


def _url(text: str) -> str:
    Target.parse(text)
    return text


def _http_method(text: str) -> str:
    if not text.isascii() or not text.isalpha():
        raise ValueError(f"{text!r} is no HTTP method")
    if text.upper() == "CONNECT":
        raise ValueError("CONNECT opens a tunnel, and is no request to measure")
    return text.upper()


def _content(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {text[1:]}: {error.strerror}") from error


@click.command("load")
@click.argument("url", callback=_each(_url))
@click.option(
    "-c", "--clients", type=click.IntRange(1, 10_000), help="Most requests in flight. [default: 10; with --rate 1000]"
)
@click.option(
    "-t", "--time", "seconds", callback=_each(_seconds), help="How long: 60s, 5m, 1.5h. [default: 60s, without -n]"
)
@click.option("-n", "--requests", type=click.IntRange(1), help="How many requests.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    help="Requests per second, whatever the server does; times count from when each was due.",
)
@click.option(
    "-H", "--header", "headers", callback=_each(_header), multiple=True, help="A header, 'Name: value'; repeatable."
)
@click.option("-X", "--method", callback=_each(_http_method), help="The HTTP method. [default: GET; with --data POST]")
@click.option("-d", "--data", callback=_each(_content), help="The request's body; @FILE reads it from a file.")
@click.option("--timeout", callback=_each(_seconds), default="60s", show_default=True, help="For each request.")
@click.option(
    "--drain",
    callback=_each(duration.parse),
    default="30s",
    show_default=True,
    help="For requests still in flight after --time.",
)
@click.option(
    "--connect", metavar="HOST:PORT", callback=_each(_address), help="Connect there, whatever the URL's host is."
)
@click.option("-k", "--insecure", is_flag=True, help="Do not check the server's certificate.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--state", type=click.Path(path_type=Path), help="The instance's state directory. [default: .turnout]")
def command(
    url: str,
    clients: int | None,
    seconds: float | None,
    requests: int | None,
    rate: float | None,
    headers: tuple[tuple[str, str], ...],
    method: str | None,
    data: bytes | None,
    timeout: float,
    drain: float,
    connect: tuple[str, int] | None,
    insecure: bool,
    as_json: bool,
    state: Path | None,
) -> None:
    """Send requests to URL, and sum up what came back.

    A host of one of the running instance's Gateways, and any name in .test or .localhost, is reached through the
    local gateway. An answer of status 400 and above counts as failed, as with siege. Ctrl-C ends the run and prints
    the figures so far.

    Exit status: 0 when every request succeeded, 1 when one failed, 2 for wrong usage.

    \b
    Example:
      turnout load -c 10 -t 60s http://rewrite-app-with-istio.test/
      turnout load --rate 200 -n 1000 -H 'x-user: ada' http://localhost:8080/
    """
    plan = Plan(
        url=url,
        clients=clients,
        seconds=60.0 if seconds is None and requests is None else seconds,
        requests=requests,
        rate=rate,
        headers=headers,
        method=method or ("GET" if data is None else "POST"),
        body=data or b"",
        connect=connect or _local_address(url, state),
        timeout_seconds=timeout,
        drain_seconds=drain,
        verify=not insecure,
    )
    _allow_files(plan.most_in_flight + _FILES_BESIDE_CONNECTIONS)
    report = asyncio.run(_run(plan))
    click.echo(json.dumps(report.to_json(), indent=2) if as_json else summary.text(report))
    sys.exit(0 if report.passed else 1)


async def _run(plan: Plan) -> Report:
    load = Load(plan)
    with _interrupting(load), _progress_line() as show:
        return await load.run(show)


@contextlib.contextmanager
def _interrupting(load: Load) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run, not the program: the figures so far are worth having."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, load.abandon)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _progress_line() -> Iterator[Any]:
    """Rewrites one line on stderr, and wipes it in the end; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    wipe = "\r\x1b[K"

    def show(progress: Progress) -> None:
        click.echo(wipe + progress.line(), err=True, nl=False, color=True)

    try:
        yield show
    finally:
        click.echo(wipe, err=True, nl=False, color=True)


def _local_address(url: str, state: Path | None) -> tuple[str, int] | None:
    target = Target.parse(url)
    return gateway.address(target, _listeners(state)) if gateway.may_serve(target.host) else None


def _listeners(state: Path | None) -> list[gateway.Listener]:
    """Of the running instance; none if there is no instance."""
    from turnout.client import Client, find_state

    try:
        with Client.from_state(state or find_state(Path.cwd())) as client:
            status = client.view("status")
    except TurnoutError:
        return []
    return [gateway.Listener.of(entry) for entry in status.get("gateways", []) if entry["protocol"] == "http"]


def _allow_files(count: int) -> None:
    """Each connection is an open file, and macOS allows 256 unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count and soft != resource.RLIM_INFINITY:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
