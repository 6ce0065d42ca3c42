"""What a generated request has met: the kinds of match and of action, so that each can be counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulator.generated import CATCH_ALL

from turnout.compiler.match_words import EVERY
from turnout.simulator.answer import Action, Answer

JSON = dict[str, Any]
STRINGS = ("exact", "prefix", "regex")
MATCHES = frozenset(
    {f"{field} {kind}" for field in ("uri", "authority", "method") for kind in STRINGS}
    | {f"{field} {kind}" for field in ("headers", "withoutHeaders", "queryParams") for kind in (*STRINGS, "present")}
    | {"scheme exact", "ignoreUriCase", "port", "gateways", "sourceLabels", "sourceNamespace"}
)
ACTIONS = frozenset(
    {
        "one destination", "weights", "redirect uri", "redirect authority", "redirect prefixRewrite", "redirect scheme",
        "redirect port", "redirect derivePort", "directResponse", "rewrite uri", "rewrite authority",
        "rewrite uriRegexRewrite", "fault", "mirror", "timeout", "retries", "corsPolicy", "preflight",
        "headers request", "headers response", "destination headers", "Host", "missing", "idle", "no rule", "no host",
        "httpsRedirect", "delegate", "HTTPRoute", "HTTPRoute forward", "HTTPRoute redirect", "HTTPRoute respond",
        "HTTPRoute rewrite",
    }
)  # fmt: skip


def kinds(told: Answer, objects: list[JSON]) -> Iterator[str]:
    """Of the rule that answers, and of what it does."""
    yield from _endings(told)
    if told.rule is None or told.rule.where is None:
        return
    where = told.rule.where
    if where.kind == "HTTPRoute":
        yield from _of_gateway_api(told)
        return
    http = next(
        obj["spec"]["http"][where.fields[2]]
        for obj in objects
        if (obj["metadata"]["namespace"], obj["metadata"]["name"]) == (where.namespace, where.name)
    )
    match = http["match"][where.fields[4]] if len(where.fields) > 3 else {}
    yield from _matched(match)
    yield from _acted(told, http)
    if told.rule.delegated_by:
        yield "delegate"
    if not is_catch_all(match):
        yield "no catch-all"


def _of_gateway_api(told: Answer) -> Iterator[str]:
    yield "HTTPRoute"
    yield f"HTTPRoute {told.action}"
    if told.path_sent not in ("", told.path):
        yield "HTTPRoute rewrite"
    if told.rule and told.rule.when != EVERY:
        yield "no catch-all"


def is_catch_all(match: Mapping[str, Any]) -> bool:
    """Nothing of a request is looked at."""
    looks = {"headers", "withoutHeaders", "queryParams", "method", "scheme", "authority"} & match.keys()
    return not looks and match.get("uri", {"prefix": "/"}) in CATCH_ALL


def _endings(told: Answer) -> Iterator[str]:
    if told.action is Action.REFUSE:
        yield "no rule" if told.passed else "no host"
    if told.action is Action.REDIRECT and told.rule is None:
        yield "httpsRedirect"
    names = {"NC": "missing", "UH": "idle"}
    yield from {names[each.failure] for each in told.destinations if each.failure}


def _matched(match: Mapping[str, Any]) -> Iterator[str]:
    for field in ("uri", "authority", "method", "scheme"):
        yield from (f"{field} {kind}" for kind in match.get(field, ()))
    for field in ("headers", "withoutHeaders", "queryParams"):
        yield from {f"{field} {next(iter(value), 'present')}" for value in match.get(field, {}).values()}
    for field in ("port", "gateways", "sourceLabels", "sourceNamespace", "ignoreUriCase"):
        if match.get(field):
            yield field


def _acted(told: Answer, http: JSON) -> Iterator[str]:
    for field in ("redirect", "rewrite", "headers"):
        yield from (f"{field} {part}" for part in http.get(field, ()))
    for field in ("directResponse", "fault", "mirror", "timeout", "retries", "corsPolicy"):
        if field in http:
            yield field
    if told.action is Action.FORWARD:
        yield "weights" if len(told.destinations) > 1 else "one destination"
        if any(choice.get("headers") for choice in http["route"]):
            yield "destination headers"
        if any(each.authority != told.headers[":authority"] for each in told.destinations):
            yield "Host"
    if told.action is Action.RESPOND and told.reason:
        yield "preflight"
