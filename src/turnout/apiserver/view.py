"""What is no resource (status, logs, figures): `/turnout/v1/<name>`, and all below it for a name that ends with `/`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnout.apiserver.stream import Lines


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """`method` is GET or POST; `body` the parsed JSON, None where there is none; `rest` what follows `<name>/`."""

    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    rest: str = ""


View = Callable[[ViewRequest], Awaitable[Any]]
"""Answers with what JSON can carry, or with an AsyncIterator[str] that is streamed as lines of plain text.

A TurnoutError becomes a `Status`: an ApiError with its own code, another one a 500.
"""


@dataclass(frozen=True, slots=True)
class Exposition:
    """All metrics, in the format that the content type names, piece by piece."""

    content_type: str
    pieces: Lines


Metrics = Callable[[str], Awaitable[Exposition]]
"""Answers a scrape; takes its `Accept` header."""


async def encoded(lines: AsyncIterator[str]) -> Lines:
    """The lines as bytes, each with exactly one line feed."""
    try:
        async for line in lines:
            yield line.rstrip("\n").encode(errors="replace") + b"\n"
    finally:
        close = getattr(lines, "aclose", None)
        if close is not None:
            await close()
