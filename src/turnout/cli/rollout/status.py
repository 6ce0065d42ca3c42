"""`turnout rollout status`: where rollouts stand, and what has been seen."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from turnout.cli.options import Target, connect, opened, target_options
from turnout.cli.rollout import lookup
from turnout.cli.rollout.follow import follow
from turnout.cli.rollout.lookup import Object
from turnout.cli.rollout.orders import in_namespace, name_argument

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command("status")
@name_argument
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON: of one, or a list of all.")
@click.option("--watch", is_flag=True, help="Again and again, until it has ended or Ctrl-C.")
@in_namespace
@target_options
def command(name: str | None, as_json: bool, watch: bool, namespace: str | None, target: Target) -> None:
    """Show a rollout: its steps, each guard's verdict with what was counted, what is needed still, and who is touched.

    Without a NAME: the one under way, or a list of all. With --watch the exit status is that of `start`.

    \b
    Example:
      turnout rollout status
      turnout rollout status reviews-v2 --watch
      turnout rollout status reviews-v2 --json | jq .status.verdicts
    """
    if watch and as_json:
        raise click.UsageError("--watch shows a board, or lines; --json is printed once")
    rollouts = lookup.kept(connect(target), namespace)
    if watch:
        chosen = lookup.only(rollouts, name)
        sys.exit(follow(lambda: opened(target), chosen))
    found = [lookup.get(rollouts, name)] if name else lookup.every(rollouts)
    if as_json:
        shown = [lookup.plain(obj) for obj in found]
        click.echo(json.dumps(shown[0] if name else shown, indent=2))
        return
    from turnout.cli.console import console

    screen = console()
    screen.print(_shown(found, time.time(), screen.width))


def _shown(found: list[Object], now: float, width: int) -> RenderableType:
    from turnout.cli.rollout.board import board, listed

    live = [obj for obj in found if lookup.under_way(obj)]
    if not found:
        return "no rollouts; `turnout rollout start SERVICE --to SUBSET` begins one"
    if len(found) == 1 or len(live) == 1:
        return board((live or found)[0], now, width)
    return listed(found, now)
