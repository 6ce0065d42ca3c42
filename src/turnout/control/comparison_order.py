"""What somebody asks a comparison to be, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, Self

from turnout.delivery.edit import Refusal
from turnout.delivery.sample import ALL, Sample, parsed
from turnout.delivery.steering import Versions
from turnout.error import ApiError
from turnout.mesh.names import fqdn

METHODS = ("GET", "HEAD")
"""Which requests are copied unless said otherwise: those that change nothing."""
BASELINE_PERCENT = 25.0
SHARE = 0.05
MOST_SECONDS = 7 * 24 * 3600.0
_METHOD = re.compile(r"[A-Z]+(-[A-Z]+)*")
_MOST_METHODS = 20


@dataclass(frozen=True, slots=True)
class Order:
    """`service`: its full name. `stable`, `candidate`: subsets. `seconds`: None if it has no end of its own.

    `baseline_percent`: of the copies, how many stable gets as well. `share`: of the answers; a difference in so many is
    to be found. `by`: who asked for it. `steer`: whether VirtualServices are changed for it; else somebody else does.
    """

    service: str
    namespace: str
    stable: str
    candidate: str
    route: str | None = None
    sample: str = "all"
    methods: tuple[str, ...] = METHODS
    baseline_percent: float = BASELINE_PERCENT
    seconds: float | None = None
    until_sure: bool = False
    expectations: str | None = None
    share: float = SHARE
    by: str = "compare"
    steer: bool = True

    @property
    def versions(self) -> Versions:
        """As the VirtualServices name them."""
        return Versions(self.service, self.stable, self.candidate, self.route)

    @property
    def sampled(self) -> Sample:
        """Which requests are copied."""
        found = parsed(self.sample)
        assert not isinstance(found, Refusal), "it was checked"
        return found

    @property
    def baseline(self) -> Decimal:
        """The percentage as weights are written."""
        return Decimal(str(self.baseline_percent))

    def as_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        return cls(**{**data, "methods": tuple(data["methods"])})


def ordered(body: Mapping[str, Any]) -> Order:
    """What the body of a POST asks for. Raises ApiError 400, which names the field."""
    namespace = _text(body, "namespace") or "default"
    stable, candidate = _text(body, "from"), _text(body, "to")
    service = _text(body, "service")
    for name, value in (("service", service), ("from", stable), ("to", candidate)):
        if not value:
            raise _bad(f"`{name}` is missing")
    if stable == candidate:
        raise _bad(f"{stable} cannot be compared with itself", "name two subsets, as `from` and `to`")
    return Order(
        fqdn(service, namespace),
        namespace,
        stable,
        candidate,
        _text(body, "route") or None,
        _sample(_text(body, "sample")),
        _methods(body.get("methods")),
        _number(body, "baseline_percent", BASELINE_PERCENT, most=100),
        None if body.get("seconds") is None else _number(body, "seconds", 0.0, most=MOST_SECONDS),
        bool(body.get("until_sure")),
        _text(body, "expectations") or None,
        _number(body, "share", SHARE, most=1),
        _text(body, "by") or "compare",
        body.get("steer") is not False,
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 4096:
        raise _bad(f"`{name}` is no text")
    return value


def _number(body: Mapping[str, Any], name: str, default: float, *, most: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or not 0 < value <= most:
        raise _bad(f"`{name}` is no number above 0, up to {most:g}")
    return float(value)


def _sample(text: str) -> str:
    found = parsed(text) if text else ALL
    if isinstance(found, Refusal):
        raise _bad(found.message, found.hint)
    return found.words


def _methods(value: object) -> tuple[str, ...]:
    if value is None:
        return METHODS
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_METHODS:
        raise _bad("`methods` is a list of HTTP methods")
    for method in value:
        if not isinstance(method, str) or not _METHOD.fullmatch(method):
            raise _bad(f"{method!r} is no HTTP method", "such as GET")
    return tuple(dict.fromkeys(value))


def _bad(message: str, hint: str | None = None) -> ApiError:
    return ApiError(400, "BadRequest", message, hint)
