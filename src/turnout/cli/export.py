"""`turnout export`: what other people's tools need to look at an instance."""

from __future__ import annotations

import json
from pathlib import Path

import click

from turnout.cli.options import state_option


@click.group()
def command() -> None:
    """Write what Prometheus and Grafana need to show Turnout's metrics.

    \b
    Example:
      turnout export prometheus > prometheus.yml
      turnout export grafana --out dashboards
    """


@command.command()
@state_option
def prometheus(state: Path | None) -> None:
    """Print a configuration with which Prometheus scrapes the instance, now and after a restart.

    \b
    Example:
      turnout export prometheus > prometheus.yml
      prometheus --config.file=prometheus.yml
    """
    from turnout.client import find_state
    from turnout.client.state import read_address

    folder = (state or find_state(Path.cwd())).absolute()
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
