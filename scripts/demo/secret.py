"""What was found out about a version in secret, while it answered copies only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Secret:
    """One `turnout compare`. `paths`: of each class, such as `regression`. `users`: how many the version answered."""

    pairs: int
    paths: Mapping[str, frozenset[str]]
    users: int

    @classmethod
    def of(cls, view: Mapping[str, Any], status: Mapping[str, Any]) -> Secret:
        """From `turnout compare --json` and `turnout status --json`."""
        routes = ((view["report"] or {}).get("report") or {}).get("routes", [])
        fields = [field for route in routes for field in route["fields"]]
        classes = {field["class"] for field in fields}
        paths = {each: frozenset(field["path"] for field in fields if field["class"] == each) for each in classes}
        own = [hop for hop in status["hops"] if hop["subset"] == view["to"] and not hop["mirrored"]]
        copies = sum(route["copies"].get("candidate", 0) for route in routes)
        return cls(copies, paths, sum(hop["requests"] for hop in own))

    def among(self, name: str) -> frozenset[str]:
        """The paths of one class."""
        return self.paths.get(name, frozenset())

    @property
    def lesson(self) -> str:
        """In one line."""
        found = ", ".join(sorted(self.among("regression"))) or "nothing"
        return f"`turnout compare` had found it ({found}) in {self.pairs} copies, when {self.users} users had met it."
