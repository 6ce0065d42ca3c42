"""What changes for the requests of one rule: who is affected, from what, to what, and how many of them move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from turnout.delivery.traffic_plan import effect
from turnout.delivery.traffic_plan.condition import Condition
from turnout.delivery.traffic_plan.entrance import NO_RULE, Entrance, Line, Side, Written, pairs
from turnout.mesh.routing import RouteTable, VirtualHost
from turnout.simulator import domain

MOST_RULES = 500
"""Of one host. Beyond it rules are held against each other by their place only: all pairs would take too long."""
OTHERWISE = "every other request"


@dataclass(frozen=True, slots=True)
class RouteChange:
    """`callers`: names of proxies (`gateway|80`, `egress|default|web`). `host`: as `reviews.default:80`.

    `when`: which requests, in words. `moved_percent`: of a hundred of these, how many are answered by somebody else.
    `rule`: where it is written now, or was before if it is gone; None where no VirtualService says it.
    `counted`: services, and the label under which requests that met the rule before are counted: these, and maybe more.
    """

    callers: tuple[str, ...]
    host: str
    when: str
    before: str
    after: str
    moved_percent: float
    rule: Written | None = None
    gone: bool = False
    counted: tuple[tuple[str, ...], str] = ((), "")


def route_changes(before: Side, after: Side) -> list[RouteChange]:
    """Every change once, with all callers that it is for; in the order of hosts, and of rules as they are tried."""
    found: dict[RouteChange, list[str]] = {}
    for names, old, new in pairs(before, after):
        for change in _at(old, new):
            found.setdefault(change, []).extend(names)
    changes = [replace(change, callers=tuple(sorted(names))) for change, names in found.items()]
    return sorted(changes, key=lambda change: (change.host, change.callers))


def _at(old: Entrance | None, new: Entrance | None) -> Iterator[RouteChange]:
    """At one entrance. A host that only one side has is held against what the other one does with its name."""
    before = {host.name: host for host in old.table.hosts} if old else {}
    after = {host.name: host for host in new.table.hosts} if new else {}
    for name in sorted({**before, **after}):
        host = after.get(name) or before[name]
        was = _lines(old, before.get(name), host) if old else _closed(new)
        now = _lines(new, after.get(name), host) if new else _closed(old)
        if was != now:
            yield from _of_host(effect.short_host(name), was, now)


def _lines(entrance: Entrance, own: VirtualHost | None, other: VirtualHost) -> list[Line]:
    found = own or _covering(entrance.table, other)
    everything = Line(Condition.of_all(), entrance.unknown)
    return entrance.lines(found) if found else [everything]


def _covering(table: RouteTable, host: VirtualHost) -> VirtualHost | None:
    """The virtual host that has the other one's first name without having been made for it: a wildcard."""
    found = domain.covering(table, host.domains[0])
    return found[0] if found else None


def _closed(other: Entrance | None) -> list[Line]:
    """Nobody listens."""
    assert other is not None, "one side is there"
    return [Line(Condition.of_all(), other.closed)]


# --- the rules of one host


def _of_host(host: str, was: Sequence[Line], now: Sequence[Line]) -> Iterator[RouteChange]:
    for asked in dict.fromkeys(line.condition for line in (*now, *was)):
        at_was, at_now = _taker(was, asked), _taker(now, asked)
        old, new = _line(was, at_was), _line(now, at_now)
        gone = all(line.condition != asked for line in now)
        if old.effect.key != new.effect.key:
            when = asked.words if not asked.of_everything or (at_was, at_now) == (0, 0) else OTHERWISE
            written = old.rule if gone or new.rule is None else new.rule
            yield _change(host, when, old, new, written)
        if len(was) <= MOST_RULES and len(now) <= MOST_RULES and not gone:
            yield from _overtaken(host, was[:at_was], now[at_now + 1 :], asked, new)


def _overtaken(
    host: str, earlier: Iterable[Line], later: Iterable[Line], asked: Condition, new: Line
) -> Iterator[RouteChange]:
    """Requests that fit this rule and one that was tried before it, and is tried after it now."""
    overtaken = {line.condition for line in later}
    for line in earlier:
        same = line.effect.key == new.effect.key
        if same or line.condition not in overtaken or line.condition.apart_from(asked):
            continue
        when = f"{line.condition.words}, and {asked.words}"
        yield _change(host, when, line, new, new.rule)


def _taker(lines: Sequence[Line], asked: Condition) -> int:
    """The index of the rule that is met by all requests of a condition; the number of rules, if none is."""
    return next((at for at, line in enumerate(lines) if line.condition.covers(asked)), len(lines))


def _line(lines: Sequence[Line], at: int) -> Line:
    return lines[at] if at < len(lines) else Line(Condition.of_all(), NO_RULE)


def _change(host: str, when: str, old: Line, new: Line, rule: Written | None) -> RouteChange:
    moved = round(old.effect.moved(new.effect), 3)
    counted = (old.effect.hosts, old.label)
    return RouteChange(
        (), host, when, old.effect.words, new.effect.words, moved, rule, gone=rule is not new.rule, counted=counted
    )
