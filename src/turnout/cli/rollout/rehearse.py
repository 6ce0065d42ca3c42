"""`turnout rollout rehearse`: a plan tried on recorded traffic, before anything is moved."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from turnout.cli.options import connect
from turnout.cli.rollout import preview, start
from turnout.cli.rollout.words import share, spoken
from turnout.delivery import binomial

if TYPE_CHECKING:
    from rich.table import Table

    from turnout.client import Client
    from turnout.rollout.intent import Intent
    from turnout.rollout.recorded import Recorded
    from turnout.rollout.rehearsal import End, Rehearsed, Result, Run

_OF_START = (
    "what",
    "to",
    "from_",
    "steps_text",
    "guards",
    "users",
    "min_time",
    "max_time",
    "on_timeout",
    "confidence",
    "max_user_impact",
    "sticky",
    "route",
    "name",
    "expectations",
    "namespace",
    "state",
)
"""What a plan consists of; it is said here as it is there."""
_SURE = 0.95


def _as_start(command: Callable[..., None]) -> Callable[..., None]:
    for param in reversed(start.command.params):
        if param.name in _OF_START:
            command.__click_params__ = [*getattr(command, "__click_params__", []), param]  # type: ignore[attr-defined] # click's own way
    return command


@click.command("rehearse")
@_as_start
@click.option(
    "--seconds",
    type=click.FloatRange(10, 6 * 3600),
    default=600,
    show_default=True,
    help="Traffic of so long is taken.",
)
@click.option(
    "--runs", type=click.IntRange(10, 10_000), default=200, show_default=True, help="Rollouts of each kind to try."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same rollouts.")
@click.option("--live", is_flag=True, help="Move real requests, once, to stable's own pods under another name.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def command(
    what: str,
    steps_text: str | None,
    users: tuple[str, ...],
    expectations: Path | None,
    namespace: str | None,
    state: Path | None,
    seconds: float,
    runs: int,
    seed: int,
    live: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Try a rollout on recorded traffic, without moving anything: how often it goes back for nothing, what it misses.

    Requests that stable answered are dealt to candidate and stable as each step would. Then some of the candidate's
    fail, and then all take longer. With --live the plan is carried out, from stable to stable: exit status 1 if that
    goes back.

    \b
    Example:
      turnout rollout rehearse reviews --to v2
      turnout rollout rehearse reviews --to v2 --steps 1,10,50 --guard errors:0.5 --seconds 3600
      turnout rollout rehearse rollout.yaml --runs 1000
      turnout rollout rehearse reviews --to v2 --min-time 10s --live
    """
    options = start.asked(what, steps_text, users, expectations, **given)
    client = connect(state)
    obj = start.drafted(client, what, namespace, options)
    intent = start.intended(obj)
    if live:
        _live(client, obj, intent, state)
    rehearsed = _prepared(client, intent, seconds)
    began = time.monotonic()
    results = list(_results(rehearsed, runs, seed))
    took = time.monotonic() - began
    if as_json:
        click.echo(json.dumps(_as_json(rehearsed, results, took), indent=2))
    else:
        _show(intent, rehearsed, results, took)


def _live(client: Client, obj: Mapping[str, Any], intent: Intent, state: Path | None) -> NoReturn:
    from turnout.cli.rollout import draft
    from turnout.cli.rollout.rehearse_live import rehearse

    draft.checked(obj)
    sys.exit(rehearse(client, obj, intent, state))


def _prepared(client: Client, intent: Intent, seconds: float) -> Rehearsed:
    """With the weights that the greatest impact allows. Raises TurnoutError."""
    from turnout.rollout.recorded import recorded
    from turnout.rollout.rehearsal import Rehearsed

    versions = intent.versions
    status = client.view("status")
    preview.require(status, versions.host, versions.stable)
    found = client.view(
        "windows", service=versions.host, subset=versions.stable, route=versions.route or "", seconds=str(seconds)
    )
    plan = preview.outlook(client, status, intent).plan
    return Rehearsed(plan, recorded(found, intent), float(intent.baseline_percent) / 100)


def _results(rehearsed: Rehearsed, runs: int, seed: int) -> Iterator[Result]:
    from turnout.rollout.rehearsal import faults, rehearse

    for fault in faults(rehearsed):
        yield rehearse(rehearsed, fault, runs, seed)


# --- for people


def _show(intent: Intent, rehearsed: Rehearsed, results: Sequence[Result], took: float) -> None:
    from turnout.cli.console import console

    versions, recorded = intent.versions, rehearsed.recorded
    output = console()
    rate = recorded.requests / recorded.seconds
    click.echo(
        f"{intent.name}: rehearsed with {recorded.requests:,} requests that {versions.stable} answered "
        f"in {spoken(recorded.seconds)} ({rate:.3g} a second)"
    )
    output.print(_table(intent, rehearsed, results))
    for line in _notes(rehearsed, results):
        click.echo(line)
    click.echo(f"{sum(len(result.runs) for result in results):,} rollouts in {spoken(took)}; nothing was moved")


def _table(intent: Intent, rehearsed: Rehearsed, results: Sequence[Result]) -> Table:
    from rich.table import Table

    rows = Table("THE CANDIDATE", "GOES BACK", "TAKES OVER", "UNDECIDED", "AFTER", "BY THEN IT GOT", box=None)
    rows.header_style, rows.pad_edge = "dim", False
    for result in results:
        expected = "finished" if result.fault == "none" else "aborted"
        rows.add_row(
            _candidate(intent, rehearsed, result),
            _counted(result, "aborted"),
            _counted(result, "finished"),
            str(result.count("undecided")),
            *_usual([run for run in result.runs if run.end == expected]),
        )
    return rows


def _candidate(intent: Intent, rehearsed: Rehearsed, result: Result) -> str:
    from turnout.rollout.rehearsal import FAILING

    match result.fault:
        case "none":
            return f"is {intent.versions.stable} itself"
        case "errors":
            return f"fails {share(FAILING)} of its requests"
        case _:
            return f"takes {_milliseconds(rehearsed.recorded)} ms longer"


def _milliseconds(recorded: Recorded) -> str:
    return f"{(recorded.delay_us or 0) / 1000:.3g}"


def _counted(result: Result, end: End) -> str:
    """`3 of 200 (0.31 to 4.32 %)`."""
    count, total = result.count(end), len(result.runs)
    low, high = binomial.interval(count, total, _SURE)
    return f"{count} of {total} ({100 * low:.3g} to {100 * high:.3g} %)"


def _usual(runs: Sequence[Run]) -> tuple[str, str]:
    """Time and the candidate's requests, in the middle of those that ended as they should."""
    from statistics import median

    if not runs:
        return "-", "-"
    return spoken(median(run.seconds for run in runs)), f"{median(run.requests for run in runs):,.0f} requests"


def _notes(rehearsed: Rehearsed, results: Sequence[Result]) -> Iterator[str]:
    recorded, plan = rehearsed.recorded, rehearsed.plan
    for guard in plan.guards:
        if guard.kind == "errors":
            yield f"{guard.name}: {share(recorded.share(guard.name))} of the requests failed"
        if guard.name in recorded.limits:
            limit = recorded.limits[guard.name] / 1000
            yield f"{guard.name}: {share(recorded.share(guard.name))} took longer than {limit:.3g} ms"
    caught = {result.fault: result.guards for result in results if result.guards}
    for fault, guards in caught.items():
        yield f"{fault}: taken back by {', '.join(f'{name} ({n})' for name, n in guards.most_common())}"
    not_seen = [*recorded.unseen, *(guard.name for guard in plan.guards if guard.kind == "regressions")]
    if not_seen:
        yield f"not rehearsed, and taken to be fine: {', '.join(not_seen)}"


def _as_json(rehearsed: Rehearsed, results: Sequence[Result], took: float) -> dict[str, Any]:
    recorded = rehearsed.recorded
    return {
        "requests": recorded.requests,
        "seconds": recorded.seconds,
        "limits_us": dict(recorded.limits),
        "delay_us": recorded.delay_us,
        "unseen": list(recorded.unseen),
        "took_seconds": round(took, 3),
        "results": [_result_json(result) for result in results],
    }


def _result_json(result: Result) -> dict[str, Any]:
    ends: tuple[End, ...] = ("finished", "aborted", "undecided")
    return {
        "fault": result.fault,
        "runs": len(result.runs),
        **{end: result.count(end) for end in ends},
        "aborted_interval": binomial.interval(result.count("aborted"), len(result.runs), _SURE),
        "median_seconds": {end: result.median_seconds(end) for end in ends},
        "median_candidate_requests": {end: result.median_requests(end) for end in ends},
        "guards": dict(result.guards),
    }
