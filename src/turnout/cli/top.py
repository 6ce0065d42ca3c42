"""`turnout top`: every version's traffic, live."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from turnout.cli.options import Target, connect, scope_options, target_options
from turnout.cli.scope import within

if TYPE_CHECKING:
    from turnout.client import Client

REFRESH_SECONDS = 1.0
SORTS = ("service", "rate", "errors", "p50", "p90", "p99", "retries", "copies")


@click.command()
@click.option("--sort", type=click.Choice(SORTS), default="service", show_default=True, help="What to put on top.")
@click.option("--once", is_flag=True, help="Print it once; so it is where the output is no terminal.")
@scope_options
@target_options
def command(sort: str, once: bool, scope: str | None, target: Target) -> None:
    """Show the traffic of every service and version over the last ten seconds, each second anew, until Ctrl-C.

    \b
    Example:
      turnout top
      turnout top --sort p99 --once
    """
    client = connect(target, scope)
    if once or not sys.stdout.isatty():
        from turnout.cli.console import console
        from turnout.cli.traffic_table import traffic_table

        console().print(traffic_table(within(client.view("status"), scope), sort))
        return
    try:
        _live(client, sort, scope)
    except KeyboardInterrupt:
        return


def _live(client: Client, sort: str, scope: str | None) -> None:
    """What was shown last stays in the terminal."""
    from rich.live import Live

    from turnout.cli.traffic_table import traffic_table

    with Live(auto_refresh=False) as live:
        while True:
            live.update(traffic_table(within(client.view("status"), scope), sort), refresh=True)
            time.sleep(REFRESH_SECONDS)
