"""`turnout install`: what a cluster needs for rollouts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.error import ApiError, TurnoutError

if TYPE_CHECKING:
    from turnout.client import Client


@click.command()
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The cluster that this file leads to [default: kubectl's].",
)
@click.option("--context", metavar="NAME", help="This context of the kubeconfig.")
@click.option("-n", "--namespace", metavar="NAME", help="Where the controller runs [default: the context's].")
@click.option("-A", "--all-namespaces", is_flag=True, help="It moves the rollouts of all namespaces, not of its own.")
@click.option("--config-maps", is_flag=True, help="Keep rollouts in ConfigMaps: the cluster gets no new kind.")
@click.option("--prometheus", metavar="URL", help="Where Istio's metrics are, seen from the cluster.")
@click.option("--image", metavar="IMAGE", help="The controller's image, built from Turnout's Dockerfile.")
@click.option("--dry-run", is_flag=True, help="Print the objects as YAML, and change nothing.")
def command(
    kubeconfig: Path | None,
    context: str | None,
    namespace: str | None,
    all_namespaces: bool,
    config_maps: bool,
    prometheus: str | None,
    image: str | None,
    dry_run: bool,
) -> None:
    """Install the kind Rollout, the smallest rights that suffice, and the controller.

    \b
    Example:
      turnout install --context prod --namespace shop --image registry.example/turnout:1
      turnout install --namespace shop --dry-run | kubectl apply -f -
    """
    from turnout.controller.install import Choices, objects

    given = {"prometheus": prometheus, "image": image}
    more: dict[str, Any] = {name: value for name, value in given.items() if value}
    if dry_run:
        from turnout.resources.written import documents

        click.echo(documents(objects(Choices(namespace or "default", all_namespaces, config_maps, **more))), nl=False)
        return
    client = _client(kubeconfig, context)
    for obj in objects(Choices(namespace or client.namespace, all_namespaces, config_maps, **more)):
        click.echo(_applied(client, obj))


def _client(kubeconfig: Path | None, context: str | None) -> Client:
    from turnout.client import Client
    from turnout.client.kubeconfig import access
    from turnout.client.remote import Remote

    found = access(kubeconfig, context)
    client = Client.through(Remote(found), namespace=found.namespace)
    click.get_current_context().call_on_close(client.close)
    return client


def _applied(client: Client, obj: dict[str, Any]) -> str:
    """What became of it: as `kubectl apply` says it."""
    from turnout.resources.kinds import by_api_version

    kind = by_api_version(obj["apiVersion"], obj["kind"])
    assert kind is not None, "all that is installed is of a kind that Turnout knows"
    meta = obj["metadata"]
    title = f"{kind.plural}/{meta['name']}"
    try:
        client.create(kind, obj)
    except ApiError as error:
        if error.status == 403:
            raise TurnoutError(error.message, "print them with --dry-run, for somebody who may") from error
        if error.status != 409:
            raise
        client.patch(kind, meta.get("namespace", ""), meta["name"], obj)
        return f"{title} configured"
    return f"{title} created"
