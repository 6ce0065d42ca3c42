"""`turnout shift`: traffic from one version to another."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from turnout.cli.change import carry_out
from turnout.cli.options import Target, connect, own_namespace_option, target_options
from turnout.delivery.edit import Edit
from turnout.delivery.weights import shift
from turnout.mesh.names import fqdn

if TYPE_CHECKING:
    from turnout.client import Client


@click.command()
@click.argument("service")
@click.argument("weights", nargs=-1, required=True, metavar="SUBSET=WEIGHT...")
@click.option("--route", "route_name", help="Only the route of this name, or at this place: http[1], tcp[0].")
@click.option("--write", is_flag=True, help="Change the YAML files as well, comments and layout kept.")
@own_namespace_option
@target_options
def command(
    service: str, weights: tuple[str, ...], route_name: str | None, write: bool, namespace: str | None, target: Target
) -> None:
    """Move traffic between the versions of a service.

    Weights are percent (down to 0.001). What is not named shares the rest, in the proportion it has now. Every route
    that lists the subsets is changed, of requests and of connections, in all VirtualServices, as one change. So are
    HTTPRoutes and GRPCRoutes; their versions are Services.

    \b
    Example:
      turnout shift rewrite-app-with-istio green=1
      turnout shift reviews v2=0.1 --route canary --write
    """
    wanted = dict(_weight(text) for text in weights)
    client = connect(target)
    host = fqdn(service, namespace or client.namespace)
    title = " ".join(["shift", service, *weights])
    edits, before = carry_out(client, lambda live: shift(live, host, wanted, route_name), title)
    if write:
        _write(edits, before, client)


def _weight(text: str) -> tuple[str, Decimal]:
    subset, equals, weight = text.partition("=")
    try:
        value = Decimal(weight.removesuffix("%"))
    except InvalidOperation:
        value = None
    if not subset or not equals or value is None or not value.is_finite():
        raise click.UsageError(f"{text!r} is not SUBSET=WEIGHT, such as green=1")
    return subset, value


def _write(edits: list[Edit], before: list[dict[str, object]], client: Client) -> None:
    from turnout.cli.files import write_values

    unwritten = write_values(edits, before, client)
    for message in unwritten:
        click.echo(f"error: {message}", err=True)
    if unwritten:
        sys.exit(1)
