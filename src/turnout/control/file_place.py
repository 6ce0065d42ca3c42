"""Where live routes are written: `turnout mirror --methods` puts rules of its own before others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turnout.resources.document import Document
from turnout.resources.virtual_service import VirtualService


@dataclass(frozen=True, slots=True)
class Written:
    """Where an object is written. `routes`: of each live one its index in the file; None: it was added since.

    `field`: of `spec`, which holds them.
    """

    title: str
    document: Document | None
    routes: Sequence[int | None]
    field: str = "http"

    @classmethod
    def of(cls, owner: VirtualService, document: Document | None) -> Written:
        meta = owner.metadata
        in_file = (document.data["spec"].get("http") or ()) if document else ()
        file_names = [str((route or {}).get("name") or "") for route in in_file]
        return cls(
            f"{meta.namespace}/{meta.name}", document, aligned([http.name for http in owner.spec.http], file_names)
        )

    def where(self, route: int | None = None, *path: str | int) -> str:
        """`file:line`; `namespace/name` of what is in no file."""
        at = None if route is None else self.routes[route]
        if self.document is None or (route is not None and at is None):
            return self.title
        place = self.document.place(("spec",) if at is None else ("spec", self.field, at, *path))
        return f"{place.file}:{place.line}"


def aligned(live: Sequence[str], file: Sequence[str]) -> list[int | None]:
    """For each name of `live` its position in `file`; those that occur again, or have none, in turn.

    `turnout mirror --methods` puts rules of its own before others.
    """
    positions: dict[str, list[int]] = {}
    for at, name in enumerate(file):
        positions.setdefault(name, []).append(at)
    taken: dict[str, int] = {}
    found: list[int | None] = []
    for name in live:
        same, turn = positions.get(name, []), taken.get(name, 0)
        found.append(same[turn] if turn < len(same) else None)
        taken[name] = turn + 1
    return found
