"""`turnout mirror`: a version gets a copy of real traffic; its answers are thrown away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.change import carry_out
from turnout.cli.options import Target, connect, own_namespace_option, target_options
from turnout.delivery import mirroring
from turnout.delivery.edit import Edit, Refusal
from turnout.error import TurnoutError
from turnout.mesh.names import fqdn

if TYPE_CHECKING:
    from turnout.client import Client

_METHOD = re.compile(r"[A-Z]+(-[A-Z]+)*")


@click.command()
@click.argument("service")
@click.option("--to", "subset", help="The subset that gets the copies.")
@click.option("--off", is_flag=True, help="No copies any more.")
@click.option("--percent", default=100.0, show_default=True, help="How much of the traffic is copied.")
@click.option("--methods", help="Only requests with these methods, such as GET,HEAD.")
@click.option("--route", "route_name", help="Only the HTTP route of this name, or at this place: http[1].")
@own_namespace_option
@target_options
def command(
    service: str,
    subset: str | None,
    off: bool,
    percent: float,
    methods: str | None,
    route_name: str | None,
    namespace: str | None,
    target: Target,
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
    limited = methods_of(methods or "")
    client = connect(target)
    host = fqdn(service, namespace or client.namespace)
    if subset is None:
        carry_out(client, host, lambda live: mirroring.off(live, host, route_name), f"mirror {service} --off")
        return
    _require_subset(client, host, subset)

    def plan(live: list[dict[str, Any]]) -> list[Edit] | Refusal:
        return mirroring.mirror(live, host, subset, percent=percent, methods=limited, route_name=route_name)

    carry_out(client, host, plan, f"mirror {service} --to {subset}")
    if not limited:
        click.echo(
            "warning: requests that change data are copied too\nhint: limit them with --methods GET,HEAD", err=True
        )


def methods_of(text: str) -> list[str]:
    """`get, HEAD` → `["GET", "HEAD"]`."""
    methods = [method.strip().upper() for method in text.split(",") if method.strip()]
    for method in methods:
        if not _METHOD.fullmatch(method):
            raise click.UsageError(f"--methods: {method!r} is no HTTP method")
    return methods


def _require_subset(client: Client, host: str, subset: str) -> None:
    """Copies to a subset that is not there would go nowhere, unseen. Raises TurnoutError."""
    from turnout.resources.kinds import DESTINATION_RULE

    rules = client.list(DESTINATION_RULE)["items"]
    own = [rule for rule in rules if fqdn(rule["spec"]["host"], rule["metadata"]["namespace"]) == host]
    known = [each["name"] for rule in own for each in rule["spec"].get("subsets") or ()]
    if subset not in known:
        hint = f"subsets: {', '.join(known)}" if known else "a DestinationRule names them: `turnout init` writes one"
        raise TurnoutError(f"{host} has no subset {subset}", hint)
