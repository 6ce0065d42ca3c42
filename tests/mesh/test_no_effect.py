"""No field of Istio is silently ignored: it is carried out, or a warning names it."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from turnout.mesh.no_effect import _TABLE
from turnout.resources.core import ServiceSpec
from turnout.resources.destination_rule import DestinationRuleSpec
from turnout.resources.gateway import GatewaySpec
from turnout.resources.service_entry import ServiceEntrySpec
from turnout.resources.virtual_service import VirtualServiceSpec

SOURCES = Path(__file__).parents[2] / "src" / "turnout"
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for package in ("mesh", "compiler")
    for path in (SOURCES / package).glob("*.py")
    if path.name not in ("no_effect.py", "match_words.py", "route_words.py")  # they only say what there is
)
SPECS: Mapping[str, type[Any]] = {
    "VirtualService": VirtualServiceSpec,
    "DestinationRule": DestinationRuleSpec,
    "Gateway": GatewaySpec,
    "Service": ServiceSpec,
    "ServiceEntry": ServiceEntrySpec,
}


def fields(kind: Any, path: str = "") -> Iterator[str]:
    """The paths of a type's leaves, as the table writes them."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            yield from fields(hints[field.name], f"{path}.{field.name}".lstrip("."))
    elif origin is tuple:
        yield from fields(arguments[0], f"{path}.*")
    elif origin is not None and (inner := [a for a in arguments if dataclasses.is_dataclass(a)]):
        yield from fields(inner[0], path)
    else:
        yield path if not path.endswith(".*") else path[:-2]


def test_the_walk_finds_nested_fields() -> None:
    found = set(fields(VirtualServiceSpec))
    assert {"hosts", "http.*.route.*.weight", "http.*.match.*.headers.exact", "http.*.retries.backoff"} <= found


@pytest.mark.parametrize("kind", sorted(SPECS.keys() - {"Service"}))
def test_each_field_is_carried_out_or_reported(kind: str) -> None:
    reported = [entry.path for entry in _TABLE[kind]]
    silent = [
        path
        for path in fields(SPECS[kind])
        if not any(path == entry or path.startswith(f"{entry}.") for entry in reported)
        and not re.search(rf"\.{path.rpartition('.')[2]}\b", CODE)
    ]
    assert silent == []


@pytest.mark.parametrize("kind", sorted(_TABLE))
def test_each_reported_path_exists(kind: str) -> None:
    known = list(fields(SPECS[kind]))
    for entry in _TABLE[kind]:
        path = entry.path.removesuffix(".*")
        assert any(field == path or field.startswith(f"{path}.") for field in known), entry.path
