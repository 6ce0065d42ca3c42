"""`turnout mirror`: a version gets a copy of real traffic; its answers are thrown away."""

from __future__ import annotations

from pathlib import Path

import click

from turnout.cli.change import accepted, carry_out, virtual_services
from turnout.cli.options import connect, namespace_option, state_option
from turnout.delivery import mirroring
from turnout.mesh.names import fqdn


@click.command()
@click.argument("service")
@click.option("--to", "subset", help="The subset that gets the copies.")
@click.option("--off", is_flag=True, help="No copies any more.")
@click.option("--percent", default=100.0, show_default=True, help="How much of the traffic is copied.")
@click.option("--methods", help="Only requests with these methods, such as GET,HEAD.")
@click.option("--route", "route_name", help="Only the HTTP route of this name.")
@namespace_option
@state_option
def command(
    service: str,
    subset: str | None,
    off: bool,
    percent: float,
    methods: str | None,
    route_name: str | None,
    namespace: str,
    state: Path | None,
) -> None:
    """Send a version a copy of real traffic. Users never see its answers, and never wait for it.

    Copies carry the header x-turnout-mirror. Copied requests can change data: limit them with --methods.

    \b
    Example:
      turnout mirror recommendation --to v2 --percent 10 --methods GET,HEAD
      turnout mirror recommendation --off
    """
    if off == bool(subset):
        raise click.UsageError("give either --to SUBSET or --off")
    limited = [method.strip().upper() for method in methods.split(",") if method.strip()] if methods else []
    client = connect(state)
    before = virtual_services(client)
    host = fqdn(service, namespace)
    if subset is None:
        edits = accepted(mirroring.off(before, host, route_name))
        carry_out(client, edits, before, f"mirror {service} --off")
        return
    edits = accepted(mirroring.mirror(before, host, subset, percent=percent, methods=limited, route_name=route_name))
    carry_out(client, edits, before, f"mirror {service} --to {subset}")
    if not limited:
        click.echo(
            "warning: requests that change data are copied too\nhint: limit them with --methods GET,HEAD", err=True
        )
