"""What a client got."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from turnout.testing.received import Headers, Received

_SHOWN_BYTES = 80


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """`received`: the request as the stand-in that answered had it; None where Envoy answered by itself.

    `seconds`: from the request to the whole answer.
    """

    status: int
    headers: Headers
    body: bytes
    seconds: float
    received: Received | None

    @property
    def version(self) -> str:
        """Of whoever answered; empty where Envoy answered by itself."""
        return self.received.version if self.received else ""

    @property
    def workload(self) -> str:
        """The name of whoever answered; empty where Envoy answered by itself."""
        return self.received.workload if self.received else ""

    @property
    def attempts(self) -> int:
        """How many times it was tried until somebody answered; 0 where nobody but Envoy did."""
        return self.received.attempt if self.received else 0

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body, decoded. Raises ValueError."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        if self.received:
            return f"<Response {self.status} from {self.workload}, version {self.version}>"
        return f"<Response {self.status} from Envoy itself: {self.text[:_SHOWN_BYTES]!r}>"
