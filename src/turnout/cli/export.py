"""`turnout export`: what other people's tools need to look at an instance."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import click

from turnout.cli.options import Target, on_cluster, target_options
from turnout.error import TurnoutError


@click.group()
def command() -> None:
    """Write what Prometheus and Grafana need to show Turnout's metrics.

    \b
    Example:
      turnout export prometheus > prometheus.yml
      turnout export grafana --out dashboards
    """


@command.command()
@target_options
def prometheus(target: Target) -> None:
    """Print a configuration with which Prometheus scrapes the instance, now and after a restart.

    On a cluster (--context) Istio has one already: this one takes its mesh's metrics over, for a Prometheus here.

    \b
    Example:
      turnout export prometheus > prometheus.yml
      prometheus --config.file=prometheus.yml
    """
    from turnout.client import find_state
    from turnout.client.state import read_address

    if target.is_cluster:
        click.echo(federation(_federated(target)), nl=False)
        return
    folder = (target.state or find_state(Path.cwd())).absolute()
    click.echo(scrape_config(f"127.0.0.1:{read_address(folder).port}", folder / "token"), nl=False)


@command.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder to write to [default: this one].",
)
def grafana(out: Path) -> None:
    """Write dashboards as JSON files that Grafana imports: the mesh, a service, a workload, a rollout.

    \b
    Example:
      turnout export grafana --out dashboards
    """
    from turnout.telemetry.dashboards import all_dashboards
    from turnout.telemetry.grafana import document

    out.mkdir(parents=True, exist_ok=True)
    for dashboard in all_dashboards():
        path = out / f"{dashboard.uid}.json"
        path.write_text(json.dumps(document(dashboard), indent=2) + "\n", encoding="utf-8")
        click.echo(f"wrote {path}")


def _federated(target: Target) -> str:
    """The address of the cluster's Prometheus. Raises TurnoutError where it has none that can be reached from here."""
    found = on_cluster(target).site.prometheus
    if found is None or not found.url:
        raise TurnoutError(
            "the cluster's Prometheus has no address outside of the cluster",
            "kubectl port-forward -n istio-system service/prometheus 9090, then --prometheus http://127.0.0.1:9090",
        )
    return found.url


def federation(url: str) -> str:
    """prometheus.io/docs/prometheus/latest/federation: Istio's metrics, as the cluster's Prometheus has them."""
    address = urlsplit(url)
    return f"""\
scrape_configs:
  - job_name: istio
    scrape_interval: 15s
    honor_labels: true
    scheme: {address.scheme}
    metrics_path: {json.dumps(address.path.rstrip("/") + "/federate")}
    params:
      match[]: ['{{__name__=~"istio_.*"}}']
    static_configs:
      - targets: [{json.dumps(address.netloc)}]
"""


def scrape_config(target: str, token: Path) -> str:
    """A whole configuration of Prometheus; JSON's strings are YAML's too. `target`: host and port."""
    return f"""\
scrape_configs:
  - job_name: turnout
    scrape_interval: 5s
    metrics_path: /metrics
    authorization:
      type: Bearer
      credentials_file: {json.dumps(str(token))}
    static_configs:
      - targets: [{json.dumps(target)}]
"""
