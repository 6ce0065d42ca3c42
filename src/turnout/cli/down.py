"""`turnout down`: everything stops, nothing is left behind."""

from __future__ import annotations

import time
from pathlib import Path

import click

from turnout.cli.options import state_option
from turnout.error import NotRunning, TurnoutError

STOP_SECONDS = 90.0


@click.command()
@state_option
def command(state: Path | None) -> None:
    """Stop the instance: its Envoy, its workloads, itself. Also after a crash of turnout's own.

    \b
    Example:
      turnout down
    """
    from turnout.client import Client, find_state
    from turnout.control.state import StateDir

    folder = state or find_state(Path.cwd())
    held = StateDir(folder)
    try:
        Client.from_state(folder).post("down", {})
    except NotRunning:
        if not held.locked():
            _sweep(folder)
            return
        held.terminate()  # it is only starting, and has no API yet
    _wait(held)
    click.echo("stopped")


def _wait(held: object) -> None:
    from turnout.control.state import StateDir

    assert isinstance(held, StateDir)
    deadline = time.monotonic() + STOP_SECONDS
    while held.locked():
        if time.monotonic() > deadline:
            raise TurnoutError(f"still stopping after {STOP_SECONDS:.0f} s", f"see {held.control_log}")
        time.sleep(0.02)


def _sweep(folder: Path) -> None:
    """After a SIGKILL of turnout, what it started may still run."""
    import asyncio

    from turnout.control.sweep import sweep

    stopped = asyncio.run(sweep(folder))
    if not stopped:
        raise NotRunning(f"nothing runs for {folder}", "start it with `turnout up`")
    click.echo(f"turnout itself was gone; stopped what it had left: {', '.join(stopped)}")
