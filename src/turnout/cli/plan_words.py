"""A plan in words and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from turnout.cli.plan_rates import rate
from turnout.delivery.traffic_plan.plan import LISTENER
from turnout.problem import ObjectPath, Problem

if TYPE_CHECKING:
    from rich.table import Table

    from turnout.cli.plan_rates import Rates
    from turnout.control.planned import ObjectChange, Planned
    from turnout.delivery.traffic_plan.entrance import Written
    from turnout.delivery.traffic_plan.plan import ConfigChange
    from turnout.delivery.traffic_plan.policy_change import PolicyChange
    from turnout.delivery.traffic_plan.route_change import RouteChange
    from turnout.inputs.files import Manifests
    from turnout.resources.document import Document

FIELDS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Places:
    """Where objects are written: kind, namespace and name to what stands there, now and before."""

    documents: Mapping[tuple[str, str, str], Document]
    earlier: Mapping[tuple[str, str, str], Document]

    @classmethod
    def of(cls, manifests: Manifests, earlier: Manifests | None) -> Places:
        return cls(_documents(manifests), _documents(earlier) if earlier else {})

    def rule(self, rule: Written, *, gone: bool = False) -> str:
        """`file:line`, or `namespace/name http[1]` of what is in no file. `gone`: where it was written before."""
        documents = self.earlier if gone else self.documents
        document = documents.get((rule.kind, rule.namespace, rule.name))
        if document is None:
            return f"{rule.namespace}/{rule.name} {rule.path[1]}[{rule.index}]"
        place = document.place(rule.path)
        return f"{place.file}:{place.line}"

    def problem(self, problem: Problem) -> str | None:
        return str(where) if (where := self._located(problem).where) else None

    def words(self, problem: Problem) -> str:
        return str(self._located(problem))

    def _located(self, problem: Problem) -> Problem:
        where = problem.where
        if not isinstance(where, ObjectPath):
            return problem
        document = self.documents.get((where.kind, where.namespace, where.name))
        return replace(problem, where=document.place(where.fields)) if document else problem


def _documents(manifests: Manifests) -> dict[tuple[str, str, str], Document]:
    named = ((manifest.kind.kind, manifest.resource.metadata, manifest.document) for manifest in manifests.objects)
    return {(kind, meta.namespace, meta.name): document for kind, meta, document in named}


def callers(proxies: Sequence[str]) -> list[str]:
    """`clients of gateway port 80`, `workloads in shop`, `shop/web`."""
    found: dict[str, None] = {}
    whole = {name.split("|")[1] for name in proxies if name.startswith("egress|") and name.endswith("|")}
    for name in proxies:
        kind, where, *rest = name.split("|")
        if kind == "gateway":
            found[f"clients of gateway port {where}{' (TLS)' if rest else ''}"] = None
        else:
            found[f"workloads in {where}" if where in whole else f"{where}/{rest[0]}"] = None
    return list(found)


def shown(found: Planned, places: Places, lately: Rates | None) -> None:
    """Data on stdout; each part only where there is something in it."""
    from turnout.cli.console import console

    if not found.changes:
        click.echo("no changes")
        return
    screen = console()
    for line in _sentences(found):
        click.echo(line)
    if found.traffic.routes:
        screen.print(_routes(found.traffic.routes, places, lately))
    if found.traffic.policies:
        screen.print(_policies(found.traffic.policies))
    for change in found.traffic.unexplained:
        click.echo(_config(change))
    for title, problems in (("problem", found.problems), ("solved", found.solved)):
        for problem in problems:
            click.echo(f"{title}: {places.words(problem)}")


def _sentences(found: Planned) -> Iterator[str]:
    yield f"{_counted(len(found.objects), 'object')} would change:"
    yield from (f"  {_object(change)}" for change in found.objects)
    routes, policies = found.traffic.routes, found.traffic.policies
    if not routes and not policies:
        yield "Requests go where they went before."
        return
    affected = dict.fromkeys(who for change in routes for who in callers(change.callers))
    if routes:
        yield f"{_counted(len(routes), 'route')} would change, for {', '.join(affected)}:"


def _config(change: ConfigChange) -> str:
    kind, _, port = change.name.partition("|")
    if change.kind == LISTENER and kind == "gateway":
        words = {"new": "is opened", "gone": "is closed"}.get(change.change, "is served differently (TLS, or TCP)")
        return f"gateway port {port} {words}"
    return f"Envoy's {change.kind} {change.name}: {change.change}"


def _object(change: ObjectChange) -> str:
    name = f"{change.namespace}/{change.name}" if change.namespace else change.name
    given = [*change.fields[:FIELDS_SHOWN], *(["…"] if change.fields[FIELDS_SHOWN:] else [])]
    return f"{change.kind} {name}: {change.change}{' (' + ', '.join(given) + ')' if given else ''}"


def _routes(changes: Sequence[RouteChange], places: Places, lately: Rates | None) -> Table:
    """`lately`: how often the rule that is met before was met in the last minute, where somebody counts that."""
    counted = [] if lately is None else ["rule met"]
    table = _table("requests", "before", "after", "go elsewhere", *counted, "from", "written in")
    for change in changes:
        when = f"{change.host}\n{change.when}{' (rule is gone)' if change.gone else ''}"
        where = places.rule(change.rule, gone=change.gone) if change.rule else "-"
        moved = f"{change.moved_percent:g} %"
        met = rate(lately, change)
        seen = [] if lately is None else ["-" if met is None else f"{met:.1f}/s"]
        table.add_row(when, change.before, change.after, moved, *seen, "\n".join(callers(change.callers)), where)
    return table


def _policies(changes: Sequence[PolicyChange]) -> Table:
    table = _table("connections to", "field", "before", "after")
    for change in changes:
        ports = f" port {', '.join(map(str, change.ports))}" if change.ports else ""
        own = f" (callers in {change.callers_in})" if change.callers_in else ""
        name = ", ".join(f"{change.host} {subset}".rstrip() for subset in change.subsets)
        table.add_row(f"{name}{ports}{own}", change.field, change.before, change.after)
    return table


def _table(*titles: str) -> Table:
    from rich.table import Table

    table = Table(show_lines=True)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
