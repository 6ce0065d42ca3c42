"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from turnout.error import TurnoutError

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.cluster.client import ClusterClient

F = TypeVar("F", bound=Callable[..., Any])

LEAST_SECONDS, MOST_SECONDS = 1, 7 * 24 * 3600
"""How far back telemetry goes."""


def state_option(command: F) -> F:
    """`--state DIR`: which instance."""
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        help="The instance's state directory [default: .turnout here or in the nearest parent].",
    )(command)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a command is for: the instance behind `state`, or a cluster where kubeconfig or context are given.

    `prometheus`: who counts on the cluster; empty: to be looked for.
    """

    state: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    prometheus: str = ""

    @property
    def is_cluster(self) -> bool:
        return self.kubeconfig is not None or self.context is not None


def target_options(command: F) -> F:
    """`--state`, `--kubeconfig`, `--context`, `--prometheus`, as `target`."""

    @functools.wraps(command)
    def targeted(
        *args: Any, state: Path | None, kubeconfig: Path | None, context: str | None, prometheus: str, **more: Any
    ) -> Any:
        target = Target(state, kubeconfig, context, prometheus)
        if state is not None and target.is_cluster:
            raise click.UsageError("give either --state, or --kubeconfig and --context")
        return command(*args, target=target, **more)

    path = click.Path(exists=True, dir_okay=False, path_type=Path)
    options = (
        click.option("--kubeconfig", type=path, help="Work on the cluster that this file leads to."),
        click.option("--context", metavar="NAME", help="Work on a cluster: this context of the kubeconfig."),
        click.option(
            "--prometheus", metavar="WHERE", default="", envvar="TURNOUT_PROMETHEUS",
            help="What counts on the cluster: a URL, or namespace/service:port [default: the one beside Istio].",
        ),
        state_option,
    )  # fmt: skip
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), targeted)  # type: ignore[return-value] # lost in reduce


def no_cluster(why: str, instead: str) -> Callable[[F], F]:
    """For what only an instance can do: who asks it of a cluster is told why not, and what to do instead."""

    def refuse(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise TurnoutError(f"not on a cluster: {why}", instead)

    def decorate(command: F) -> F:
        for name in ("--kubeconfig", "--context"):
            command = click.option(name, hidden=True, expose_value=False, callback=refuse)(command)
        return command

    return decorate


def scope_options(command: F) -> F:
    """`--namespace` and `--all-namespaces` as `scope`: a namespace, "" for all, None for what is usual."""

    @functools.wraps(command)
    def scoped(*args: Any, namespace: str | None, all_namespaces: bool, **more: Any) -> Any:
        if namespace and all_namespaces:
            raise click.UsageError("give either --namespace or --all-namespaces")
        return command(*args, scope="" if all_namespaces else namespace, **more)

    options = (
        click.option("-n", "--namespace", help="Only this namespace [default: all, on a cluster the context's]."),
        click.option("-A", "--all-namespaces", is_flag=True, help="All of them."),
    )
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(options), scoped)  # type: ignore[return-value] # lost in reduce


def namespace_option(command: F) -> F:
    return click.option("-n", "--namespace", default="default", show_default=True, help="The service's namespace.")(
        command
    )


def own_namespace_option(command: F) -> F:
    """`--namespace`, None where the client knows better: a kubeconfig's context has one."""
    return click.option(
        "-n", "--namespace", help="The service's namespace [default: default, on a cluster the context's]."
    )(command)


def window_option(command: F) -> F:
    """`--window TIME`, as `seconds`: how far back."""
    return click.option(
        "--window", "seconds", metavar="TIME", default="60s", show_default=True, callback=_seconds,
        help="How far to look back: 10s, 15m, 6h.",
    )(command)  # fmt: skip


def _seconds(ctx: click.Context, param: click.Parameter, text: str) -> float:
    from turnout.resources.duration import parse

    duration = parse(text.lower())
    if duration is None or not LEAST_SECONDS <= duration.total_seconds() <= MOST_SECONDS:
        raise click.BadParameter(f"{text!r} is no time from 1s to 168h, such as 60s, 5m or 1.5h", ctx, param)
    return duration.total_seconds()


def connect(target: Target | Path | None, scope: str | None = None) -> Client:
    """The running instance, or the cluster, until the command ends. Raises NotRunning, ClusterFailed.

    `scope`: the namespace that a cluster's views show, "" for all; None: the context's.
    """
    client = opened(target, scope)
    click.get_current_context().call_on_close(client.close)
    return client


def opened(target: Target | Path | None, scope: str | None = None) -> Client:
    """As `connect`, until whoever asked for it closes it."""
    from turnout.client import Client, find_state

    if isinstance(target, Target) and target.is_cluster:
        return _cluster(target, scope)
    state = target.state if isinstance(target, Target) else target
    return Client.from_state(state or find_state(Path.cwd()))


def on_cluster(target: Target, scope: str | None = None) -> ClusterClient:
    """As `connect`, where the target is a cluster. Raises ClusterFailed."""
    client = _cluster(target, scope)
    click.get_current_context().call_on_close(client.close)
    return client


def _cluster(target: Target, scope: str | None) -> ClusterClient:
    from turnout.client.kubeconfig import access
    from turnout.cluster.client import ClusterClient
    from turnout.cluster.site import Site

    found = access(target.kubeconfig, target.context)
    return ClusterClient(Site(found, target.prometheus, found.namespace if scope is None else scope), alone=True)
