"""`turnout rollout rehearse --live`: a plan on real requests, in which stable is its own candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.options import opened
from turnout.cli.rollout import lookup, orders, start
from turnout.cli.rollout.follow import follow
from turnout.cli.rollout.lookup import Kept, Object
from turnout.error import TurnoutError

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.delivery.steering import Versions
    from turnout.rollout.intent import Intent

SUFFIX = "-rehearsal"
"""Of the subset that stands for stable once more, and of the Rollout."""


def rehearse(client: Client, obj: Object, intent: Intent, state: Path | None) -> int:
    """The exit status: 1 when it went back, which it had no reason to. Raises TurnoutError.

    While it lasts, a second subset of stable's pods is in the DestinationRule; then everything is put back.
    """
    twin = intent.versions.stable + SUFFIX
    wanted = _wanted(obj, twin)
    versions = replace(intent.versions, candidate=twin)
    rollouts = lookup.kept(client, wanted["metadata"]["namespace"])
    replaced = start.previous(rollouts, wanted)
    with _twin(client, intent, twin), kept(client, versions):
        made = start.begun(rollouts, start.created(client, rollouts, wanted, replaced))
        try:
            status = follow(lambda: opened(state), made, goes_on=False)
        finally:
            _end(rollouts, made)
    click.echo("everything is as it was before")
    return status


def _wanted(obj: Object, twin: str) -> dict[str, Any]:
    """Nobody else is told of it."""
    spec = {key: value for key, value in obj["spec"].items() if key != "hooks"}
    metadata = {**obj["metadata"], "name": obj["metadata"]["name"] + SUFFIX}
    return {**obj, "metadata": metadata, "spec": {**spec, "to": twin}}


def _end(rollouts: Kept, made: Object) -> None:
    """Ctrl-C ends a rehearsal."""
    meta = made["metadata"]
    live = lookup.get(rollouts, meta["name"], meta["namespace"])
    if lookup.under_way(live):
        orders.carried_out(rollouts, live, "abort", orders.TAKEN_SECONDS)


@contextmanager
def _twin(client: Client, intent: Intent, twin: str) -> Iterator[None]:
    """The subset is there."""
    from turnout.resources.kinds import DESTINATION_RULE

    rule = _rule(client, intent)
    meta = rule["metadata"]
    (own,) = [each for each in rule["spec"]["subsets"] if each["name"] == intent.versions.stable]
    if not any(each["name"] == twin for each in rule["spec"]["subsets"]):
        put = {"op": "add", "path": "/spec/subsets/-", "value": {**own, "name": twin}}
        client.patch(DESTINATION_RULE, meta["namespace"], meta["name"], [put], type="json")
    try:
        yield
    finally:
        live = client.get(DESTINATION_RULE, meta["namespace"], meta["name"])
        kept = [each for each in live["spec"]["subsets"] if each["name"] != twin]
        put = {"op": "replace", "path": "/spec/subsets", "value": kept}
        client.patch(DESTINATION_RULE, meta["namespace"], meta["name"], [put], type="json")


def _rule(client: Client, intent: Intent) -> Object:
    from turnout.delivery.steering import subsets
    from turnout.resources.kinds import DESTINATION_RULE

    versions = intent.versions
    for rule in client.list(DESTINATION_RULE)["items"]:
        if versions.stable in subsets([rule], versions.host):
            return dict(rule)
    hint = "a DestinationRule names them: `turnout init` writes one"
    raise TurnoutError(f"{versions.host} has no subset {versions.stable}", hint)


@contextmanager
def kept(client: Client, versions: Versions) -> Iterator[None]:
    """Afterwards all requests are stable's again, and no route names the candidate. Raises TurnoutError."""
    before = _virtual_services(client)
    try:
        yield
    finally:
        _steer_back(client, versions)
        for live in _virtual_services(client):
            key = live["metadata"]["namespace"], live["metadata"]["name"]
            was = next(
                (each for each in before if (each["metadata"]["namespace"], each["metadata"]["name"]) == key), live
            )
            _put_back(client, live, was, versions)


def _virtual_services(client: Client) -> Sequence[dict[str, Any]]:
    from turnout.resources.kinds import VIRTUAL_SERVICE

    return [dict(each) for each in client.list(VIRTUAL_SERVICE)["items"]]


def _steer_back(client: Client, versions: Versions) -> None:
    """A rehearsal that has taken over is no reason to keep anything."""
    from turnout.client.change import carry_out
    from turnout.delivery import steering
    from turnout.delivery.edit import Refusal
    from turnout.delivery.plan import STABLE

    live = [each for each in _virtual_services(client) if _without(each["spec"], versions) != each["spec"]]
    if not live:
        return
    edits = steering.steer(live, versions, STABLE)
    if isinstance(edits, Refusal):
        raise TurnoutError(f"the rehearsal cannot be put back: {edits.message}", edits.hint)
    if edits:
        carry_out(client, edits, live, "rollout rehearse --live")


def _put_back(client: Client, live: Object, was: Object, versions: Versions) -> None:
    """As it was, where nobody has changed anything else meanwhile; else only without the twin."""
    from turnout.resources.kinds import VIRTUAL_SERVICE

    plain = _without(live["spec"], versions)
    if plain == live["spec"]:
        return
    spec = was["spec"] if _bare(plain, versions) == _bare(was["spec"], versions) else plain
    meta = live["metadata"]
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
        {"op": "replace", "path": "/spec", "value": spec},
    ]
    client.patch(VIRTUAL_SERVICE, meta["namespace"], meta["name"], operations, type="json")


def _without(spec: Mapping[str, Any], versions: Versions) -> dict[str, Any]:
    """No route has the twin among its destinations."""
    made = deepcopy(dict(spec))
    for rule in made.get("http") or ():
        if rule.get("route"):
            rule["route"] = [c for c in rule["route"] if c["destination"].get("subset") != versions.candidate]
    return made


def _bare(spec: Mapping[str, Any], versions: Versions) -> dict[str, Any]:
    """Without what steering writes into a route whose only destination is stable."""
    made = _without(spec, versions)
    for rule in made.get("http") or ():
        if len(rule.get("route") or ()) == 1:
            (only,) = rule["route"]
            only.pop("weight", None)
            only["destination"].setdefault("subset", versions.stable)
    return made
