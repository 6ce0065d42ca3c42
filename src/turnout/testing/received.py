"""What arrived at a stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

COPY = "x-turnout-mirror"
"""The header that is on copies only: Turnout takes it away from whatever a client sends."""
ATTEMPT = "x-envoy-attempt-count"


class Headers(Mapping[str, str]):
    """Header names are the same in upper and lower case; a header that came several times is joined with commas."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            known = self._values.get(name.lower())
            self._values[name.lower()] = value if known is None else f"{known},{value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


@dataclass(frozen=True, slots=True)
class Pod:
    """Who a stand-in plays. `version`: the label of that name, else the subset that it is in, else `latest`."""

    namespace: str
    workload: str
    name: str
    version: str
    labelled: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.labelled)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived, after everything that routing did to it. `mirrored`: it is a copy.

    `path` has its query. `at_seconds`: when, by a clock that only differences of mean something.
    """

    pod: Pod
    method: str
    path: str
    headers: Headers
    body: bytes
    at_seconds: float

    @property
    def version(self) -> str:
        return self.pod.version

    @property
    def workload(self) -> str:
        return self.pod.workload

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    @property
    def mirrored(self) -> bool:
        return COPY in self.headers

    @property
    def attempt(self) -> int:
        """1, and more for what was tried again."""
        return int(self.headers.get(ATTEMPT, "1"))

    def json(self) -> Any:
        """The body, decoded. Raises ValueError."""
        return json.loads(self.body)
