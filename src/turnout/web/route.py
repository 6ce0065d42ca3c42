"""One route of an object, as the view `routes` shows it, and what is done to it: as `turnout shift` would."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from turnout.client import Client
from turnout.client.change import carry_out
from turnout.delivery import mirroring, route_mirroring, weights
from turnout.delivery.edit import (
    Edit,
    JSONObject,
    Refusal,
    RouteChange,
    destinations,
    host_of,
    is_mirror_rule,
    is_users_rule,
    routes,
)
from turnout.delivery.splits import Split, splits
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import GRPC_ROUTE, HTTP_ROUTE, VIRTUAL_SERVICE
from turnout.web.draft import Copies, percent_words

_KINDS = {kind.kind: kind for kind in (VIRTUAL_SERVICE, HTTP_ROUTE, GRPC_ROUTE)}
_METHOD = re.compile(r"the method is ([A-Z-]+)")


class Overtaken(TurnoutError):
    """The route is not what the browser showed when the change was asked for. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "somebody else has changed this route meanwhile", "look at it as it is now; what you wanted is still here"
        )


@dataclass(frozen=True, slots=True)
class Share:
    """A destination and how many of a hundred requests it gets, or copies of them."""

    host: str
    subset: str
    port: int
    percent: Decimal

    @property
    def name(self) -> str:
        """As short as it is told apart: the subset, or else the host's first label."""
        return self.subset or self.service

    @property
    def service(self) -> str:
        return self.host.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Route:
    """One of the routes; `index` is its place.

    `mirror_rule`: the rule before it that copies a part of its requests. `part`: it is for a part of the requests of
    the next route itself: it copies them, or sends a group of users elsewhere. `kind`: of the object.
    """

    namespace: str
    virtual_service: str
    index: int
    name: str
    shares: tuple[Share, ...]
    mirrors: tuple[Share, ...]
    mirror_rule: Route | None = None
    mirror_methods: tuple[str, ...] = ()
    part: Literal["", "mirror", "users"] = ""
    kind: str = VIRTUAL_SERVICE.kind

    @property
    def is_of_istio(self) -> bool:
        """Else it is of Gateway API, where versions are Services."""
        return self.kind == VIRTUAL_SERVICE.kind

    @property
    def label(self) -> str:
        """What `--route` takes."""
        return self.name or f"{'http' if self.is_of_istio else 'rules'}[{self.index}]"

    @property
    def copies(self) -> Copies:
        """Where copies go, of all requests or of some methods."""
        found = self.mirrors or (self.mirror_rule.mirrors if self.mirror_rule else ())
        if not found:
            return Copies()
        methods = () if self.mirrors else self.mirror_methods
        return Copies((found[0].host, found[0].subset), found[0].percent, methods)


def read(virtual_service: Mapping[str, Any]) -> list[Route]:
    """The routes of one VirtualService of the view; rules for a part of one's requests are known as such."""
    rows: Sequence[Mapping[str, Any]] = virtual_service["routes"]
    found = [_route(virtual_service, row) for row in rows]
    for at, rule in enumerate(found):
        if is_mirror_rule(rows, at):
            methods = tuple(dict.fromkeys(_METHOD.findall(" ".join(rows[at]["words"]))))
            found[at] = replace(rule, part="mirror")
            found[at + 1] = replace(found[at + 1], mirror_rule=rule, mirror_methods=methods)
        elif is_users_rule(rows, at):
            found[at] = replace(rule, part="users")
    return found


def _route(virtual_service: Mapping[str, Any], row: Mapping[str, Any]) -> Route:
    shares, mirrors = tuple(map(_share, row["weights"])), tuple(map(_share, row["mirrors"]))
    kind = virtual_service.get("kind", VIRTUAL_SERVICE.kind)
    named = virtual_service["namespace"], virtual_service["name"]
    return Route(*named, row["index"], row["name"], shares, mirrors, kind=kind)


def _share(shown: Mapping[str, Any]) -> Share:
    return Share(shown["host"], shown["subset"], shown["port"], Decimal(str(shown["percent"])))


@dataclass(frozen=True, slots=True)
class Done:
    """What was changed, when Envoy had it, and what the API remarked."""

    changes: Sequence[RouteChange]
    acknowledged: bool | None
    seconds: float
    warnings: Sequence[str]


def set_weights(client: Client, route: Route, percents: Sequence[Decimal]) -> Done:
    """In this route alone. Raises TurnoutError, Overtaken when it is no longer as the browser saw it."""
    live = _live(client, route)
    edit = weights.spread(live, route.index, percents)
    return _done(client, route, [edit] if isinstance(edit, Edit) else edit, live, shift_command(route, percents))


def set_mirror(client: Client, route: Route, copies: Copies) -> Done:
    """In this route alone. Raises as `set_weights`."""
    live = _live(client, route)
    own = mirroring if route.is_of_istio else route_mirroring
    if copies.to is None:
        edits = own.off([live], route.shares[0].host, route.label)
    else:
        host, subset = copies.to
        more: dict[str, Any] = {"percent": float(copies.percent), "methods": copies.methods, "route_name": route.label}
        if route.is_of_istio:
            edits = mirroring.mirror([live], host, subset, **more)
        else:
            edits = route_mirroring.mirror([live], route.shares[0].host, host.partition(".")[0], **more)
    return _done(client, route, edits, live, mirror_command(route, copies))


def _live(client: Client, route: Route) -> dict[str, Any]:
    try:
        live = {"kind": route.kind, **client.get(_KINDS[route.kind], route.namespace, route.virtual_service)}
    except ApiError as error:
        raise (Overtaken() if error.status == 404 else error) from error
    if not is_as_seen(live, route):
        raise Overtaken
    return live


def is_as_seen(live: JSONObject, route: Route) -> bool:
    """Whether a VirtualService as the API has it still has the route, with the same destinations and shares."""
    seen = [route, *([route.mirror_rule] if route.mirror_rule else [])]
    if not route.is_of_istio:
        rules, found = live["spec"].get("rules") or (), list(splits(live))
        return all(
            each.index < len(rules) and _is_same_rule(rules[each.index], found[each.index], each) for each in seen
        )
    http = routes(live)
    return all(each.index < len(http) and _is_same(http[each.index], each) for each in seen)


def _is_same_rule(live: JSONObject, split: Split, route: Route) -> bool:
    """Of Gateway API."""
    given = [int(weight) for weight in split.weights] if len(split.choices) > 1 else [100] * len(split.choices)
    chosen = zip(split.choices, weights.percentages(given), strict=True)
    copies = [each["requestMirror"] for each in live.get("filters") or () if "requestMirror" in each]
    return (
        live.get("name", "") == route.name
        and [(choice.host, Decimal(percent)) for choice, percent in chosen]
        == [(share.host, share.percent) for share in route.shares]
        and [copy["backendRef"]["name"] for copy in copies] == [share.service for share in route.mirrors]
    )


def _is_same(live: JSONObject, route: Route) -> bool:
    chosen = destinations(live)
    given = [int(choice.get("weight", 0)) for choice in chosen] if len(chosen) > 1 else [100] * len(chosen)
    shares = [
        (host_of(choice["destination"], route.namespace), choice["destination"].get("subset", ""), Decimal(percent))
        for choice, percent in zip(chosen, weights.percentages(given), strict=True)
    ]
    copies = [live["mirror"]] if live.get("mirror") else [each["destination"] for each in live.get("mirrors") or ()]
    return (
        live.get("name", "") == route.name
        and shares == [(share.host, share.subset, share.percent) for share in route.shares]
        and [(host_of(to, route.namespace), to.get("subset", "")) for to in copies]
        == [(share.host, share.subset) for share in route.mirrors]
    )


def _done(client: Client, route: Route, edits: list[Edit] | Refusal, live: dict[str, Any], command: str) -> Done:
    if isinstance(edits, Refusal):
        raise TurnoutError(edits.message, edits.hint)
    try:
        outcome = carry_out(client, edits, [live], command)
    except ApiError as error:
        raise (Overtaken() if error.status == 409 else error) from error
    changes = [change for edit in edits for change in edit.shown]
    return Done(changes, outcome.acknowledged, outcome.seconds, tuple(client.warnings))


# --- as the command line would have it


def shift_command(route: Route, percents: Sequence[Decimal]) -> str:
    """`shift reviews v1=50 v2=50 --route main`; destinations that are no subsets are named as they are."""
    given = [f"{share.name}={percent_words(p)}" for share, p in zip(route.shares, percents, strict=True)]
    services = dict.fromkeys(share.service for share in (route.shares if route.is_of_istio else route.shares[:1]))
    return " ".join(["shift", ",".join(services), *given, "--route", route.label])


def mirror_command(route: Route, copies: Copies) -> str:
    """`mirror reviews --to v2 --percent 10 --methods GET,HEAD --route main`, `mirror reviews --off --route main`."""
    if copies.to is None:
        return f"mirror {route.shares[0].service} --off --route {route.label}"
    host, subset = copies.to
    service = host.partition(".")[0] if route.is_of_istio else route.shares[0].service
    parts = ["mirror", service, "--to", subset or host.partition(".")[0], "--percent", percent_words(copies.percent)]
    parts += ["--methods", ",".join(copies.methods)] if copies.methods else []
    return " ".join([*parts, "--route", route.label])
