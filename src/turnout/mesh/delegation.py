"""Delegation: a route that leaves its requests to another VirtualService, which has no hosts of its own.

The root's route is replaced by all routes of its delegate, each narrowed by the root's matches; what the delegate does
not say itself, it inherits. As pilot's `mergeVirtualServicesIfNeeded` has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from turnout.memo import Memo
from turnout.mesh import names
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.virtual_service import (
    Delegate,
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    StringMatch,
    VirtualService,
)

VirtualServices = Mapping[tuple[str, str], VirtualService]
"""By namespace and name."""
_INHERITED = (
    "rewrite",
    "direct_response",
    "timeout",
    "retries",
    "fault",
    "mirror",
    "mirror_percent",
    "mirror_percentage",
    "cors_policy",
    "headers",
)
_REQUEST_LINE = ("uri", "scheme", "method", "authority")
_ONE = (*_REQUEST_LINE, "port", "source_namespace", "gateways", "stat_prefix")
_BY_NAME = ("headers", "without_headers", "query_params")


@dataclass(frozen=True, slots=True)
class Root:
    """Which route left its requests to a delegate."""

    virtual_service: VirtualService
    index: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A route as it is in force, and where it is written: `owner.spec.http[index]`.

    `matches`: for each match of `http` its index in `owner`, and in the root.
    """

    http: HTTPRoute
    owner: VirtualService
    index: int
    root: Root | None = None
    matches: tuple[tuple[int, int], ...] = ()


def entries(owner: VirtualService, known: VirtualServices) -> Iterator[Entry]:
    """The routes of a VirtualService in order. What `lost` tells of is left out."""
    for index, http in enumerate(owner.spec.http):
        if http.delegate is None:
            yield Entry(http, owner, index, None, tuple((at, 0) for at in range(len(http.match))))
            continue
        delegate = delegate_of(owner, http.delegate, known)
        if isinstance(delegate, VirtualService):
            yield from _delegated(Root(owner, index), _resolved(http, owner), delegate)


SpeakerKey = tuple[str, str, int]
"""Namespace and name; a number besides, for a name that was given twice."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A VirtualService, with the routes that are in force: those of its delegates in the place of what delegates."""

    key: SpeakerKey
    virtual_service: VirtualService
    entries: tuple[Entry, ...]


def speakers(named: Mapping[SpeakerKey, VirtualService], memo: Memo) -> Mapping[SpeakerKey, Speaker]:
    """In the same order. Of those that neither delegate nor are delegates, each is looked at by itself."""
    concerned = memo.each(("VirtualService", "delegates"), (named,), lambda _, each: _is_concerned(each))
    keys = memo.of(("VirtualService", "concerned"), (concerned,), lambda: [key for key in concerned if concerned[key]])
    among = tuple(named[key] for key in keys)
    found = memo.of(("VirtualService", "delegating"), (among,), lambda: delegating(among))
    delegated = {key: found[key[:2]] for key in named if key[:2] in found} if found else {}
    return memo.each(("VirtualService", "speaker"), (named, delegated), _speaker)


def _is_concerned(virtual_service: VirtualService) -> bool:
    """Delegates, or may be a delegate."""
    return not virtual_service.spec.hosts or any(http.delegate for http in virtual_service.spec.http)


def _speaker(key: SpeakerKey, virtual_service: VirtualService, delegated: tuple[Entry, ...] | None) -> Speaker:
    return Speaker(key, virtual_service, tuple(entries(virtual_service, {})) if delegated is None else delegated)


def delegating(virtual_services: Iterable[VirtualService]) -> dict[tuple[str, str], tuple[Entry, ...]]:
    """By namespace and name, the routes of those VirtualServices that delegate."""
    known = {(each.metadata.namespace, each.metadata.name): each for each in virtual_services}
    return {
        place: tuple(entries(each, known))
        for place, each in known.items()
        if each.spec.hosts and any(http.delegate for http in each.spec.http)
    }


def delegate_of(owner: VirtualService, wanted: Delegate, known: VirtualServices) -> VirtualService | str:
    """The delegate; or in words why there is none."""
    own = owner.metadata.namespace
    place = (wanted.namespace or own, wanted.name)
    found = known.get(place)
    if found is None:
        return f"VirtualService {'/'.join(place)} does not exist"
    if found.spec.hosts:
        return f"VirtualService {'/'.join(place)} has hosts of its own, so it is no delegate"
    if not names.exported(found.spec.export_to, found.metadata.namespace, own):
        return f"VirtualService {'/'.join(place)} is not exported to namespace {own}"
    return found


def lost(owner: VirtualService, known: VirtualServices) -> Iterator[Problem]:
    """Delegates that are not there, and routes of delegates that are left out because they let in too much."""
    for index, http in enumerate(owner.spec.http):
        if http.delegate is None:
            continue
        delegate = delegate_of(owner, http.delegate, known)
        if isinstance(delegate, str):
            yield problem("TNO311", _place(owner, f"spec.http[{index}].delegate"), f"the route is left out: {delegate}")
        else:
            yield from _left_out(Root(owner, index), delegate)


def _left_out(root: Root, delegate: VirtualService) -> Iterator[Problem]:
    own, http = root.virtual_service, root.virtual_service.spec.http[root.index]
    kept = {entry.index for entry in _delegated(root, _resolved(http, own), delegate)}
    for index in range(len(delegate.spec.http)):
        if index not in kept:
            who = f"{own.metadata.namespace}/{own.metadata.name}"
            message = f"the route is left out: it matches more than {http.name or f'http[{root.index}]'} of {who} does"
            hint = "each match has to lie within one of those of the route that delegates"
            yield problem("TNO311", _place(delegate, f"spec.http[{index}].match"), message, hint)


def _place(owner: VirtualService, path: str) -> ObjectPath:
    return ObjectPath("VirtualService", owner.metadata.namespace, owner.metadata.name, path)


def _delegated(root: Root, written: HTTPRoute, delegate: VirtualService) -> Iterator[Entry]:
    for index, http in enumerate(delegate.spec.http):
        own = _resolved(http, delegate)
        narrowed = _narrowed(written.match, own.match)
        if narrowed is not None:
            match = tuple(each for each, _ in narrowed)
            yield Entry(_inheriting(written, own, match), delegate, index, root, tuple(at for _, at in narrowed))


def _inheriting(root: HTTPRoute, own: HTTPRoute, match: tuple[HTTPMatchRequest, ...]) -> HTTPRoute:
    """Field by field, whole: a delegate that sets one header has none of the root's."""
    missing: dict[str, Any] = {name: getattr(root, name) for name in _INHERITED if getattr(own, name) is None}
    mirrors = own.mirrors or root.mirrors
    return replace(own, match=match, name=_joined(root.name, own.name), mirrors=mirrors, **missing)


def _joined(root: str, own: str) -> str:
    return "-".join(name for name in (root, own) if name)


Narrowed = list[tuple[HTTPMatchRequest, tuple[int, int]]]
"""Matches, each with its index in the delegate and in the root."""


def _narrowed(root: tuple[HTTPMatchRequest, ...], own: tuple[HTTPMatchRequest, ...]) -> Narrowed | None:
    """None: one of the delegate's matches lies within none of the root's, and with it the route counts for nothing."""
    if not root:
        return [(match, (at, 0)) for at, match in enumerate(own)]
    if not own:
        return [(match, (0, at)) for at, match in enumerate(root)]
    found: Narrowed = []
    for at, match in enumerate(own):
        fitting = [(_both(each, match), (at, root_at)) for root_at, each in enumerate(root) if _within(each, match)]
        if not fitting:
            return None
        found += fitting
    return found


def _both(root: HTTPMatchRequest, own: HTTPMatchRequest) -> HTTPMatchRequest:
    """What both ask for; where both say something, what the delegate says."""
    both: dict[str, Any] = {name: getattr(own, name) or getattr(root, name) for name in _ONE}
    both |= {name: {**getattr(root, name), **getattr(own, name)} for name in (*_BY_NAME, "source_labels")}
    return replace(own, name=_joined(root.name, own.name), **both)


def _within(root: HTTPMatchRequest, own: HTTPMatchRequest) -> bool:
    """Whether all that a delegate's match lets in, the root's does."""
    if root.ignore_uri_case != own.ignore_uri_case or (root.port and own.port and root.port != own.port):
        return False
    if root.source_namespace and root.source_namespace != own.source_namespace:
        return False
    if root.gateways and not set(own.gateways) <= set(root.gateways):
        return False
    if any(root.source_labels.get(key, value) != value for key, value in own.source_labels.items()):
        return False
    pairs = [(getattr(root, name), getattr(own, name)) for name in _REQUEST_LINE]
    for field in _BY_NAME:
        pairs += [(getattr(root, field).get(name), value) for name, value in getattr(own, field).items()]
    return all(_is_part(wide, narrow) for wide, narrow in pairs)


def _is_part(wide: StringMatch | None, narrow: StringMatch | None) -> bool:
    """Regular expressions and mere presence are not compared: what is beside one has no part in it."""
    if wide is None or narrow is None:
        return True
    if wide.regex or narrow.regex:
        return False
    if wide.exact:
        return narrow.exact == wide.exact
    return bool(wide.prefix) and (narrow.prefix or narrow.exact or "").startswith(wide.prefix or "")


def _resolved(http: HTTPRoute, owner: VirtualService) -> HTTPRoute:
    """With gateways and destinations of copies as they are called everywhere: they may pass into another namespace."""
    own = owner.metadata.namespace
    match = tuple(
        replace(each, gateways=tuple(names.gateway_reference(gateway, own) for gateway in each.gateways))
        for each in http.match
    )
    mirrors = tuple(
        replace(policy, destination=_full(policy.destination, own)) if policy.destination else policy
        for policy in http.mirrors
    )
    return replace(http, match=match, mirror=_full(http.mirror, own) if http.mirror else None, mirrors=mirrors)


def _full(destination: Destination, namespace: str) -> Destination:
    return replace(destination, host=names.fqdn(destination.host, namespace))
