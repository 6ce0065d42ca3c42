"""`turnout plan`: what a change of files would do to traffic."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.chart_options import chart_options
from turnout.cli.options import Target, connect, target_options

if TYPE_CHECKING:
    from turnout.cli.plan_rates import Rates
    from turnout.cli.plan_words import Places
    from turnout.client import Client
    from turnout.control.planned import Planned
    from turnout.inputs.chart import Release
    from turnout.inputs.files import Manifests

CHANGES, PROBLEMS = 3, 1
"""Exit status."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--against", type=click.Path(path_type=Path), help="Compare with these manifests, not with what is running."
)
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@chart_options
@target_options
def command(paths: tuple[Path, ...], against: Path | None, as_json: bool, release: Release, target: Target) -> None:
    """Show what the manifests in PATH (files, folders, charts) would do to traffic in place of what is running.

    On a cluster (--context): what `kubectl apply` of them would do.

    Route by route: before and after, for whom, and how many requests would go elsewhere; and the problems that come
    with it. Nothing is changed. Exit status: 0 no changes, 3 changes, 1 problems.

    \b
    Example:
      turnout plan k8s/
      turnout plan helm/ --set weights.v2=10
      turnout plan k8s/ --against ../main/k8s
    """
    from turnout.cli.plan_rates import rates
    from turnout.cli.plan_words import Places
    from turnout.cluster.plan import applied, live_objects
    from turnout.control.planned import planned
    from turnout.inputs.files import read_paths

    manifests = read_paths(paths, release=release)
    _require_sound(manifests)
    wanted = [manifest.obj for manifest in manifests.objects]
    before = read_paths([against], release=release) if against else None
    lately = None
    if before:
        _require_sound(before)
        found = planned([manifest.obj for manifest in before.objects], wanted)
    else:
        client = _running(target)
        live = live_objects(client) if target.is_cluster else _live(client)
        after = applied(wanted, live) if target.is_cluster else _after(live, wanted, manifests, paths)
        found = planned(live, after)
        lately = None if target.is_cluster else rates(client, found.traffic.routes)  # Istio counts by no route
    _show(found, Places.of(manifests, before), lately, as_json=as_json)
    if any(problem.severity == "error" for problem in found.problems):
        sys.exit(PROBLEMS)
    sys.exit(CHANGES if found.changes else 0)


def _require_sound(manifests: Manifests) -> None:
    """Warnings are the business of `turnout check`; with an error there is no plan."""
    from turnout.problem import errors

    refused = errors(manifests.problems)
    for problem in refused:
        click.echo(str(problem), err=True)
    if refused:
        sys.exit(PROBLEMS)


def _running(target: Target) -> Client:
    """Raises NotRunning, ClusterFailed."""
    from turnout.error import NotRunning

    try:
        return connect(target)
    except NotRunning as error:
        hint = "start it with `turnout up`, or name manifests to compare with: --against PATH"
        raise NotRunning(error.message, hint) from error


def _live(client: Client) -> list[dict[str, Any]]:
    """All objects of the running Turnout that say what shall be."""
    from turnout.resources.kinds import WANTED

    return [obj for kind in WANTED for obj in client.list(kind)["items"]]


def _after(
    live: Sequence[dict[str, Any]], wanted: Sequence[dict[str, Any]], manifests: Manifests, paths: Sequence[Path]
) -> Sequence[Mapping[str, Any]]:
    """As `turnout up` would apply the files: what was changed live stays, and so does what came from other files."""
    from turnout.control.planned import applied
    from turnout.inputs.apply import plan, source_of

    roots = [path.absolute() for path in paths]
    sources = {source[0] for obj in live if (source := source_of(obj))}
    elsewhere = {file for file in sources if not any(Path(file).is_relative_to(root) for root in roots)}
    return applied(plan(wanted, live, broken={*manifests.broken, *elsewhere}), live)


def _show(found: Planned, places: Places, lately: Rates | None, *, as_json: bool) -> None:
    from turnout.cli.plan_json import data
    from turnout.cli.plan_words import shown

    if as_json:
        click.echo(json.dumps(data(found, places, lately), indent=2))
    else:
        shown(found, places, lately)
