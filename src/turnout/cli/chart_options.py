"""Options of the commands that render charts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from turnout.inputs.chart import Release

Command = Callable[..., Any]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")
"""Helm allows a release 53 characters: names of objects begin with it."""

_OPTIONS = (
    click.option(
        "--release", default="", metavar="[NAMESPACE/]NAME", help="A chart's release [default: its own name]."
    ),
    click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="A value for a chart; repeatable."),
    click.option(
        "-f",
        "--values",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file of values for a chart; repeatable, the last one wins.",
    ),
)


def chart_options(command: Command) -> Command:
    """`-f FILE`, `--set KEY=VALUE`, `--release NAME`, as helm has them: the command gets a Release, as `release`."""

    @wraps(command)
    def with_release(values: tuple[Path, ...], sets: tuple[str, ...], release: str, **others: Any) -> Any:
        return command(release=_release(values, sets, release), **others)

    for option in _OPTIONS:
        option(with_release)
    return with_release


def _release(values: tuple[Path, ...], sets: tuple[str, ...], name: str) -> Release:
    from turnout.inputs.chart import DEFAULT_NAMESPACE, Release

    namespace, _, own = name.rpartition("/")
    if name and not all(part == "" or _NAME.fullmatch(part) for part in (namespace, own)):
        raise click.BadParameter(
            f"{name!r} is not [NAMESPACE/]NAME, in small letters, such as live/shop", param_hint="--release"
        )
    return Release(own, namespace or DEFAULT_NAMESPACE, tuple(file.absolute() for file in values), sets)
