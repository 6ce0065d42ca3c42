"""One request, and what two processes answered to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["candidate", "baseline"]
"""Who got the copy: the version on trial, or the stable version once more. What *that* answers differently is noise."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer, as it was captured.

    `key` is the request's, the same on its copies; `path` is the request's, query and all. `headers`: names in lower
    case, one may come several times. `body`: as on the wire, content codings still on. `truncated`: whoever captured
    it kept no more of it. `local_reply`: the proxy's flags if it answered itself (`UT`, `UF`, `UO`), "" if the
    workload did. `status` 0: nobody answered.
    """

    key: str
    route: str
    method: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    duration_ms: float | None = None
    local_reply: str = ""

    @property
    def answered(self) -> bool:
        """Whether the workload said anything. A proxy's reply says nothing about the workload's answer."""
        return self.status > 0 and not self.local_reply

    @property
    def content_length(self) -> int | None:
        """What the headers promise, in bytes; None if they promise nothing, or nonsense."""
        promised = self.header("content-length")
        return int(promised) if promised is not None and promised.isascii() and promised.isdecimal() else None

    @property
    def cut(self) -> bool:
        """Whether the body ended early: a connection that was reset leaves a status, headers, and no other mark.

        An empty body that nothing announced as empty may be one that never came: it counts as cut.
        """
        if self.method == "HEAD" or self.status in (204, 304) or self.truncated:
            return False
        if self.content_length is None:
            return not self.body
        return len(self.body) < self.content_length

    def header(self, name: str) -> str | None:
        """All values of a header in one, as RFC 9110 (5.3) allows; None if it is not there."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Pair:
    """What the stable version answered, and what its copy's receiver did. `side` says who that is."""

    stable: Exchange
    copy: Exchange
    side: Side

    def __post_init__(self) -> None:
        assert self.stable.key == self.copy.key, "a pair is two answers to one request"
