"""`turnout controller`: the engine of rollouts for a cluster, in it or beside it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.error import ClusterFailed

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.client.kubeconfig import Access

PROMETHEUS = "http://prometheus.istio-system:9090"
"""Where Istio's addon puts it."""
CALL_SECONDS = 20.0
LEAST_SECONDS, MOST_SECONDS = 1.0, 300.0


def _seconds(ctx: click.Context, param: click.Parameter, text: str) -> float:
    from turnout.resources.duration import parse

    duration = parse(text.lower())
    if duration is None or not LEAST_SECONDS <= duration.total_seconds() <= MOST_SECONDS:
        raise click.BadParameter(f"{text!r} is no time from 1s to 5m, such as 15s", ctx, param)
    return duration.total_seconds()


@click.command()
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The cluster that this file leads to [default: the pod's own cluster, else kubectl's].",
)
@click.option("--context", metavar="NAME", help="This context of the kubeconfig.")
@click.option("-n", "--namespace", metavar="NAME", help="Whose rollouts to move [default: its own, or the context's].")
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of all namespaces.")
@click.option("--config-maps", is_flag=True, help="Rollouts are kept in ConfigMaps, not as objects of their kind.")
@click.option(
    "--prometheus",
    metavar="URL|NS/SERVICE:PORT",
    help=f"Where Istio's metrics are [default: the one in istio-system; in a pod {PROMETHEUS}].",
)
@click.option(
    "--every", "seconds", metavar="TIME", default="15s", show_default=True, callback=_seconds,
    help="From one look at the evidence to the next; as often as Prometheus scrapes.",
)  # fmt: skip
def command(
    kubeconfig: Path | None,
    context: str | None,
    namespace: str | None,
    all_namespaces: bool,
    config_maps: bool,
    prometheus: str | None,
    seconds: float,
) -> None:
    """Move a cluster's rollouts on, until it is stopped. Of several controllers one acts, whoever holds the Lease.

    \b
    Example:
      turnout controller --context prod --namespace shop
      turnout install | kubectl apply -f -
    """
    from turnout.client.remote import Remote
    from turnout.controller.controller import Controller, Order

    if namespace and all_namespaces:
        raise click.UsageError("give either --namespace or --all-namespaces")
    access, in_pod = _access(kubeconfig, context)
    ended = click.get_current_context().call_on_close

    def connect(kind: type[Client]) -> Client:
        client = kind.through(Remote(access), CALL_SECONDS, access.namespace)
        ended(client.close)
        return client

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    order = Order(
        namespace="" if all_namespaces else namespace or access.namespace,
        lease_namespace=access.namespace,
        identity=f"{socket.gethostname()}_{os.getpid()}_{secrets.token_hex(4)}",
        look_seconds=seconds,
        in_config_maps=config_maps,
    )
    ask = _asker(connect, prometheus or (PROMETHEUS if in_pod else ""))
    where = f"namespace {order.namespace}" if order.namespace else "all namespaces"
    _say(f"{order.identity}: rollouts of {where} in {access.name}, on evidence of {ask.name}")
    Controller(order, connect, ask, _say).run(stop)


def _access(kubeconfig: Path | None, context: str | None) -> tuple[Access, bool]:
    """Which cluster, and whether that is the pod's own."""
    from turnout.client.kubeconfig import access, in_cluster

    if kubeconfig is None and context is None:
        try:
            return in_cluster(), True
        except ClusterFailed:
            pass
    return access(kubeconfig, context), False


def _asker(connect: Any, text: str) -> Any:
    """Whom to ask for metrics. Raises TurnoutError where there is nobody."""
    from turnout.client import Client
    from turnout.evidence import finding

    client = connect(Client)
    found = finding.named(client, text) if text else finding.found(client)
    if found is None:
        raise ClusterFailed("there is no Prometheus in istio-system", "name one with --prometheus")
    return found


def _say(text: str) -> None:
    """For a log: whoever keeps it knows the time better, but not everybody keeps it."""
    click.echo(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}", err=True)
    sys.stderr.flush()
