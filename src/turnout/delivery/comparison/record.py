"""A tally as plain data and back: evidence that outlives the process that gathered it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from turnout.delivery.comparison.durations import Durations
from turnout.delivery.comparison.kind import Kind, Part
from turnout.delivery.comparison.lowest import Lowest
from turnout.delivery.comparison.tally import Bounds, Example, Field, FieldKey, Route, Tally

FORMAT = 1


def plain(tally: Tally) -> dict[str, Any]:
    """What `json.dumps` takes. Nothing in it is secret: what came into the tally was redacted."""
    return {
        "format": FORMAT,
        "routes": {name: _route(route) for name, route in sorted(tally.routes.items())},
        "fields": [_field(key, entry) for key, entry in tally.everything()],
        "dropped": dict(tally.dropped),
        "bar": tally.bar,
    }


def restored(data: Mapping[str, Any], bounds: Bounds | None = None) -> Tally:
    """The tally again. Raises ValueError if the data is of another format."""
    if data.get("format") != FORMAT:
        raise ValueError(f"a record of format {data.get('format')}, not {FORMAT}")
    tally = Tally(bounds)
    bar = (data["bar"][0], data["bar"][1]) if data["bar"] else None
    routes = {name: _restored_route(route) for name, route in data["routes"].items()}
    fields = dict(_restored_field(entry, tally.bounds) for entry in data["fields"])
    tally.resume(routes, fields, Counter(data["dropped"]), bar)
    return tally


def _route(route: Route) -> dict[str, Any]:
    return {
        "copies": dict(route.copies),
        "parts": [[side, part.value, count] for (side, part), count in sorted(route.parts.items())],
        "lacks": [[side, reason, count] for (side, reason), count in sorted(route.lacks.items())],
        "durations": {whose: sorted(found.counts.items()) for whose, found in sorted(route.durations.items())},
    }


def _restored_route(data: Mapping[str, Any]) -> Route:
    return Route(
        Counter(data["copies"]),
        Counter({(side, Part(part)): count for side, part, count in data["parts"]}),
        Counter({(side, reason): count for side, reason, count in data["lacks"]}),
        {whose: Durations(Counter(dict(found))) for whose, found in data["durations"].items()},
    )


def _field(key: FieldKey, entry: Field) -> dict[str, Any]:
    return {
        "key": [key.route, key.path, key.kind.value],
        "differing": dict(entry.differing),
        "examples": [[rank, e.key, e.method, e.path, e.at, e.stable, e.copy] for rank, e in entry.examples.items()],
        "samples": {side: samples.items() for side, samples in sorted(entry.samples.items())},
    }


def _restored_field(data: Mapping[str, Any], bounds: Bounds) -> tuple[FieldKey, Field]:
    route, path, kind = data["key"]
    entry = Field(Counter(data["differing"]), Lowest(bounds.examples), {})
    for rank, *example in data["examples"]:
        entry.examples.add(rank, Example(*example))
    for side, samples in data["samples"].items():
        for rank, sample in samples:
            entry.sampled(side, bounds.samples).add(rank, sample)
    return FieldKey(route, path, Kind(kind)), entry
