"""`turnout rollout status`: where rollouts stand, and what has been seen."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.options import connect, state_option
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
@state_option
def command(name: str | None, as_json: bool, watch: bool, namespace: str, state: Path | None) -> None:
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
    client = connect(state)
    if watch:
        from turnout.client import find_state

        chosen = lookup.only(client, namespace, name)
        sys.exit(follow(state or find_state(Path.cwd()), chosen))
    found = [lookup.get(client, namespace, name)] if name else lookup.every(client)
    if as_json:
        shown = [plain(obj) for obj in found]
        click.echo(json.dumps(shown[0] if name else shown, indent=2))
        return
    from turnout.cli.console import console

    screen = console()
    screen.print(_shown(found, time.time(), screen.width))


def plain(obj: Object) -> dict[str, Any]:
    """As the view `rollouts` has it: without what only the engine reads."""
    meta = obj["metadata"]
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != "engine"}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "spec": obj["spec"],
        "status": status,
    }


def _shown(found: list[Object], now: float, width: int) -> RenderableType:
    from turnout.cli.rollout.board import board, listed

    live = [obj for obj in found if lookup.under_way(obj)]
    if not found:
        return "no rollouts; `turnout rollout start SERVICE --to SUBSET` begins one"
    if len(found) == 1 or len(live) == 1:
        return board((live or found)[0], now, width)
    return listed(found, now)
