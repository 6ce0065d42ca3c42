"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from turnout.client import Client

F = TypeVar("F", bound=Callable[..., Any])


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


def connect(state: Path | None) -> Client:
    """The running instance, until the command ends. Raises NotRunning."""
    from turnout.client import Client, find_state

    client = Client.from_state(state or find_state(Path.cwd()))
    click.get_current_context().call_on_close(client.close)
    return client
