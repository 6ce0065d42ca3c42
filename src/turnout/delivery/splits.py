"""Where objects say how much goes where: the lists of weights of VirtualServices and of Gateway API's routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from turnout.delivery.edit import FieldPath, JSONObject, destinations, host_of, route_of
from turnout.mesh import names


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several ways. `host`: in full; `version`: the subset, or the Service where versions are Services.

    `shown`: what people know it by. `weight`: as it counts; `written`: None where nothing is.
    """

    host: str
    version: str
    shown: str
    weight: Decimal
    written: int | None


@dataclass(frozen=True, slots=True)
class Split:
    """One rule's list of choices. `path`: where the list stands; `label`: the rule's name, else where it stands.

    `called`: all names that it goes by. `services`: whose versions all choices are, besides those that the choices
    name by themselves. `is_copy`: for a part of another rule's requests.
    """

    path: FieldPath
    label: str
    called: frozenset[str]
    choices: tuple[Choice, ...]
    services: frozenset[str] = frozenset()
    is_copy: bool = False

    def versions(self, host: str) -> dict[int, str]:
        """The choices that are versions of a service, by where they stand."""
        if host in self.services:
            return {at: choice.version for at, choice in enumerate(self.choices)}
        return {at: choice.version for at, choice in enumerate(self.choices) if choice.host == host}

    def is_called(self, name: str | None) -> bool:
        """None: any will do."""
        return name is None or name in self.called

    @property
    def weights(self) -> list[Decimal]:
        return [choice.weight for choice in self.choices]


def splits(obj: JSONObject) -> Iterator[Split]:
    """All of an object, in the order in which they stand, those with a single choice among them."""
    if obj.get("kind", "VirtualService") == "VirtualService":
        yield from _of_virtual_service(obj)
    else:
        yield from _of_route(obj)


def _of_virtual_service(obj: JSONObject) -> Iterator[Split]:
    namespace, spec = obj["metadata"]["namespace"], obj.get("spec", {})
    for kind in ("http", "tcp", "tls"):
        rules: Sequence[JSONObject] = spec.get(kind) or ()
        for index, rule in enumerate(rules):
            choices = tuple(_destination(choice, namespace) for choice in destinations(rule))
            yield _split(kind, rules, index, "route", choices, frozenset())


def _of_route(obj: JSONObject) -> Iterator[Split]:
    namespace, spec = obj["metadata"]["namespace"], obj.get("spec", {})
    rules: Sequence[JSONObject] = spec.get("rules") or ()
    parents = frozenset(_host(ref, namespace) for ref in spec.get("parentRefs") or () if _is_service(ref))
    for index, rule in enumerate(rules):
        choices = tuple(_backend(ref, namespace) for ref in rule.get("backendRefs") or ())
        yield _split("rules", rules, index, "backendRefs", choices, parents | {choice.host for choice in choices})


def _split(
    kind: str,
    rules: Sequence[JSONObject],
    index: int,
    field: str,
    choices: tuple[Choice, ...],
    services: frozenset[str],
) -> Split:
    """A rule also goes by the names of the route that it is for a part of; rules of TCP have no names."""
    end = route_of(rules, index) if kind in ("http", "rules") else index
    called = {name for at in range(index, end + 1) for name in (rules[at].get("name", ""), f"{kind}[{at}]")}
    label = rules[index].get("name") or f"{kind}[{index}]"
    return Split(("spec", kind, index, field), label, frozenset(called - {""}), choices, services, end != index)


def _destination(choice: JSONObject, namespace: str) -> Choice:
    destination: JSONObject = choice.get("destination") or {}
    subset, weight = destination.get("subset", ""), choice.get("weight")
    shown = str(subset or destination.get("host", ""))
    return Choice(host_of(destination, namespace), subset, shown, Decimal(str(weight or 0)), weight)


def _backend(ref: JSONObject, namespace: str) -> Choice:
    """Without a weight it has 1."""
    name, weight = str(ref["name"]), ref.get("weight")
    return Choice(_host(ref, namespace), name, name, Decimal(1 if weight is None else weight), weight)


def _host(ref: JSONObject, namespace: str) -> str:
    return names.fqdn(str(ref["name"]), ref.get("namespace") or namespace)


def _is_service(parent: JSONObject) -> bool:
    """A parent that says nothing is a Gateway."""
    return parent.get("kind") == "Service" and parent.get("group") in ("", "core")


def received(splits: Iterable[Split], host: str) -> Mapping[str, Decimal]:
    """How much each version of a service gets in all these, in percent of one split."""
    total: dict[str, Decimal] = {}
    for split in splits:
        weights = split.weights if len(split.choices) > 1 else [Decimal(100)]
        for at, version in split.versions(host).items():
            if version:
                total[version] = total.get(version, Decimal(0)) + weights[at]
    return total
