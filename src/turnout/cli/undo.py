"""`turnout undo`: what the last change did is taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from turnout.cli.change import described
from turnout.cli.options import connect, state_option
from turnout.error import TurnoutError


@click.command()
@state_option
def command(state: Path | None) -> None:
    """Take the last change of weights or mirrors back; again, and the one before goes too.

    \b
    Example:
      turnout shift reviews v2=50
      turnout undo
    """
    from turnout.client.change import undo

    client = connect(state)
    step = _last(client.view("history"))
    seconds = undo(client, step)
    click.echo(f"undone: {step['command']} ({described(step['objects'])})")
    click.echo(f"acknowledged by Envoy in {seconds * 1000:.0f} ms")


def _last(steps: Any) -> dict[str, Any]:
    for step in reversed(steps):
        if not step.get("undone"):
            return dict(step)
    raise TurnoutError("there is nothing to undo", "`turnout shift` and `turnout mirror` can be undone")
