"""What `shift`, `mirror` and `undo` print: before → after, and how long it took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from turnout.delivery.edit import Edit, Refusal, RouteChange
from turnout.error import TurnoutError

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.client.change import Outcome


def virtual_services(client: Client) -> list[dict[str, Any]]:
    """All of them: a service may be routed from other namespaces."""
    from turnout.resources.kinds import VIRTUAL_SERVICE

    return list(client.list(VIRTUAL_SERVICE)["items"])


def stable_of(client: Client, host: str, candidate: str, route: str | None) -> str:
    """The subset that gets most of a service's requests, but for the candidate. Raises TurnoutError."""
    from turnout.delivery.weights import heaviest

    found = heaviest(virtual_services(client), host, route, without=candidate)
    if found is None:
        raise TurnoutError(f"it cannot be told which version of {host} is the stable one", "name it with --from")
    return found


def accepted(edits: list[Edit] | Refusal) -> list[Edit]:
    """The edits, or an error that says why there are none."""
    if isinstance(edits, Refusal):
        raise TurnoutError(edits.message, edits.hint)
    return edits


def carry_out(
    client: Client, plan: Callable[[list[dict[str, Any]]], list[Edit] | Refusal], command: str
) -> tuple[list[Edit], list[dict[str, Any]]]:
    """Does what `plan` makes of the live objects that route, and says so; the edits, and what they were made from."""
    from turnout.client.change import attempt
    from turnout.resources.kinds import VIRTUAL_SERVICE

    done = attempt(client, lambda live: accepted(plan(live)), command)
    if not done.edits:
        click.echo("nothing to change")
        return [], done.before
    for edit in done.edits:
        for shown in edit.shown:
            click.echo(line(shown))
    tell(done.outcome)
    for warning in client.warnings:
        click.echo(f"warning: {warning}", err=True)
    if VIRTUAL_SERVICE.kind in client.unseen:
        others = "VirtualServices of other namespaces may not be read: if one routes the service too, it stays"
        click.echo(f"warning: {others}", err=True)
    return list(done.edits), done.before


def tell(outcome: Outcome) -> None:
    """How long it took; raises TurnoutError when it is not known to be in force."""
    if outcome.acknowledged is None:
        click.echo(f"accepted in {outcome.seconds * 1000:.0f} ms; Istio hands it to the proxies by itself")
        return
    if not outcome.acknowledged:
        raise TurnoutError("accepted, but Envoy has not confirmed it yet", "see turnout status")
    click.echo(f"acknowledged by Envoy in {outcome.seconds * 1000:.0f} ms")


def line(change: RouteChange) -> str:
    """`default/cluster route-v2: green 1 → 50, blue 99 → 50`."""
    parts = [_part(key, change.before.get(key, "-"), after) for key, after in change.after.items()]
    return f"{change.virtual_service} {change.route}: {', '.join(parts)}"


def _part(key: str, before: str, after: str) -> str:
    return f"{key} {after}" if before == after else f"{key} {before} → {after}"


def described(objects: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{obj['namespace']}/{obj['name']}" for obj in objects)
