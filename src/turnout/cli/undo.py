"""`turnout undo`: what the last change did is taken back."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli.change import described, tell
from turnout.cli.options import Target, connect, target_options
from turnout.error import TurnoutError


@click.command()
@target_options
def command(target: Target) -> None:
    """Take the last change of weights or mirrors back; again, and the one before goes too.

    \b
    Example:
      turnout shift reviews v2=50
      turnout undo
    """
    from turnout.client.change import undo

    client = connect(target)
    step = _last(client.view("history"))
    outcome = undo(client, step)
    click.echo(f"undone: {step['command']} ({described(step['objects'])})")
    tell(outcome)


def _last(steps: Any) -> dict[str, Any]:
    for step in reversed(steps):
        if not step.get("undone"):
            return dict(step)
    raise TurnoutError("there is nothing to undo", "`turnout shift` and `turnout mirror` can be undone")
