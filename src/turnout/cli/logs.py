"""`turnout logs`: what the workloads print."""

from __future__ import annotations

from pathlib import Path

import click

from turnout.cli.options import connect, state_option


@click.command()
@click.argument("workload", required=False, default="")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is printed from now on.")
@click.option(
    "--lines", type=click.IntRange(0), default=100, show_default=True, help="How many lines of each log to begin with."
)
@state_option
def command(workload: str, follow: bool, lines: int, state: Path | None) -> None:
    """Print the logs of a workload (a Deployment or one pod), of all, or of `envoy` and `turnout` themselves.

    \b
    Example:
      turnout logs rewrite-app-with-istio-blue -f
      turnout logs envoy
    """
    client = connect(state)
    try:
        for line in client.stream("logs", workload=workload, lines=str(lines), follow="1" if follow else "0"):
            click.echo(line)
    except KeyboardInterrupt:
        return
