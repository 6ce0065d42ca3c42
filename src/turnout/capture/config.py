"""What a comparer is told: whose answers to compare, which requests are copied, and what nobody may see of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

EVERY_REQUEST = ".*"
MOST_BODY_BYTES = 64 * 1024
"""Of one body. Envoy keeps as much of every copied request under way while a comparison runs."""


@dataclass(frozen=True, slots=True)
class ComparerConfig:
    """All that one comparison needs.

    `admin_socket`: Envoy's. `host`: the service's full name; `stable` and `candidate`: its subsets. `sample`: what
    `x-turnout-id` of a request has to match so that the request is copied. `redaction_key`: in hex, the same for as
    long as one comparison lasts; `secret_headers`, `secret_fields`: more names than those that are secret anyway.
    `expectations`: the path of the file, which need not exist. `share`: of the answers, see `verdict.Standard`.
    """

    admin_socket: str
    host: str
    stable: str
    candidate: str
    redaction_key: str = field(repr=False)
    sample: str = EVERY_REQUEST
    secret_headers: tuple[str, ...] = ()
    secret_fields: tuple[str, ...] = ()
    most_body_bytes: int = MOST_BODY_BYTES
    expectations: str | None = None
    share: float = 0.05

    def as_json(self) -> str:
        """In one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ComparerConfig:
        """What `as_json` wrote. Raises ValueError if it is none."""
        try:
            return cls.of(json.loads(text))
        except TypeError as error:
            raise ValueError(f"no configuration of a comparer: {error}") from error

    @classmethod
    def of(cls, data: object) -> ComparerConfig:
        """From plain data. Raises TypeError if it is none, or a field is missing, or there is one too many."""
        if not isinstance(data, Mapping):
            raise TypeError(f"not an object: {data!r:.40}")
        lists = {each.name for each in fields(cls) if each.type == "tuple[str, ...]"}
        values: dict[str, Any] = {name: tuple(value) if name in lists else value for name, value in data.items()}
        return cls(**values)
