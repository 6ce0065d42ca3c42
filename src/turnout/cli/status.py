"""`turnout status`: what runs, where traffic goes, and what is wrong."""

from __future__ import annotations

import json
import sys

import click

from turnout.cli.options import Target, connect, scope_options, target_options
from turnout.cli.scope import within


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@scope_options
@target_options
def command(as_json: bool, scope: str | None, target: Target) -> None:
    """Show services, versions, weights, health and traffic. Exit status 1 when something is wrong.

    \b
    Example:
      turnout status
      turnout status --json | jq '.services[].versions'
    """
    status = within(connect(target, scope).view("status"), scope)
    if as_json:
        click.echo(json.dumps(status, indent=2))
    else:
        from turnout.cli.board import board
        from turnout.cli.console import console

        console().print(board(status))
    if any(problem["severity"] == "error" for problem in status["problems"]):
        sys.exit(1)
