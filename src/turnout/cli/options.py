"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from turnout.client import Client

F = TypeVar("F", bound=Callable[..., Any])

LEAST_SECONDS, MOST_SECONDS = 1, 7 * 24 * 3600
"""How far back telemetry goes."""


def state_option(command: F) -> F:
    """`--state DIR`: which instance."""
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        help="The instance's state directory [default: .turnout here or in the nearest parent].",
    )(command)


def namespace_option(command: F) -> F:
    return click.option("-n", "--namespace", default="default", show_default=True, help="The service's namespace.")(
        command
    )


def window_option(command: F) -> F:
    """`--window TIME`, as `seconds`: how far back."""
    return click.option(
        "--window", "seconds", metavar="TIME", default="60s", show_default=True, callback=_seconds,
        help="How far to look back: 10s, 15m, 6h.",
    )(command)  # fmt: skip


def _seconds(ctx: click.Context, param: click.Parameter, text: str) -> float:
    from turnout.resources.duration import parse

    duration = parse(text.lower())
    if duration is None or not LEAST_SECONDS <= duration.total_seconds() <= MOST_SECONDS:
        raise click.BadParameter(f"{text!r} is no time from 1s to 168h, such as 60s, 5m or 1.5h", ctx, param)
    return duration.total_seconds()


def connect(state: Path | None) -> Client:
    """The running instance, until the command ends. Raises NotRunning."""
    from turnout.client import Client, find_state

    client = Client.from_state(state or find_state(Path.cwd()))
    click.get_current_context().call_on_close(client.close)
    return client
