"""`turnout explain`: where a request would go, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.chart_options import chart_options
from turnout.cli.options import Target, connect, target_options
from turnout.error import TurnoutError

if TYPE_CHECKING:
    from turnout.inputs.chart import Release

_SHOWN = 10
"""Errors of files."""


@click.command()
@click.argument("method")
@click.argument("url")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header, as curl has it.")
@click.option("--from", "caller", default="", metavar="WORKLOAD", help="Who calls: a Deployment, or NAMESPACE/NAME.")
@click.option("--gateway", is_flag=True, help="The request comes from outside, through a Gateway.")
@click.option("--json", "as_json", is_flag=True, help="The whole answer as JSON.")
@chart_options
@target_options
def command(
    method: str,
    url: str,
    paths: tuple[Path, ...],
    headers: tuple[str, ...],
    caller: str,
    gateway: bool,
    as_json: bool,
    release: Release,
    target: Target,
) -> None:
    """Tell where a request would go, and why: no request is sent.

    Virtual host, rule, and why the rules before it do not match; the destinations with their chances, what arrives
    there, timeout, retries, faults, copies. It is told of the running Turnout; with PATH (files, folders, charts), of
    what is written there.

    \b
    Example:
      turnout explain GET http://reviews/api -H 'end-user: jason'
      turnout explain GET http://shop.example/ --gateway k8s/
      turnout explain POST http://cart:8080/items --from default/web --json
    """
    if caller and gateway:
        raise click.UsageError("a request comes from a workload (--from) or from outside (--gateway)")
    question = {
        "method": method,
        "url": url,
        "headers": [_header(text) for text in headers],
        "from": caller,
        "gateway": gateway,
    }
    answer = _of_files(paths, release, question) if paths else connect(target).post("explain", question)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        from turnout.cli.explanation import lines

        click.echo("\n".join(lines(answer)))


def _header(text: str) -> list[str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"{text!r} is not NAME: VALUE, such as 'end-user: jason'")
    return [name.strip(), value.strip()]


def _of_files(paths: tuple[Path, ...], release: Release, asked: dict[str, Any]) -> dict[str, Any]:
    from turnout.control.explained import Unanswerable, of_files, question
    from turnout.inputs.files import read_paths
    from turnout.problem import errors

    manifests = read_paths(paths, release=release)
    wrong = errors(manifests.problems)
    if wrong:
        for problem in wrong[:_SHOWN]:
            click.echo(str(problem), err=True)
        message = f"the files have {len(wrong)} error{'s' if len(wrong) > 1 else ''}, so nothing can be told of them"
        raise TurnoutError(message, "turnout check shows all of them" if len(wrong) > _SHOWN else None)
    posed = question(asked)
    assert posed is not None, "it is made as it should be"
    found = of_files(manifests, posed)
    if isinstance(found, Unanswerable):
        raise TurnoutError(found.message, found.hint)
    return found
