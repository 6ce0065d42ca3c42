"""A Rollout from the command line's options, or from a file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from turnout.error import TurnoutError

SUFFIXES = (".yaml", ".yml", ".json")
STEPS = "1,5,25,50,100"

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_PLAIN = re.compile(r"[-_A-Za-z0-9]+")

_STEP_FORMS = "a weight such as 5 or 0.1, `compare`, `mirror:50`, `users`, `pause` or `pause:10m`"
_GUARD_FORMS = "`errors:1`, `errors:1:4xx`, `slow:5`, `slow:p90:5` or `regressions:5`"


@dataclass(frozen=True, slots=True)
class Options:
    """What is given besides the service. Texts are as they were typed, and of the right form; empty: not given."""

    to: str
    from_: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    guards: tuple[Mapping[str, Any], ...] = ()
    hooks: tuple[Mapping[str, Any], ...] = ()
    route: str = ""
    name: str = ""
    min_time: str = ""
    max_time: str = ""
    on_timeout: str = ""
    confidence: float | None = None
    max_user_impact: float | None = None
    sticky: str = ""
    expectations: str = ""


def of_options(service: str, namespace: str, given: Options) -> dict[str, Any]:
    """The object; what was not given is left to the defaults."""
    name = given.name or f"{service.partition('.')[0]}-{given.to}".lower()
    spec = {
        "service": service,
        "from": given.from_,
        "to": given.to,
        "route": given.route,
        "steps": list(given.steps),
        "guards": list(_all_guards(given)),
        "confidence": given.confidence,
        "minTime": given.min_time,
        "maxTime": given.max_time,
        "onTimeout": given.on_timeout,
        "maxUserImpact": given.max_user_impact,
        "sticky": given.sticky,
        "expectations": given.expectations,
        "hooks": list(given.hooks),
    }
    return {
        "apiVersion": "turnout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {key: value for key, value in spec.items() if value not in (None, "", [])},
    }


def _all_guards(given: Options) -> Iterator[Mapping[str, Any]]:
    """Whoever names guards and wants a comparison wants its verdict too."""
    yield from given.guards
    if given.guards and not any("regressions" in guard for guard in given.guards):
        yield from [{"regressions": {}}] if any("compare" in step for step in given.steps) else []


def of_file(path: Path, namespace: str) -> dict[str, Any]:
    """The one Rollout in a file. Raises TurnoutError for a file that holds none, or several objects."""
    from turnout.inputs.files import parse
    from turnout.inputs.found import read_text
    from turnout.problem import errors

    parsed = parse(path.absolute(), read_text(path))
    for problem in parsed.problems:
        click.echo(str(problem), err=True)
    if found := errors(parsed.problems):
        raise TurnoutError(f"{path} has {len(found)} error{'s' if len(found) > 1 else ''}")
    kinds = [manifest.kind.kind for manifest in parsed.manifests]
    if kinds != ["Rollout"]:
        held = ", ".join(kinds) or "nothing"
        raise TurnoutError(f"{path} holds {held}, not one Rollout", "other objects are applied by `turnout up`")
    data = parsed.manifests[0].document.data
    metadata = {"namespace": namespace, **data["metadata"]}
    return {**data, "metadata": metadata}


def checked(obj: Mapping[str, Any]) -> None:
    """Prints what does not fit. Raises TurnoutError when that is an error."""
    from turnout.problem import errors
    from turnout.resources.interpret import interpret

    problems = interpret(obj).problems
    for problem in problems:
        click.echo(str(problem), err=True)
    if found := errors(problems):
        raise TurnoutError(f"the rollout has {len(found)} error{'s' if len(found) > 1 else ''}, and is not started")


# --- what options say; ValueError: it has another form


def steps(text: str, users: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], ...]:
    """`compare,mirror:50,1,5,pause:10m,100`. A group of users comes where `users` stands, else before the weights."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if users is not None and "users" not in words:
        words.insert(next((at for at, word in enumerate(words) if word[0].isdigit()), len(words)), "users")
    return tuple(_step(word, users) for word in words)


def _step(word: str, users: Mapping[str, Any] | None) -> Mapping[str, Any]:
    kind, colon, rest = word.partition(":")
    number = word.removesuffix("%")
    if _NUMBER.fullmatch(number):
        return {"weight": float(number)}
    if kind in ("compare", "mirror") and (not colon or _NUMBER.fullmatch(rest.removesuffix("%"))):
        return {kind: {"percent": float(rest.removesuffix("%"))} if colon else {}}
    if kind == "pause" and (not colon or _is_duration(rest)):
        return {"pause": {"duration": rest} if colon else {}}
    if word == "users" and users is not None:
        return {"users": users}
    if word == "users":
        raise ValueError("the step `users` needs --users, which says whose requests")
    raise ValueError(f"{word!r} is no step: {_STEP_FORMS}")


def group(texts: Sequence[str]) -> Mapping[str, Any] | None:
    """`header:NAME=VALUE` and `cookie:NAME=VALUE`, all of which a request has to have, as a match of headers."""
    headers: dict[str, Mapping[str, str]] = {}
    for text in texts:
        name, match = _member(text)
        if name in headers:
            raise ValueError(f"the header {name} is given twice: one rule matches a header once")
        headers[name] = match
    return {"headers": headers} if headers else None


def _member(text: str) -> tuple[str, Mapping[str, str]]:
    kind, colon, rest = text.partition(":")
    name, equals, value = rest.partition("=")
    if kind not in ("header", "cookie") or not colon or not equals or not _PLAIN.fullmatch(name) or not value:
        raise ValueError(f"{text!r} names nobody: write header:NAME=VALUE or cookie:NAME=VALUE")
    if kind == "header":
        return name.lower(), {"exact": value}
    return "cookie", {"regex": f"(.*; ?)?{re.escape(name)}={re.escape(value)}(;.*)?"}


def guard(text: str) -> Mapping[str, Any]:
    """`errors:1`, `errors:1:4xx+429`, `slow:5`, `slow:p90:5`, `regressions:5`; tolerances are percentage points."""
    kind, *parts = text.split(":")
    match kind, parts:
        case "errors" | "slow" | "regressions", [tolerance] if _NUMBER.fullmatch(tolerance.removesuffix("%")):
            return {kind: {"tolerance": _points(tolerance)}}
        case "errors", [tolerance, codes] if _NUMBER.fullmatch(tolerance.removesuffix("%")) and codes:
            return {"errors": {"tolerance": _points(tolerance), "codes": codes.split("+")}}
        case "slow", [quantile, tolerance] if _NUMBER.fullmatch(tolerance.removesuffix("%")):
            slow = {"quantile": _quantile(quantile), "tolerance": _points(tolerance)}
            return {"slow": slow, "name": f"slow-{quantile}"}
    raise ValueError(f"{text!r} is no guard: {_GUARD_FORMS}; a query is written in a file")


def _points(text: str) -> float:
    return float(text.removesuffix("%"))


def _quantile(text: str) -> float:
    """`p90` and `0.9` are 0.9, `p99.9` is 0.999."""
    if text.startswith("p") and _NUMBER.fullmatch(text[1:]):
        return round(float(text[1:]) / 100, 6)
    if _NUMBER.fullmatch(text):
        return float(text)
    raise ValueError(f"{text!r} is no quantile, such as p99")


def hooks(commands: Sequence[str], webhooks: Sequence[str], secret_file: str) -> tuple[Mapping[str, Any], ...]:
    """Commands are split as a shell would, but run without one; paths become absolute."""
    return tuple(_hooks(commands, webhooks, secret_file))


def _hooks(commands: Sequence[str], webhooks: Sequence[str], secret_file: str) -> Iterator[Mapping[str, Any]]:
    for text in commands:
        words = shlex.split(text)
        if not words:
            raise ValueError("the command of a hook is empty")
        program = str(Path(words[0]).absolute()) if "/" in words[0] else words[0]
        yield {"exec": [program, *words[1:]]}
    for url in webhooks:
        secret = {"secretFile": str(Path(secret_file).absolute())} if secret_file else {}
        yield {"webhook": {"url": url, **secret}}


def duration(text: str) -> str:
    """As it is."""
    if not _is_duration(text):
        raise ValueError(f"{text!r} is no duration, such as 30s, 5m or 1h")
    return text


def _is_duration(text: str) -> bool:
    from turnout.resources.duration import parse

    found = parse(text)
    return found is not None and found.total_seconds() >= 0


def percent(text: str) -> float:
    """`5` and `5%`."""
    if not _NUMBER.fullmatch(text.removesuffix("%")):
        raise ValueError(f"{text!r} is no percentage, such as 5%")
    return float(text.removesuffix("%"))


def confidence(text: str) -> float:
    """`0.95` and `95%`."""
    value = percent(text)
    return round(value / 100, 9) if text.endswith("%") else value
