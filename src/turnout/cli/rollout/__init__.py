"""`turnout rollout`: one version takes over from another, and each step is decided on evidence."""

from __future__ import annotations

import click

from turnout.cli.rollout.history import command as history_command
from turnout.cli.rollout.orders import COMMANDS as ORDERS
from turnout.cli.rollout.rehearse import command as rehearse_command
from turnout.cli.rollout.start import command as start_command
from turnout.cli.rollout.status import command as status_command


@click.group()
def command() -> None:
    """Let one version take over from another: on when enough is seen, and back at the first proof that it is worse.

    \b
    Example:
      turnout rollout start reviews --to v2 --steps 1,5,25,50,100
      turnout rollout status --watch
      turnout rollout abort
    """


for _each in (start_command, status_command, *ORDERS, history_command, rehearse_command):
    command.add_command(_each)
