"""The command line: one file per command, imported only when that command runs."""

from __future__ import annotations

import importlib
import os
import sys

import click

from turnout import __version__
from turnout.error import TurnoutError

COMMANDS = {
    "up": "start everything the YAML describes, and keep it so",
    "check": "what is wrong with YAML files, before anything runs",
    "status": "services, versions, weights, health, traffic",
    "graph": "who calls whom, how fast, and with how many errors",
    "top": "every version's traffic, live",
    "plan": "what a change of files would do to traffic",
    "explain": "where a request would go, and why",
    "shift": "move traffic between the versions of a service",
    "mirror": "send a version a copy of real traffic",
    "compare": "hold a new version's answers against the old one's",
    "rollout": "let a new version take over, step by step, on evidence",
    "controller": "move a cluster's rollouts on",
    "install": "what a cluster needs for rollouts",
    "undo": "take the last change back",
    "load": "send requests, and sum up what came back",
    "dashboard": "what goes on, in the browser",
    "traces": "traced requests, hop by hop",
    "logs": "what the workloads print",
    "export": "what Prometheus and Grafana need to look on",
    "init": "write a first configuration",
    "down": "stop everything",
}
"""Command name to its line in `turnout --help`; the module `turnout.cli.<name>` holds `command`."""

DEBUG = "TURNOUT_DEBUG"
"""Set it to see the traceback of a bug."""


class Commands(click.Group):
    """Lists the commands without importing them, so that `--help` is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"turnout.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="turnout")
def root() -> None:
    """Change a live service safely: run old and new side by side, mirror, compare, shift, watch, go back.

    \b
    Example:
      turnout up k8s/
      turnout shift reviews v2=1
      turnout undo
    """


def main() -> None:
    """Exit status: 0 fine, 1 a problem found, 2 wrong usage. No traceback reaches a user."""
    try:
        root(standalone_mode=True)
    except TurnoutError as error:
        _fail(error.message, error.hint)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), None)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        _fail(f"a bug in Turnout: {type(error).__name__}: {error}", f"please report it; {DEBUG}=1 shows more of it")


def _fail(message: str, hint: str | None) -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    sys.exit(1)
