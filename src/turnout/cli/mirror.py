"""`turnout mirror`: a version gets a copy of real traffic; its answers are thrown away."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.change import carry_out
from turnout.cli.options import Target, connect, own_namespace_option, target_options
from turnout.delivery import mirroring, route_mirroring
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
        carry_out(client, lambda live: _off(live, host, route_name), f"mirror {service} --off")
        return

    def plan(live: list[dict[str, Any]]) -> list[Edit] | Refusal:
        mirror = _mirror_of(client, live, host, subset)
        return mirror(live, host, subset, percent=percent, methods=limited, route_name=route_name)

    carry_out(client, plan, f"mirror {service} --to {subset}")
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


def _off(live: list[dict[str, Any]], host: str, route_name: str | None) -> list[Edit] | Refusal:
    """Of both APIs; a refusal where neither serves the service."""
    of_istio = mirroring.off(live, host, route_name)
    of_gateway_api = route_mirroring.off(live, host, route_name)
    if isinstance(of_gateway_api, Refusal):
        return of_istio
    return of_gateway_api if isinstance(of_istio, Refusal) else [*of_istio, *of_gateway_api]


def _mirror_of(
    client: Client, live: list[dict[str, Any]], host: str, version: str
) -> Callable[..., list[Edit] | Refusal]:
    """For a subset, or where a route of Gateway API serves the service, for a Service. Raises TurnoutError.

    Copies to what is not there would go nowhere, unseen.
    """
    from turnout.resources.kinds import DESTINATION_RULE, SERVICE

    rules = client.list(DESTINATION_RULE)["items"]
    own = [rule for rule in rules if fqdn(rule["spec"]["host"], rule["metadata"]["namespace"]) == host]
    known = [each["name"] for rule in own for each in rule["spec"].get("subsets") or ()]
    if version in known:
        return mirroring.mirror
    if not route_mirroring.serves(live, host):
        hint = f"subsets: {', '.join(known)}" if known else "a DestinationRule names them: `turnout init` writes one"
        raise TurnoutError(f"{host} has no subset {version}", hint)
    namespace = host.split(".")[1]
    services = [each["metadata"]["name"] for each in client.list(SERVICE, namespace)["items"]]
    if version not in services:
        raise TurnoutError(
            f"there is no Service {namespace}/{version}",
            f"a route of Gateway API serves {host}: its versions are Services",
        )
    return route_mirroring.mirror
