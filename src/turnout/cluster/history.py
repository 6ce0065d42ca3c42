"""The steps that `undo` can take back on a cluster: kept on this machine, for the cluster has no place for them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from turnout.database import create_private
from turnout.error import StateBroken

MOST_STEPS: Final = 50
"""The oldest goes first."""

Step = dict[str, Any]


class History:
    """Of one API server. `file`: where it is kept, readable by the user alone."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of(cls, server: str) -> History:
        """In XDG_STATE_HOME, which is `~/.local/state` unless it is said."""
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return cls(home / "turnout" / "clusters" / f"{hashlib.sha256(server.encode()).hexdigest()[:16]}.json")

    def told(self, body: Any) -> Any:
        """As the view `history` of an instance: all steps; with a body one is added, or marked as undone."""
        if body is None:
            return self.all()
        if "undone" in body:
            self.mark_undone(body["undone"])
            return {}
        return self.add(body)

    def all(self) -> list[Step]:
        """The oldest first. One that cannot be read is none."""
        try:
            steps = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return []
        return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []

    def add(self, step: Mapping[str, Any]) -> Step:
        """With its number. Raises StateBroken."""
        steps = self.all()
        new = {**step, "number": max((each.get("number", 0) for each in steps), default=0) + 1}
        self._write([*steps, new][-MOST_STEPS:])
        return new

    def mark_undone(self, number: int) -> None:
        """Raises StateBroken."""
        self._write([{**step, "undone": True} if step.get("number") == number else step for step in self.all()])

    def _write(self, steps: list[Step]) -> None:
        new = self._file.with_name(f".{self._file.name}.new")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_private(new)
            new.write_text(json.dumps(steps))
            new.replace(self._file)
        except OSError as error:
            raise StateBroken(f"cannot write {self._file}, so this step cannot be undone: {error.strerror}") from error
