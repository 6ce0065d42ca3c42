"""`turnout logs`: what the workloads print; with `--access`, the requests that pass between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from turnout.cli.options import connect, no_cluster, state_option

if TYPE_CHECKING:
    from turnout.client import Client

LINES = 100
SECONDS = 5.0


@click.command()
@click.argument("workload", required=False, default="")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is printed, or what passes, from now on.")
@click.option(
    "--lines",
    type=click.IntRange(0),
    help=f"How many lines of each log to begin with; with --access, after how many requests to end [default: {LINES}; "
    "with --access -f: never].",
)
@click.option("--access", is_flag=True, help="Requests instead, one line of JSON for each, copies too.")
@click.option(
    "--seconds", type=click.FloatRange(0), help=f"With --access: how long to look [default: {SECONDS:g}; with -f: on]."
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    callback=lambda *given: _checked(given[2]),
    help="With --access: only these, such as 404 or 5xx; repeatable.",
)
@no_cluster("a cluster keeps its own", "kubectl logs")
@state_option
def command(
    workload: str,
    follow: bool,
    lines: int | None,
    access: bool,
    seconds: float | None,
    statuses: tuple[str, ...],
    state: Path | None,
) -> None:
    """Print the logs of a workload (a Deployment or one pod), of all, or of `envoy` and `turnout` themselves.

    With --access, print requests: those from or to a workload, those to a service, or all. Nothing is kept of requests
    that nobody looks at, so this shows those that pass from now on: without -f, for a few seconds.

    \b
    Example:
      turnout logs rewrite-app-with-istio-blue -f
      turnout logs envoy
      turnout logs --access -f reviews --status 5xx | jq '{path, flags_in_words}'
    """
    if not access and (seconds is not None or statuses):
        raise click.UsageError("--seconds and --status are about requests: add --access")
    client = connect(state)
    try:
        if access:
            _requests(client, workload, statuses, *_until(follow, seconds, lines))
        else:
            _logs(client, workload, LINES if lines is None else lines, follow)
    except KeyboardInterrupt:
        return


def _checked(statuses: tuple[str, ...]) -> tuple[str, ...]:
    from turnout.telemetry.access import is_status

    for status in statuses:
        if not is_status(status):
            raise click.BadParameter(f"{status!r} is no status: give 404, or 5xx for all of a class")
    return statuses


def _logs(client: Client, workload: str, lines: int, follow: bool) -> None:
    for line in client.stream("logs", workload=workload, lines=str(lines), follow="1" if follow else "0"):
        click.echo(line)


def _until(follow: bool, seconds: float | None, lines: int | None) -> tuple[float | None, int | None]:
    """What is not said has a default, unless everything is to be followed."""
    if follow:
        return seconds, lines
    return SECONDS if seconds is None else seconds, LINES if lines is None else lines


def _requests(
    client: Client, workload: str, statuses: tuple[str, ...], seconds: float | None, lines: int | None
) -> None:
    query = {"workload": workload, "status": ",".join(statuses)}
    query["seconds"] = "" if seconds is None else f"{seconds:g}"
    query["lines"] = "" if lines is None else str(lines)
    nothing = True
    for line in client.stream("access", **query):
        click.echo(line)
        nothing = False
    if nothing and seconds is not None:
        click.echo(f"no such request passed within {seconds:g} s", err=True)
