"""Whether a namespace lets objects of others refer to its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from turnout.resources.kinds import GATEWAY_API
from turnout.resources.reference_grant import ReferenceGrant

Named = tuple[str, str, str]
"""Group, kind and name of what is referred to."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Objects of Gateway API's, of one kind and namespace."""

    kind: str
    namespace: str


def is_granted(grants: Iterable[ReferenceGrant], asker: Asker, namespace: str, named: Named) -> bool:
    """Whether one in the namespace of what is named allows it."""
    group, kind, name = named
    return any(
        grant.metadata.namespace == namespace
        and any((f.group, f.kind, f.namespace) == (GATEWAY_API, asker.kind, asker.namespace) for f in grant.spec.from_)
        and any((to.group, to.kind) == (group, kind) and to.name in ("", name) for to in grant.spec.to)
        for grant in grants
    )
