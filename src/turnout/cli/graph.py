"""`turnout graph`: who calls whom, how often, how fast, and with how many errors."""

from __future__ import annotations

import json

import click

from turnout.cli.options import Target, connect, scope_options, target_options, window_option


@click.command()
@window_option
@click.option("--json", "as_json", is_flag=True, help="The nodes and edges as JSON.")
@click.option("--mermaid", "as_mermaid", is_flag=True, help="A Mermaid flowchart, to be pasted into Markdown.")
@scope_options
@target_options
def command(seconds: float, as_json: bool, as_mermaid: bool, scope: str | None, target: Target) -> None:
    """Show who calls whom: rate, errors, latency, and calls per request that came in. Copies are drawn dashed.

    \b
    Example:
      turnout graph
      turnout graph --window 1h --mermaid > graph.mmd
    """
    if as_json and as_mermaid:
        raise click.UsageError("give either --json or --mermaid")
    graph = connect(target, scope).view("graph", seconds=f"{seconds:g}")
    if as_json:
        click.echo(json.dumps(graph, indent=2))
    elif as_mermaid:
        from turnout.cli.mermaid import mermaid

        click.echo(mermaid(graph), nl=False)
    else:
        from turnout.cli.call_tree import call_tree
        from turnout.cli.console import console

        console().print(call_tree(graph))
