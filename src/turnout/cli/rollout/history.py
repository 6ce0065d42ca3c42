"""`turnout rollout history`: what happened, and on which evidence it was decided."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.options import Target, connect, target_options
from turnout.cli.rollout import lookup
from turnout.cli.rollout.lookup import plain
from turnout.cli.rollout.orders import in_namespace, name_argument
from turnout.error import ApiError, TurnoutError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from turnout.client import Client


@click.command("history")
@name_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the counts that each was decided on.")
@in_namespace
@target_options
def command(name: str | None, as_json: bool, namespace: str | None, target: Target) -> None:
    """Show what happened in a rollout, with the evidence each step was decided on; without a NAME, all rollouts.

    \b
    Example:
      turnout rollout history
      turnout rollout history reviews-v2 --json > reviews-v2.json
    """
    client = connect(target)
    found = _kept(client, namespace, name) if not client.acknowledges else _viewed(client, namespace, name)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from turnout.cli.console import console

    console().print(_events(found) if name else _all(found))


def _viewed(client: Client, namespace: str | None, name: str | None) -> Any:
    """As an instance tells it."""
    return _of(client.view, namespace or client.namespace, name) if name else client.view("rollouts")


def _kept(client: Client, namespace: str | None, name: str | None) -> Any:
    """In the same form, of what a controller has written into the Rollouts."""
    rollouts = lookup.kept(client, namespace)
    if not name:
        return [plain(obj) for obj in lookup.every(rollouts)]
    shown = plain(lookup.get(rollouts, name))
    return {**shown, "events": shown["status"].pop("events", [])}


def _of(view: Any, namespace: str, name: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = view(f"rollouts/{namespace}/{name}")
    except ApiError as error:
        if error.status != 404:
            raise
        raise TurnoutError(f"no Rollout {namespace}/{name}", "`turnout rollout history` lists them") from error
    return found


def _all(rollouts: list[Mapping[str, Any]]) -> RenderableType:
    from turnout.cli.rollout.board import listed

    if not rollouts:
        return "no rollouts; `turnout rollout start SERVICE --to SUBSET` begins one"
    objects = [{**shown, "metadata": {"namespace": shown["namespace"], "name": shown["name"]}} for shown in rollouts]
    return listed(objects, time.time())


def _events(rollout: Mapping[str, Any]) -> RenderableType:
    """A line for each event since the last start, and below it what each guard had seen."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    events = rollout.get("events") or []
    began = max((at for at, event in enumerate(events) if event["what"] == "start"), default=0)
    for event in events[began:]:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["at"]))
        table.add_row(when, Text(event["what"], style="bold"), event.get("text") or "")
        for line in _evidence(event):
            table.add_row("", "", Text(line, style="dim"))
    if not table.row_count:
        return "nothing has happened yet"
    earlier = Text(f"{began} events of earlier rollouts of this name: --json has them", style="dim")
    return Group(earlier, table) if began else table


def _evidence(event: Mapping[str, Any]) -> Iterator[str]:
    for verdict in event.get("verdicts") or ():
        if verdict.get("words") and verdict["words"] not in (event.get("text") or ""):
            yield str(verdict["words"])
