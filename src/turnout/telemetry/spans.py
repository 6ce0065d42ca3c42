"""The spans of the last traced requests, in one bounded SQLite file.

Whole traces are kept or dropped: those that began to arrive first go first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from turnout.database import Database
from turnout.telemetry.span import Span, Trace

MOST_SPANS = 50_000
MOST_BYTES = 64_000_000
"""Of the spans' contents; the file has about twice as many, indexes and all."""
MOST_OF_A_TRACE = 2_000
"""A client that gives every request the same trace would else push everybody else's out."""

SPANS = """
CREATE TABLE traces (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL UNIQUE,
    began REAL NOT NULL,
    ended REAL NOT NULL,
    spans INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX traces_by_time ON traces (began);
CREATE TABLE spans (
    trace_id TEXT NOT NULL,
    source TEXT NOT NULL,
    service TEXT NOT NULL,
    workload TEXT NOT NULL,
    status TEXT NOT NULL,
    error INTEGER NOT NULL,
    mirrored INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX spans_by_trace ON spans (trace_id)
"""
"""The migration that `Spans` needs. `ended` is when the last answer came that was no copy's."""

_TRACE = """
INSERT INTO traces (trace_id, began, ended, spans, bytes) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (trace_id) DO UPDATE SET
    began = min(began, excluded.began),
    ended = max(ended, excluded.ended),
    spans = spans + excluded.spans,
    bytes = bytes + excluded.bytes
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What a trace must be like: it lasted so long, and one and the same of its spans is all the rest.

    `service`: full host name, or its first labels; `workload`: who called or answered; `status`: `503`, `5xx`, or
    `error` for whatever failed; `since`: unix seconds. What is None or empty does not matter.
    """

    service: str = ""
    workload: str = ""
    status: str = ""
    mirrored: bool | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    since: float | None = None
    limit: int = 50


class Spans:
    """To be used from the thread that opened the database, which needs the migration `SPANS`.

    Every method raises StateBroken when the file cannot be read or written; nothing is half done then.
    """

    def __init__(self, database: Database, *, most_spans: int = MOST_SPANS, most_bytes: int = MOST_BYTES) -> None:
        self._database = database
        self._most_spans = most_spans
        self._most_bytes = most_bytes
        self._spans, self._bytes = self._total()

    def __len__(self) -> int:
        return self._spans

    def add(self, spans: Iterable[Span]) -> int:
        """Keeps them, at the expense of the oldest; returns how many of a far too large trace were not kept."""
        dropped = 0
        try:
            with self._database.transaction():
                for trace_id, group in groupby(sorted(spans, key=_trace_of), key=_trace_of):
                    dropped += self._add(trace_id, list(group))
                self._make_room()
        except BaseException:
            self._spans, self._bytes = self._total()
            raise
        return dropped

    def _add(self, trace_id: str, spans: list[Span]) -> int:
        rows = self._database.query("SELECT spans FROM traces WHERE trace_id = ?", (trace_id,))
        kept = spans[: max(0, MOST_OF_A_TRACE - (rows[0][0] if rows else 0))]
        if not kept:
            return len(spans)
        bodies = [json.dumps(_body(span), separators=(",", ":")) for span in kept]
        size = sum(map(len, bodies))  # ASCII: json escapes what is not
        began = min(span.at for span in kept)
        ended = max((span.end for span in kept if not span.mirrored), default=began)
        self._database.execute(_TRACE, (trace_id, began, ended, len(kept), size))
        for span, body in zip(kept, bodies, strict=True):
            columns = (span.source, span.service, span.workload, span.status, span.error, span.mirrored)
            self._database.execute("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (trace_id, *columns, body))
        self._spans += len(kept)
        self._bytes += size
        return len(spans) - len(kept)

    def _make_room(self) -> None:
        while self._spans > self._most_spans or self._bytes > self._most_bytes:
            ((number, trace_id, spans, size),) = self._database.query(
                "SELECT number, trace_id, spans, bytes FROM traces ORDER BY number LIMIT 1"
            )
            self._database.execute("DELETE FROM spans WHERE trace_id = ?", (trace_id,))
            self._database.execute("DELETE FROM traces WHERE number = ?", (number,))
            self._spans -= spans
            self._bytes -= size

    def _total(self) -> tuple[int, int]:
        ((spans, size),) = self._database.query("SELECT coalesce(sum(spans), 0), coalesce(sum(bytes), 0) FROM traces")
        return spans, size

    def search(self, search: Search) -> list[Trace]:
        """The latest first."""
        conditions, parameters = _of_trace(search)
        of_span, more = _of_span(search)
        if of_span:
            wanted = " AND ".join(("spans.trace_id = traces.trace_id", *of_span))
            conditions.append(f"EXISTS (SELECT 1 FROM spans WHERE {wanted})")  # noqa: S608 # all words are ours
        found = self._database.query(
            f"SELECT trace_id FROM traces WHERE {' AND '.join(conditions)} ORDER BY began DESC LIMIT ?",  # noqa: S608 # as above
            (*parameters, *more, search.limit),
        )
        traces = (self.trace(trace_id) for (trace_id,) in found)
        return [trace for trace in traces if trace is not None]

    def ids(self, prefix: str, limit: int = 2) -> list[str]:
        """Of traces whose id begins so, in hexadecimal digits."""
        low, high = prefix.ljust(32, "0"), prefix.ljust(32, "f")
        query = "SELECT trace_id FROM traces WHERE trace_id BETWEEN ? AND ? LIMIT ?"
        return [trace_id for (trace_id,) in self._database.query(query, (low, high, limit))]

    def trace(self, trace_id: str) -> Trace | None:
        """All that is kept of one."""
        rows = self._database.query("SELECT body FROM spans WHERE trace_id = ?", (trace_id,))
        return Trace.of(_span(trace_id, json.loads(body)) for (body,) in rows) if rows else None


def _trace_of(span: Span) -> str:
    return span.trace_id


def _body(span: Span) -> dict[str, object]:
    """What is empty is left out: most spans have half of the fields."""
    return {name: value for name in Span.__slots__ if (value := getattr(span, name)) and name != "trace_id"}


def _span(trace_id: str, body: Mapping[str, object]) -> Span:
    """One that another version of Turnout wrote may have fields that this one does not know."""
    return Span(trace_id, **{name: value for name, value in body.items() if name in Span.__slots__})  # type: ignore[arg-type] # as _body wrote them


def _of_trace(search: Search) -> tuple[list[str], list[object]]:
    given = {
        "began >= ?": search.since,
        "(ended - began) * 1000 >= ?": search.min_ms,
        "(ended - began) * 1000 <= ?": search.max_ms,
    }
    found = {condition: value for condition, value in given.items() if value is not None}
    return ["TRUE", *found], list(found.values())


def _of_span(search: Search) -> tuple[list[str], list[object]]:
    pairs = list(_conditions(search))
    return [condition for condition, _ in pairs], [value for _, values in pairs for value in values]


def _conditions(search: Search) -> Iterator[tuple[str, tuple[object, ...]]]:
    if search.service:
        yield "(service = ? OR substr(service, 1, length(?) + 1) = ? || '.')", (search.service,) * 3
    if search.workload:
        yield "? IN (source, workload)", (search.workload,)
    if search.mirrored is not None:
        yield "mirrored = ?", (search.mirrored,)
    if search.status == "error":
        yield "error", ()
    elif search.status.endswith("xx"):
        yield "substr(status, 1, 1) = ?", (search.status[:1],)
    elif search.status:
        yield "status = ?", (search.status,)
