"""`turnout up`: everything the YAML describes runs, and is kept so."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from turnout.cli.chart_options import chart_options
from turnout.cli.options import state_option
from turnout.error import NotRunning, TurnoutError

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.control.options import Options
    from turnout.control.state import StateDir
    from turnout.inputs.chart import Release
    from turnout.xds.otlp import Endpoint

REFRESH_SECONDS = 1.0
"""With hundreds of series, each look at the status takes milliseconds."""
READY_SECONDS = 0.1
DETACH_SECONDS = 120.0
LOG_BYTES = 5 * 1024 * 1024


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready, and go on in the background.")
@click.option("--gateway-port", multiple=True, metavar="PORT=LISTEN", help="Where a Gateway's port listens (80=9080).")
@click.option("--concurrency", default=2, show_default=True, type=click.IntRange(1, 64), help="Envoy's worker threads.")
@click.option(
    "--api-port", default=0, type=click.IntRange(0, 65535), help="The resource API's port [default: the last one]."
)
@click.option(
    "--dashboard-port", default=0, type=click.IntRange(0, 65535), help="The dashboard's port [default: the last one]."
)
@click.option("--no-dashboard", is_flag=True, help="Serve no dashboard.")
@click.option(
    "--trace-sampling",
    default=1.0,
    show_default=True,
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="How many requests are traced whose caller has not decided.",
)
@click.option("--otlp-endpoint", default="", metavar="URL", help="Send spans on to a collector (http://HOST:4317).")
@click.option(
    "--runtime",
    default="process",
    show_default=True,
    type=click.Choice(["process", "podman", "docker"]),
    help="Run images as containers, or as turnout.yaml says.",
)
@click.option("--detached", is_flag=True, hidden=True)
@chart_options
@state_option
def command(
    paths: tuple[Path, ...],
    detach: bool,
    gateway_port: tuple[str, ...],
    concurrency: int,
    api_port: int,
    dashboard_port: int,
    no_dashboard: bool,
    trace_sampling: float,
    otlp_endpoint: str,
    runtime: Literal["process", "podman", "docker"],
    detached: bool,
    release: Release,
    state: Path | None,
) -> None:
    """Start everything that the Kubernetes and Istio YAML in PATH (files, folders, charts) describes, and keep it so.

    Saving a manifest applies it; saving a source file rebuilds and rolls its workload. turnout.yaml says how an image
    is run as a process; with --runtime images are run as containers instead. Ctrl-C stops everything.

    \b
    Example:
      turnout up
      turnout up k8s/ --gateway-port 80=9080
      turnout up helm/ -f values-local.yaml --set weights.v2=10
      turnout up -d && turnout status
    """
    folder = state or Path.cwd() / ".turnout"
    ports = dict(_port_pair(text) for text in gateway_port)
    collector = _collector(otlp_endpoint) if otlp_endpoint else None
    if detach:
        _detach(folder)
        return
    from turnout.control.options import Options

    dashboard = None if no_dashboard else dashboard_port
    options = Options(
        paths or (Path(),),
        folder,
        ports,
        concurrency,
        api_port,
        dashboard,
        detached,
        trace_sampling,
        collector,
        release,
        engine=None if runtime == "process" else runtime,
    )
    asyncio.run(_run(options))


def _collector(url: str) -> Endpoint:
    from turnout.xds.otlp import Endpoint

    try:
        return Endpoint.parse(url)
    except ValueError as error:
        raise click.UsageError(f"--otlp-endpoint: {error}") from error


def _port_pair(text: str) -> tuple[int, int]:
    port, _, listen = text.partition("=")
    if not (port.isdecimal() and listen.isdecimal() and 0 < int(port) < 65536 and 0 < int(listen) < 65536):
        raise click.UsageError(f"--gateway-port {text!r} is not PORT=LISTEN, such as 80=9080")
    return int(port), int(listen)


async def _run(options: Options) -> None:
    from turnout.control.instance import Instance

    instance = Instance(options)
    live = sys.stdout.isatty() and not options.detached
    instance.state.create()
    _log_to(instance.state, also_stderr=not live)
    shown: list[asyncio.Task[None]] = []

    def ready(instance: Instance) -> None:
        shown.append(asyncio.create_task(_show_live(instance) if live else _narrate(instance)))
        shown[-1].add_done_callback(_tell_end)

    try:
        await instance.run(ready)
    except TurnoutError:
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("a bug ended turnout up")
        message = f"a bug in Turnout: {type(error).__name__}: {error}"
        raise TurnoutError(message, f"please report it, with {instance.state.crash_log}") from error
    finally:
        for task in shown:
            task.cancel()
        await asyncio.gather(*shown, return_exceptions=True)
    click.echo("stopped")


def _tell_end(task: asyncio.Task[None]) -> None:
    """What is shown ends with the instance; before that, only by a bug, and traffic goes on without it."""
    if not task.cancelled() and (error := task.exception()):
        logging.getLogger(__name__).error("a bug in Turnout ended what is shown here", exc_info=error)


def _log_to(state: StateDir, *, also_stderr: bool) -> None:
    """Tracebacks go to a file of their own: they tell a user nothing."""
    said = logging.StreamHandler() if also_stderr else _log_file(state.control_log)
    said.setFormatter(_WithoutTraceback("%(asctime)s %(message)s", "%H:%M:%S"))
    crashes = _log_file(state.crash_log)
    crashes.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    crashes.addFilter(lambda record: record.exc_info is not None)
    logging.basicConfig(level=logging.WARNING, handlers=[said, crashes])


def _log_file(path: Path) -> logging.Handler:
    return RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, delay=True)


class _WithoutTraceback(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = f"{record.getMessage()}: {record.exc_info[1]!r}" if record.exc_info else record.getMessage()
        return super().format(logging.makeLogRecord({**record.__dict__, **_PLAIN, "msg": said}))


_PLAIN = {"args": None, "exc_info": None, "exc_text": None, "stack_info": None}


async def _show_live(instance: Instance) -> None:
    from rich.live import Live

    from turnout.cli.board import board

    with Live(auto_refresh=False) as live:
        await _again_and_again(instance, lambda: live.update(board(_status(instance)), refresh=True))


async def _narrate(instance: Instance) -> None:
    """One line for each thing that has changed, for logs and pipes."""
    from turnout.cli.narration import Narration

    narration = Narration()

    def tell() -> None:
        for line in narration.news(_status(instance)):
            click.echo(f"{time.strftime('%H:%M:%S')} {line}")

    await _again_and_again(instance, tell)


def _status(instance: Instance) -> dict[str, Any]:
    """With the link that opens the dashboard."""
    from turnout.control.status import status
    from turnout.web.key import link

    now = status(instance)
    return {**now, "dashboard": now["dashboard"] and link(now["dashboard"], instance.state.token())}


async def _again_and_again(instance: Instance, show: Callable[[], None]) -> None:
    """A bug in a view is logged, once; everything else goes on, and so does the view when it can."""
    failed = False
    while True:
        try:
            await instance.considered()
            show()
        except Exception:
            if not failed:
                logging.getLogger(__name__).exception("a bug: what goes on cannot be shown")
            failed = True
        await asyncio.sleep(REFRESH_SECONDS)


# --- in the background


def _detach(folder: Path) -> None:
    """The same command again, in a session of its own; returns when all pods are ready, or says what is wrong."""
    from turnout.control.state import StateDir

    state = StateDir(folder)
    state.create()
    argv = [argument for argument in sys.argv[1:] if argument not in ("-d", "--detach")]
    with state.control_log.open("ab") as log:
        begun = log.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "turnout", *argv, "--detached"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    status = _await_ready(child, folder)
    if status is None:
        sys.stderr.write(state.control_log.read_text(errors="replace")[begun:])
        sys.exit(child.wait() or 1)
    from turnout.cli.board import board
    from turnout.cli.console import console
    from turnout.cli.dashboard import with_link

    console().print(board(with_link(status, folder)))


def _await_ready(child: subprocess.Popen[bytes], folder: Path) -> dict[str, Any] | None:
    """The status once every pod is ready, or as it is after DETACH_SECONDS. None: the child has ended."""
    from turnout.client import Client

    deadline = time.monotonic() + DETACH_SECONDS
    client: Client | None = None
    while child.poll() is None:
        try:
            client = client or Client.from_state(folder)
            status = client.view("status")
        except NotRunning:
            client = None
            status = {"pid": None}
        late = time.monotonic() > deadline
        if late or (status["pid"] == child.pid and _ready(status)):
            return dict(status) if status["pid"] == child.pid else None
        time.sleep(READY_SECONDS)
    return None


def _ready(status: dict[str, object]) -> bool:
    """Everything that is wanted runs, or is known to fail; and Envoy knows."""
    if not status["serving"] or not status["up_to_date"]:
        return False
    workloads = status["workloads"]
    assert isinstance(workloads, list)
    for workload in workloads:
        done = [pod for pod in workload["pods"] if pod["ready"] or pod["phase"] in ("failed", "crash-loop")]
        if len(done) < workload["replicas"]:
            return False
    return True
