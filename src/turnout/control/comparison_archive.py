"""Comparisons on disk: what each came to, and what one that runs needs to go on after a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from turnout.error import StateBroken
from turnout.inputs.write import write_atomically

KEPT = 20
_NAME = re.compile(r"([1-9]\d{0,8})\.json")

Json = dict[str, Any]


class Archive:
    """A file each, `<id>.json`, and beside it the evidence of one that runs, `<id>.tally`. In a folder of mode 0700.

    Ids count up from 1. What cannot be read is as if it had never been. `save` and `save_tally` raise StateBroken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ids(self) -> list[str]:
        """The oldest first."""
        names = (_NAME.fullmatch(path.name) for path in self._folder.glob("*.json"))
        return sorted((name[1] for name in names if name), key=int)

    def fresh_id(self) -> str:
        """One that no comparison had that is still known of."""
        return str(max(map(int, self.ids()), default=0) + 1)

    def load(self, id: str) -> Json | None:  # noqa: A002 - the API's word
        """What was saved last under an id."""
        return _read(self._folder / f"{id}.json") if _NAME.fullmatch(f"{id}.json") else None

    def tally(self, id: str) -> Json | None:  # noqa: A002 - the API's word
        """The evidence of a comparison that has not ended."""
        return _read(self._folder / f"{id}.tally")

    def save(self, id: str, comparison: Mapping[str, Any]) -> None:  # noqa: A002 - the API's word
        """Beyond the last KEPT, the oldest go."""
        self._write(f"{id}.json", comparison)
        for old in self.ids()[:-KEPT]:
            self.discard(old)

    def save_tally(self, id: str, tally: Mapping[str, Any]) -> None:  # noqa: A002 - the API's word
        """In place of the last one."""
        self._write(f"{id}.tally", tally)

    def forget_tally(self, id: str) -> None:  # noqa: A002 - the API's word
        """One that has ended needs it no more."""
        with suppress(OSError):
            (self._folder / f"{id}.tally").unlink(missing_ok=True)

    def discard(self, id: str) -> None:  # noqa: A002 - the API's word
        """As if it had never been."""
        with suppress(OSError):
            (self._folder / f"{id}.json").unlink(missing_ok=True)
        self.forget_tally(id)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._folder / name, json.dumps(content, separators=(",", ":")))
        except OSError as error:
            message = f"the comparison cannot be kept in {self._folder}: {error.strerror or error}"
            raise StateBroken(message, "free some space or check the permissions") from error


def _read(path: Path) -> Json | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
