"""What client libraries do who keep a copy of all objects: list, watch from there, and list again when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

NUMBER = "test.turnout.dev/n"

Object = dict[str, Any]


class Gone(Exception):
    """410: the version is not known any more."""


class Broken(Exception):
    """The connection ended, or nobody answers."""


class Source(Protocol):
    """A client library, as far as an informer needs it. Raises Gone, Broken."""

    def listed(self) -> tuple[str, Sequence[Object]]:
        """The list's resourceVersion, and all objects."""

    def watched(self, version: str) -> Iterator[tuple[str, Object]]:
        """Type and object of the events after the version; ends when the server ends it."""


def number(obj: Object) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(NUMBER, 0))


@dataclass(slots=True)
class Informer:
    """Follows `source` in a thread until `stop`."""

    source: Source
    known: dict[str, Object] = field(default_factory=dict)
    seen: dict[str, list[int]] = field(default_factory=dict)
    """Object → its numbers, as events told of them."""
    lists: list[dict[str, int]] = field(default_factory=list)
    """Each list's numbers."""
    gone: int = 0
    resumed: int = 0
    """Watches that went on where one had broken."""
    stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self, poke: Callable[[], object]) -> None:
        """`poke` changes an object: some clients' watches end only when something comes."""
        self.stopped.set()
        poke()
        assert self._thread is not None
        self._thread.join(15)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopped.wait(0.02):
            try:
                self._follow(self._list())
            except Gone:
                self.gone += 1
            except Broken:
                continue

    def _list(self) -> str:
        version, objects = self.source.listed()
        self.known = {obj["metadata"]["name"]: obj for obj in objects}
        self.lists.append({name: number(obj) for name, obj in self.known.items()})
        return version

    def _follow(self, version: str) -> None:
        while not self.stopped.wait(0.02):
            try:
                for kind, obj in self.source.watched(version):
                    version = obj["metadata"]["resourceVersion"]
                    self._take(kind, obj)
                    if self.stopped.is_set():
                        return
            except Broken:
                self.resumed += 1

    def _take(self, kind: str, obj: Object) -> None:
        if kind == "BOOKMARK":
            return
        name = obj["metadata"]["name"]
        if kind == "DELETED":
            self.known.pop(name, None)
            return
        self.known[name] = obj
        self.seen.setdefault(name, []).append(number(obj))

    def missed(self, name: str, written: Sequence[int]) -> set[int]:
        """Of what was written to an object, what neither an event told nor a list made up for."""
        covered = max(listed.get(name, 0) for listed in self.lists)
        return {value for value in written if value not in self.seen.get(name, []) and value > covered}
