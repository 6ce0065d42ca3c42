"""Gateway API's ReferenceGrant: which objects of other namespaces may be referred to."""

from __future__ import annotations

from dataclasses import dataclass, field

from turnout.resources.meta import Metadata


@dataclass(frozen=True, slots=True)
class ReferenceGrantFrom:
    group: str
    kind: str
    namespace: str


@dataclass(frozen=True, slots=True)
class ReferenceGrantTo:
    """Without a name every object of the kind."""

    group: str
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceGrantSpec:
    from_: tuple[ReferenceGrantFrom, ...] = ()
    to: tuple[ReferenceGrantTo, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferenceGrant:
    """Lets objects of other namespaces refer to some of its own."""

    metadata: Metadata
    spec: ReferenceGrantSpec = field(default_factory=ReferenceGrantSpec)
