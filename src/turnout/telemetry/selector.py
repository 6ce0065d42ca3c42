"""One sum of counters, as PromQL says it: `sum(istio_requests_total{response_code=~"4.."})`.

All of PromQL is Prometheus' business: this is what a guard needs where there is no Prometheus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from turnout.error import EvidenceFailed
from turnout.telemetry import istio, promql
from turnout.telemetry.series import Series

METRICS = {promql.REQUESTS: False, promql.COPIES: True}
"""Which ones there are, and whether they count copies."""

_WHOLE = re.compile(r"\s*(?:sum\s*\(\s*)?([a-zA-Z_:][\w:]*)\s*(?:\{(.*)\})?\s*(?:\))?\s*", re.DOTALL)
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_HINT = 'such as sum(istio_requests_total{destination_version="v2", response_code=~"4.."}); ask a Prometheus for more'


@dataclass(frozen=True, slots=True)
class Matcher:
    """`pattern` must match the whole label; `wanted` False: it must not."""

    label: str
    pattern: re.Pattern[str]
    wanted: bool

    def fits(self, labels: Mapping[str, str]) -> bool:
        return (self.pattern.fullmatch(labels.get(self.label, "")) is not None) == self.wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """`copies`: of the metric that counts copies."""

    copies: bool
    matchers: tuple[Matcher, ...]

    def value(self, counted: Mapping[Series, int]) -> int:
        """Their sum. A call that both sides report is one, unless somebody asks for a side."""
        return sum(count for series, count in counted.items() if series.mirrored == self.copies and self._fits(series))

    def _fits(self, series: Series) -> bool:
        labels = istio.labels(series)
        sides = istio.reporters(series)
        asked = any(matcher.label == "reporter" for matcher in self.matchers)
        return any(all(m.fits(labels | dict(side)) for m in self.matchers) for side in (sides if asked else sides[:1]))


def parsed(text: str) -> Selector:
    """Raises EvidenceFailed."""
    whole = _WHOLE.fullmatch(text)
    if whole is None or whole[1] not in METRICS:
        named = f"; there are {', '.join(METRICS)}" if whole else ""
        raise EvidenceFailed(f"{text} is not the sum of a counter{named}", _HINT)
    return Selector(METRICS[whole[1]], tuple(_matchers(whole[2] or "", text)))


def _matchers(inside: str, text: str) -> list[Matcher]:
    found, at = [], 0
    while inside[at:].strip():
        matcher = _MATCHER.match(inside, at)
        if matcher is None:
            raise EvidenceFailed(f"{text}: {inside[at:].strip()} is no matcher", _HINT)
        found.append(_matcher(matcher[1], matcher[2], re.sub(r"\\(.)", r"\1", matcher[3]), text))
        at = matcher.end()
    return found


def _matcher(label: str, operator: str, value: str, text: str) -> Matcher:
    try:
        pattern = re.compile(value if "~" in operator else re.escape(value))
    except re.error as error:
        raise EvidenceFailed(f"{text}: {value} is no regular expression: {error}", _HINT) from error
    return Matcher(label, pattern, wanted=not operator.startswith("!"))
