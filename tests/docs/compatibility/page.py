"""docs/compatibility.md: a row for every field of every kind that says what traffic does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tests.docs.compatibility import bases
from tests.docs.compatibility.fields import Field, fields
from tests.docs.compatibility.probe import Context, Verdict, verdict

from turnout.mesh.no_effect import passed_over
from turnout.resources.destination_rule import DestinationRuleSpec
from turnout.resources.forwarding_route import TCPRouteSpec, TLSRouteSpec
from turnout.resources.gateway import GatewaySpec
from turnout.resources.gateway_api import GRPCRouteSpec, HTTPRouteSpec
from turnout.resources.kinds import (
    DESTINATION_RULE,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    SERVICE_ENTRY,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
)
from turnout.resources.service_entry import ServiceEntrySpec
from turnout.resources.virtual_service import VirtualServiceSpec

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
WORLD = (ROOT / "tests/compiler/cases/base.yaml", HERE / "context.yaml")
SPECS = {
    VIRTUAL_SERVICE: VirtualServiceSpec,
    DESTINATION_RULE: DestinationRuleSpec,
    GATEWAY: GatewaySpec,
    SERVICE_ENTRY: ServiceEntrySpec,
    HTTP_ROUTE: HTTPRouteSpec,
    GRPC_ROUTE: GRPCRouteSpec,
    TLS_ROUTE: TLSRouteSpec,
    TCP_ROUTE: TCPRouteSpec,
}
PORT = "trafficPolicy.portLevelSettings[]."
INTRODUCTION = """\
# What becomes of each field

Made by `TURNOUT_UPDATE_GOLDEN=1 python -m pytest tests/docs/test_compatibility.py`, from the code: each field is set in
an object that is valid without it, and Envoy's configuration is made of both. A test fails while
this page says anything else.

| | |
|---|---|
| honoured | Envoy's configuration is another one |
| warned | passed over on one machine, and whoever sets it is told so ([TNO302](problems.md)) |
| rejected | the object is refused, as Istio refuses it |

"""


def context() -> Context:
    objects = [obj for path in WORLD for obj in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    secret = next(obj["stringData"] for obj in objects if obj["kind"] == "Secret")
    return Context(objects, {name: secret["tls.key" if "key" in name else "tls.crt"] for name in bases.FILES})


def page() -> str:
    world = context()
    return INTRODUCTION + "\n".join(_section(kind, spec, world) for kind, spec in SPECS.items())


def _section(kind: Any, spec: Any, world: Context) -> str:
    rows = [f"| `{path}` | {found.word} | {found.why} |" for path, found in verdicts(kind, spec, world)]
    return "\n".join((f"## {kind.kind}\n", f"`{kind.api_version}`\n", "| field | | |", "|---|---|---|", *rows, ""))


def verdicts(kind: Any, spec: Any, world: Context) -> Iterator[tuple[str, Verdict]]:
    """What is the same for a port as for all is one row. Raises AssertionError for a field that nothing is known of."""
    found: dict[str, Verdict] = {}
    for field in fields(spec):
        folded = next((path for path in bases.FOLDED if field.path.startswith(f"{path}")), None)
        found[folded or field.path] = (
            Verdict("honoured", bases.FOLDED[folded]) if folded else _explained(kind, field, world)
        )
    same = {path for path, of in found.items() if found.get(path.replace(PORT, "trafficPolicy."), of) == of}
    for path, of in found.items():
        if not path.startswith(PORT) or path not in same or path == f"{PORT}port.number":
            yield path, of
    if any(path.startswith(PORT) for path in found):
        yield (
            "trafficPolicy.portLevelSettings[].…",
            Verdict("honoured", "the others as `trafficPolicy`; all of it is replaced"),
        )


def _explained(kind: Any, field: Field, world: Context) -> Verdict:
    found = verdict(field, _object(kind, field), world, bases.SAMPLES.get(kind.kind, {}).get(field.path))
    if found.word in ("silent", "rejected"):
        reason = _reason(kind.kind, field.path)
        assert reason or found.word == "rejected", f"{kind.kind} {field.path} changes nothing, and nobody says why"
        return Verdict("honoured", reason) if reason else found
    partly = passed_over(kind.kind, field.path) if found.word == "honoured" else ""
    return Verdict(found.word, f"but: {partly}") if partly else found


def _reason(kind: str, path: str) -> str:
    known = bases.SILENT.get(kind, {})
    return next((why for prefix, why in known.items() if path == prefix or path.startswith(_inside(prefix))), "")


def _object(kind: Any, field: Field) -> bases.JSON:
    known = bases.BASES[kind.kind]
    fitting = [path for path in known if not path or field.path == path or field.path.startswith(_inside(path))]
    name = "a" if kind is DESTINATION_RULE else "probed"  # takes the place of the one in base.yaml
    spec = known[max(fitting, key=len)]
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "spec": spec}


def _inside(path: str) -> tuple[str, str, str]:
    return f"{path}.", f"{path}[", f"{path}{{"
