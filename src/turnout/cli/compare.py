"""`turnout compare`: a candidate answers copies of real requests, and what it answers is held against stable's."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.change import stable_of
from turnout.cli.mirror import methods_of
from turnout.cli.options import connect, namespace_option, no_cluster, state_option
from turnout.error import NotRunning, TurnoutError
from turnout.mesh.names import fqdn

if TYPE_CHECKING:
    from turnout.client import Client

STATUSES = {"same": 0, "regression": 1, "difference": 3, "unsure": 4}
"""2 is wrong usage, as everywhere."""
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
DEFAULT_SECONDS = 300.0
SURE_SECONDS = 3600.0
"""How long to look for certainty at most."""
LOOK_SECONDS = 0.5
KINDS = (
    "missing", "extra", "type", "value", "order", "length", "distribution", "failed", "malformed", "unanswered", "cut",
    "truncated", "slower", "faster",
)  # fmt: skip

View = Mapping[str, Any]


class WithDefault(click.Group):
    """`compare SERVICE` is `compare start SERVICE`: what is no command of its own is given to the first one."""

    default = "start"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """It has no options of its own."""
        return [self.subcommand_metavar or ""]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Those of the default, then the commands."""
        default = self.commands[self.default]
        own = click.Context(default, parent=ctx)
        default.format_options(own, formatter)
        self.format_commands(ctx, formatter)


def _seconds(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    from turnout.resources.duration import parse

    if text is None:
        return None
    duration = parse(text.lower())
    if duration is None or not 1 <= duration.total_seconds() <= 7 * 24 * 3600:
        raise click.BadParameter(f"{text!r} is no time from 1s to 168h, such as 60s, 5m or 1.5h", ctx, param)
    return duration.total_seconds()


here_only = no_cluster(
    "answers are taken from Turnout's own Envoy; Istio's proxies cannot be tapped",
    "`turnout mirror` copies requests there, and a rollout judges the candidate's errors and latencies",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
html_option = click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the report as one HTML file."
)
expectations_option = click.option(
    "--expectations", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="What may differ [default: expectations.yaml beside turnout.yaml].",
)  # fmt: skip


@click.group(cls=WithDefault, subcommand_metavar="SERVICE --to SUBSET [OPTIONS] | COMMAND")
def command() -> None:
    """Compare what a new version answers with what the stable one does, while users are answered by the stable one.

    Real requests are copied to the candidate, and some of them to stable once more: what stable answers differently
    to itself is noise. Ctrl-C ends it, and prints what is known.

    Exit status: 0 no difference, 1 a regression, 3 another difference, 4 not sure; 1 also when there is nothing to
    compare, and 2 for wrong usage.

    \b
    Example:
      turnout compare reviews --to v2
      turnout compare reviews --to v2 --sample 1/16 --until-sure
      turnout compare accept '$.endpoint_version' --why "it is meant to be another"
      turnout compare report --html report.html
    """


@command.command(short_help="compare; the default: `turnout compare SERVICE`")
@click.argument("service")
@click.option("--to", "candidate", required=True, metavar="SUBSET", help="The version on trial.")
@click.option("--from", "stable", metavar="SUBSET", help="The stable version [default: the one with the most weight].")
@click.option("--sample", metavar="SHARE", help="At most how many of the requests are copied: 1/16, 5% [default: all].")
@click.option("--for", "seconds", metavar="TIME", callback=_seconds, help="How long: 60s, 5m [default: 5m].")
@click.option("--until-sure", is_flag=True, help="End as soon as more would hardly change it; for 1h at most.")
@click.option(
    "--methods", default="GET,HEAD", show_default=True, metavar="LIST", help="Only requests with these methods."
)
@click.option("--route", metavar="NAME", help="Only the HTTP route of this name, or at this place: http[1].")
@click.option(
    "--baseline", type=click.FloatRange(0, 100, min_open=True), default=25.0, show_default=True, metavar="PERCENT",
    help="Of the copies, how many stable gets as well.",
)  # fmt: skip
@expectations_option
@json_option
@html_option
@namespace_option
@here_only
@state_option
def start(
    service: str,
    candidate: str,
    stable: str | None,
    sample: str | None,
    seconds: float | None,
    until_sure: bool,
    methods: str,
    route: str | None,
    baseline: float,
    expectations: Path | None,
    as_json: bool,
    html: Path | None,
    namespace: str,
    state: Path | None,
) -> None:
    """Compare; the default command: `turnout compare SERVICE` does the same.

    \b
    Example:
      turnout compare start reviews --to v2
    """
    client = connect(state)
    copied = methods_of(methods)
    order = {
        "do": "start",
        "service": service,
        "namespace": namespace,
        "from": stable or stable_of(client, fqdn(service, namespace), candidate, route),
        "to": candidate,
        "route": route,
        "sample": sample,
        "methods": copied,
        "baseline_percent": baseline,
        "seconds": seconds or (SURE_SECONDS if until_sure else DEFAULT_SECONDS),
        "until_sure": until_sure,
        "expectations": str(_checked(expectations, state)),
    }
    if unsafe := [method for method in copied if method not in SAFE_METHODS]:
        hint = "hint: unless the candidate has data of its own, leave them out"
        click.echo(f"warning: {', '.join(unsafe)}: copies of these can change data a second time\n{hint}", err=True)
    with _terminating():
        _tell(_watched(client, client.post("comparison", order)), as_json=as_json, html=html)


@command.command(short_help="print a comparison's report again")
@click.argument("id", required=False, default="", metavar="[ID]")
@json_option
@html_option
@here_only
@state_option
def report(id: str, as_json: bool, html: Path | None, state: Path | None) -> None:  # noqa: A002 - the argument's name in the help
    """Print the report of the comparison that runs, or ran last, or has this ID; the last 20 are kept.

    \b
    Example:
      turnout compare report
      turnout compare report 7 --html report.html
    """
    view = connect(state).view(f"comparison/{id}" if id else "comparison")
    if view["id"] is None:
        raise TurnoutError("nothing was compared yet", "see `turnout compare --help`")
    _tell(view, as_json=as_json, html=html)


@command.command(short_help="end the comparison that runs")
@here_only
@state_option
def stop(state: Path | None) -> None:
    """End the comparison that runs, and put the routes back as they were.

    \b
    Example:
      turnout compare stop
    """
    client = connect(state)
    running = client.view("comparison")
    if not running["running"]:
        raise TurnoutError("no comparison runs", "see `turnout compare report` for the last one")
    if running["by"] != "compare":
        raise TurnoutError(f"this comparison belongs to {running['by']}", "end it with `turnout rollout`")
    client.post("comparison", {"do": "stop", "id": running["id"]})
    click.echo(f"stopped comparison {running['id']}; see `turnout compare report`")


@command.command(short_help="write what may differ into a file")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only such differences; repeatable.")
@click.option("--route", default="*", metavar="NAME", help="Only on this route; `*` stands for anything.")
@click.option("--why", default="", metavar="TEXT", help="For whoever reviews the file.")
@expectations_option
@here_only
@state_option
def accept(
    paths: tuple[str, ...], kinds: tuple[Any, ...], route: str, why: str, expectations: Path | None, state: Path | None
) -> None:
    """Write differences that are meant to be into a file, which comparisons heed.

    A PATH is status, headers.NAME, body, response, latency, or JSONPath such as $.items[*].price.

    \b
    Example:
      turnout compare accept '$.endpoint_version' --kind value --why "v2 says that it is v2"
    """
    from turnout.cli.expectations import accept as write
    from turnout.delivery.comparison.expectation import Accepted
    from turnout.delivery.comparison.json_path import steps

    for path in paths:
        try:
            steps(path)
        except ValueError as error:
            raise click.UsageError(f"{error}; paths look like status, headers.location or $.items[*].price") from error
    for path in _unseen(paths, state):
        click.echo(f"warning: {path} is not in the last report", err=True)
    file = expectations or _default_file(state)
    lost = write(file, [Accepted(path, kinds, route, why) for path in paths])
    if lost:
        click.echo(f"warning: comments in {file} were not kept; `--why` keeps a reason with its path", err=True)
    for path in paths:
        click.echo(f"accepted: {path}")
    click.echo(f"wrote {file}")


# --- what runs


def _default_file(state: Path | None) -> Path:
    from turnout.cli.expectations import default_file
    from turnout.client import find_state

    return default_file(state or find_state(Path.cwd()))


def _checked(expectations: Path | None, state: Path | None) -> Path:
    """The file's absolute path. Raises TurnoutError if it is wrong, or is named and not there."""
    from turnout.cli.expectations import load

    if expectations is not None and not expectations.is_file():
        raise TurnoutError(f"there is no file {expectations}", "`turnout compare accept` writes one")
    file = expectations or _default_file(state)
    load(file)
    return file.absolute()


def _watched(client: Client, view: View) -> View:
    """Until it ends; Ctrl-C ends it."""
    try:
        with _progress_line() as show:
            while view["running"]:
                show(view)
                time.sleep(LOOK_SECONDS)
                view = client.view(f"comparison/{view['id']}")
        return view
    except NotRunning as error:
        hint = "the comparison goes on with the next `turnout up`: see `turnout compare report` then"
        raise NotRunning(error.message, hint) from error
    except KeyboardInterrupt:
        client.close()  # it may have been in the middle of an answer
        stopped: View = client.post("comparison", {"do": "stop", "id": view["id"]})
        return stopped


def _unseen(paths: tuple[str, ...], state: Path | None) -> list[str]:
    """Which of the paths meet nothing in the last report; without an instance, nobody can tell."""
    from turnout.cli.comparison_words import report_of
    from turnout.delivery.comparison.json_path import matches

    try:
        routes = report_of(connect(state).view("comparison")).get("routes") or ()
    except NotRunning:
        return []
    found = [field["path"] for route in routes for field in route["fields"]]
    return [path for path in paths if not any(matches(path, each) or each.startswith(f"{path}.") for each in found)]


# --- what is shown


def _tell(view: View, *, as_json: bool, html: Path | None) -> None:
    """The report, and the exit status that says what came out."""
    from turnout.cli.comparison_words import verdict_of

    if html is not None:
        from turnout.cli.comparison_page import page

        html.write_text(page(view), encoding="utf-8")
        click.echo(f"wrote {html}", err=True)
    if as_json:
        click.echo(json.dumps(view, indent=2))
    else:
        from turnout.cli.comparison_report import report as lines
        from turnout.cli.console import console

        console().print(lines(view))
    sys.exit(STATUSES[verdict_of(view)])


@contextlib.contextmanager
def _terminating() -> Iterator[None]:
    """What ends the command ends the comparison, as Ctrl-C does: nobody waits for it any more."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress_line() -> Iterator[Any]:
    """Rewrites one line on stderr, and wipes it in the end; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda view: None
        return
    from turnout.cli.comparison_words import progress

    wipe = "\r\x1b[K"

    def show(view: View) -> None:
        columns, _ = _terminal_size()
        click.echo(wipe + progress(view, time.time())[: columns - 1], err=True, nl=False, color=True)

    try:
        yield show
    finally:
        click.echo(wipe, err=True, nl=False, color=True)


def _terminal_size() -> tuple[int, int]:
    import shutil

    return shutil.get_terminal_size()
