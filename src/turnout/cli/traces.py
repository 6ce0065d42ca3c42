"""`turnout traces`: the traced requests, and one of them hop by hop."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import click

from turnout.cli.options import connect, no_cluster, state_option

_STATUS = re.compile(r"\d{1,3}|[1-5]xx|error")


def _duration(unit: str) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """`250ms`, `1.5s`, `10m` as milliseconds; a bare number is in `unit`."""

    def milliseconds(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
        from turnout.resources.duration import parse

        if text is None:
            return None
        duration = parse(text.lower() if text.endswith(("s", "m", "h")) else text + unit)
        if duration is None:
            raise click.BadParameter(f"{text!r} is no duration, such as 250ms, 2s or 15m", ctx, param)
        return duration.total_seconds() * 1000

    return milliseconds


def _status(ctx: click.Context, param: click.Parameter, text: str) -> str:
    if text and not _STATUS.fullmatch(text.lower()):
        raise click.BadParameter(f"{text!r} is no status, such as 503, 5xx or error", ctx, param)
    return text.lower()


@click.command()
@click.argument("id", required=False, default="", metavar="[ID]")
@click.option(
    "--service", default="", metavar="NAME", help="With a call of this service (`reviews`, or its full name)."
)
@click.option("--workload", default="", metavar="NAME", help="With a call to or from this workload.")
@click.option(
    "--status",
    default="",
    metavar="STATUS",
    callback=_status,
    help="With this answer: 503, 5xx, or `error` for any failure.",
)
@click.option("--mirrored", is_flag=True, help="With a mirrored copy.")
@click.option("--min", "shortest", callback=_duration("ms"), metavar="DURATION", help="That took so long, or longer.")
@click.option("--max", "longest", callback=_duration("ms"), metavar="DURATION", help="That took so long at most.")
@click.option("--since", callback=_duration("s"), metavar="DURATION", help="That began so long ago, or later (15m).")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@no_cluster("Istio hands them to a backend of its own", "look there: Jaeger, Tempo, Zipkin")
@state_option
def command(
    id: str,  # noqa: A002 - the argument's name in the help
    service: str,
    workload: str,
    status: str,
    mirrored: bool,
    shortest: float | None,
    longest: float | None,
    since: float | None,
    limit: int,
    as_json: bool,
    state: Path | None,
) -> None:
    """Print the traced requests, the latest first; or, with the (beginning of the) ID of one, its hops over time.

    `--service`, `--workload`, `--status` and `--mirrored` together mean one and the same hop.

    \b
    Example:
      turnout traces --service reviews --status 5xx
      turnout traces --min 200ms --since 15m
      turnout traces 4bf92f
    """
    client = connect(state)
    if id:
        found = client.view(f"traces/{id}")
    else:
        query = {
            "service": service,
            "workload": workload,
            "status": status,
            "mirrored": "1" if mirrored else "",
            "min_ms": _text(shortest),
            "max_ms": _text(longest),
            "seconds": _text(since and since / 1000),
            "limit": str(limit),
        }
        found = client.view("traces", **query)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from turnout.cli.console import console
    from turnout.cli.waterfall import listed, waterfall

    console().print(waterfall(found) if id else listed(found))


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:g}"
