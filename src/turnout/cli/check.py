"""`turnout check`: what is wrong with files, without a cluster, a network, or anything that runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from turnout.cli.chart_options import chart_options
from turnout.cli.options import Target, connect, on_cluster, scope_options, target_options

if TYPE_CHECKING:
    from turnout.analysis.inventory import Subject
    from turnout.cli.check_report import Report
    from turnout.client import Client
    from turnout.cluster.client import ClusterClient
    from turnout.cluster.live import Live
    from turnout.delivery.blast_radius import FanOut
    from turnout.inputs.chart import Release
    from turnout.inputs.check import Finding
    from turnout.inputs.survey import Survey

STDIN = "-"


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH|-]...", type=click.Path(exists=True, allow_dash=True))
@click.option("--json", "form", flag_value="json", help="The findings as JSON.")
@click.option("--sarif", "form", flag_value="sarif", help="The findings as SARIF 2.1.0, for code scanning.")
@click.option("--github", "form", flag_value="github", help="The findings as annotations of GitHub Actions.")
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings, too.")
@click.option("--local", is_flag=True, help="Tell also what has no effect when the files run here.")
@click.option("--ignore", metavar="CODE", multiple=True, help="Leave findings of this code out; repeatable.")
@click.option("--measured", is_flag=True, help="Ask the running Turnout how often users' requests call each service.")
@chart_options
@scope_options
@target_options
def command(
    paths: tuple[str, ...],
    form: str | None,
    strict: bool,
    local: bool,
    ignore: tuple[str, ...],
    measured: bool,
    release: Release,
    scope: str | None,
    target: Target,
) -> None:
    """Check YAML: its form, what each object says, and what the objects say together. Charts are rendered first.

    Without a path it is the current folder, or on a cluster (--context) its live objects; with both, what the files
    would be there. `-` is standard input. Istioctl's findings have istioctl's codes.

    Exit status 0 when there is no error, 1 when there is one, 2 when the command is used in a wrong way.

    \b
    Example:
      turnout check k8s/
      turnout check helm/ -f values-production.yaml --strict
      kubectl kustomize overlays/production | turnout check -
      turnout check k8s/ --sarif > turnout.sarif
    """
    from turnout.cli import check_report

    _require_known(ignore)
    client = connect(target) if measured and not target.is_cluster else None
    cluster = on_cluster(target, scope) if target.is_cluster else None
    shown = paths if cluster else paths or (".",)
    report = _report(shown, release, client or cluster if measured else None, cluster, local, frozenset(ignore))
    written = {
        None: check_report.text,
        "json": check_report.as_json,
        "sarif": check_report.sarif,
        "github": check_report.github,
    }[form](report)
    if written:
        click.echo(written)
    click.echo(report.summary, err=True)
    if report.errors or (strict and report.warnings):
        sys.exit(1)


def _require_known(codes: Sequence[str]) -> None:
    from turnout.analysis.istio_codes import ISTIO_CODES
    from turnout.resources.codes import CODES

    for code in codes:
        if code not in CODES and code not in ISTIO_CODES:
            raise click.BadParameter(f"there is no code {code}; docs/problems.md lists them", param_hint="--ignore")


def _report(
    paths: Sequence[str],
    release: Release,
    counting: Client | None,
    cluster: ClusterClient | None,
    local: bool,
    ignore: frozenset[str],
) -> Report:
    from datetime import UTC, datetime

    from turnout.cli.check_report import Report
    from turnout.inputs.check import check
    from turnout.inputs.survey import survey

    piped = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if STDIN in paths else None
    found = survey([Path(path) for path in paths if path != STDIN], piped, release)
    measured = _measured(counting, found) if counting else {}
    now, live = datetime.now(UTC), cluster.site.live() if cluster else None
    around = [subject for subject, _ in live.subjects] if live else []
    findings = check(found, now, local=local, ignore=ignore, measured=measured, live=around)
    if cluster and live:
        findings += _of_cluster(cluster, live, [entry.subject for entry in found.entries], ignore)
    return Report(found, findings, len(around))


def _of_cluster(
    cluster: ClusterClient, live: Live, written: Sequence[Subject], ignore: frozenset[str]
) -> list[Finding]:
    """What is wrong there; beside files, what these would break."""
    from turnout.cluster.check import broken_by, findings
    from turnout.cluster.live import unseen

    for text in unseen(live):
        click.echo(f"warning: {text}", err=True)
    namespace = cluster.site.namespace
    found = broken_by(live, written, namespace) if written else findings(live, namespace)
    return [each for each in found if each.problem.code not in ignore]


def _measured(client: Client, found: Survey) -> Mapping[str, FanOut]:
    """Of the services that are split, those that users' requests have led to lately. Raises ApiError, NotRunning."""
    from turnout.delivery.blast_radius import told
    from turnout.delivery.wide_splits import split_hosts

    hosts = split_hosts(entry.subject.resource for entry in found.entries)
    fan_outs = {host: told(client.view("blast", service=host)) for host in hosts}
    return {host: fan_out for host, fan_out in fan_outs.items() if fan_out}
