"""`turnout rollout pause`, `resume`, `promote` and `abort`: what people decide, carried out by the engine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import click

from turnout.cli.options import Target, connect, target_options
from turnout.cli.rollout import lookup
from turnout.cli.rollout.lookup import Kept, Object
from turnout.error import TurnoutError

ORDER = "turnout.dev/order"
"""The annotation: a verb and an id of its own. The engine removes it when it has been carried out."""

TAKEN_SECONDS = 15.0
_LOOK_SECONDS = 0.05

_FITS = {
    "pause": {"", "running"},
    "resume": {"running", "paused"},
    "promote": {"running", "paused"},
    "abort": {"", "running", "paused", "halted"},
}
"""In which phases an order means anything."""

name_argument = click.argument("name", required=False)
in_namespace = click.option(
    "-n", "--namespace", help="The Rollout's namespace [default: default, on a cluster the context's]."
)


@click.command()
@name_argument
@in_namespace
@target_options
def pause(name: str | None, namespace: str | None, target: Target) -> None:
    """Stay where it is, until it is resumed. What is proven worse still goes back.

    \b
    Example:
      turnout rollout pause
      turnout rollout pause reviews-v2
    """
    _order("pause", name, namespace, target)


@click.command()
@name_argument
@in_namespace
@target_options
def resume(name: str | None, namespace: str | None, target: Target) -> None:
    """Go on, with all the time of the step before it; a planned pause ends.

    \b
    Example:
      turnout rollout resume
    """
    _order("resume", name, namespace, target)


@click.command()
@name_argument
@in_namespace
@target_options
def promote(name: str | None, namespace: str | None, target: Target) -> None:
    """Send all requests to the new version now, whatever the steps and guards say.

    \b
    Example:
      turnout rollout promote reviews-v2
    """
    _order("promote", name, namespace, target)


@click.command()
@name_argument
@in_namespace
@target_options
def abort(name: str | None, namespace: str | None, target: Target) -> None:
    """Send all requests back to the old version now.

    \b
    Example:
      turnout rollout abort
    """
    _order("abort", name, namespace, target)


COMMANDS = (pause, resume, promote, abort)


def _order(verb: str, name: str | None, namespace: str | None, target: Target) -> None:
    rollouts = lookup.kept(connect(target), namespace)
    before = lookup.only(rollouts, name)
    _require(verb, before)
    after = carried_out(rollouts, before, verb, TAKEN_SECONDS)
    click.echo(f"{lookup.title(after)}: {lookup.phase(after)}{_because(after)}")
    if verb != "pause" and (changed := _changed(rollouts, before, after, TAKEN_SECONDS)):
        from turnout.cli.rollout.words import moved

        click.echo(moved(changed))


def _require(verb: str, obj: Object) -> None:
    """Raises TurnoutError where the order would mean nothing."""
    phase, title = lookup.phase(obj), lookup.title(obj)
    if phase in _FITS[verb]:
        return
    if phase in lookup.ENDED:
        raise TurnoutError(f"{title} is {phase} already", _instead(verb, obj))
    if not phase:
        raise TurnoutError(f"{title} has not begun yet", "see `turnout rollout status`")
    hints = {"halted": "`turnout rollout abort` goes back as soon as the old version is healthy"}
    raise TurnoutError(f"{title} is {phase}: there is nothing to {verb}", hints.get(phase))


def _instead(verb: str, obj: Object) -> str:
    spec = obj["spec"]
    if verb in ("promote", "abort"):
        subset = spec["to"] if verb == "promote" else spec["from"]
        return f"move traffic yourself: `turnout shift {spec['service']} {subset}=100`"
    return f"start it anew: `turnout rollout start {spec['service']} --to {spec['to']}`"


def carried_out(rollouts: Kept, obj: Object, verb: str, seconds: float) -> Object:
    """Annotates the Rollout, and returns it as it is when the engine has done it. TurnoutError: it has not."""
    meta, order = obj["metadata"], uuid.uuid4().hex
    live: Object = rollouts.shelf.annotate(meta["namespace"], meta["name"], {ORDER: f"{verb} {order}"})
    until = time.monotonic() + seconds
    while (taken := (live.get("status") or {}).get("order") or {}).get("id") != order:
        if time.monotonic() > until:
            hint = "it stays ordered; see `turnout status`"
            raise TurnoutError(f"the order to {verb} has not been carried out within {seconds:g} s", hint)
        time.sleep(_LOOK_SECONDS)
        live = lookup.get(rollouts, meta["name"], meta["namespace"])
    if taken.get("refused"):
        raise TurnoutError(f"{lookup.title(obj)}: {taken['refused']}")
    return live


def _because(obj: Object) -> str:
    why = (obj.get("status") or {}).get("why")
    return f", {why}" if why else ""


def _changed(rollouts: Kept, before: Object, after: Object, seconds: float) -> Mapping[str, Any] | None:
    """How traffic was moved, once it has been; None: it is not, since the only healthy copy is the candidate's."""
    until = time.monotonic() + seconds
    while (changed := _last_change(after)) == _last_change(before):
        if lookup.phase(after) == "halted":
            return None
        if time.monotonic() > until:
            raise TurnoutError("it is decided, but traffic has not been moved yet", "see `turnout rollout status`")
        time.sleep(_LOOK_SECONDS)
        after = lookup.get(rollouts, after["metadata"]["name"], after["metadata"]["namespace"])
    return changed


def _last_change(obj: Object) -> Mapping[str, Any] | None:
    changed: Mapping[str, Any] | None = (obj.get("status") or {}).get("lastChange")
    return changed
