"""What all series did within one window, as one compact body.

Numbers of one meaning lie side by side, the low bytes first, then the high ones, which are mostly zero: zlib makes of
that a third of what it makes of a record per series, and Python handles a column at a time.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import floor, log10
from operator import sub
from typing import Literal

from turnout.telemetry.histogram import Bucket
from turnout.telemetry.traffic import Traffic

_DECADES = 16


def _bucket(number: int) -> Bucket:
    if number == 0:
        return 0.0, 0.0
    exponent, mantissa = divmod(number - 1, 90)
    # Envoy's own arithmetic, to the last bit: it says 229.99999999999997 where one would say 230.
    return (mantissa + 10) / 10.0 * 10.0**exponent, 10.0**exponent / 10.0


BUCKETS = tuple(_bucket(number) for number in range(1 + 90 * _DECADES))
"""Envoy's buckets by their number: 0 for zero, then 90 per decade, from 1 up."""
_NUMBERS = {bucket: number for number, bucket in enumerate(BUCKETS)}


def bucket_number(bucket: Bucket) -> int:
    """That of a bucket of Envoy's; of another one that of the bucket in which it begins."""
    number = _NUMBERS.get(bucket)
    return _nearest(bucket[0]) if number is None else number


def _nearest(lower: float) -> int:
    if lower < 1:
        return 0
    exponent = floor(log10(lower))
    return min(exponent * 90 + round(lower / 10.0**exponent * 10) - 10 + 1, len(BUCKETS) - 1)


@dataclass(slots=True)
class Tally:
    """What one series did within some time; `durations` by the buckets' numbers."""

    requests: int = 0
    errors: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    durations: dict[int, int] = field(default_factory=dict)

    def count(self, traffic: Traffic) -> None:
        """Take in what was measured."""
        self.requests += traffic.requests
        self.errors += traffic.errors
        self.request_bytes += traffic.request_bytes
        self.response_bytes += traffic.response_bytes
        self._spread((bucket_number(bucket), count) for bucket, count in traffic.durations.items())

    def add(self, other: Tally) -> None:
        """Take in another one, which stays as it is."""
        self.requests += other.requests
        self.errors += other.errors
        self.request_bytes += other.request_bytes
        self.response_bytes += other.response_bytes
        if self.durations:
            self._spread(other.durations.items())
        else:
            self.durations = dict(other.durations)

    def _spread(self, counts: Iterable[tuple[int, int]]) -> None:
        durations = self.durations
        for number, count in counts:
            durations[number] = durations.get(number, 0) + count

    def traffic(self, seconds: float) -> Traffic:
        """As what it was counted from; `seconds`: how long was looked."""
        return Traffic(
            requests=self.requests,
            errors=self.errors,
            seconds=seconds,
            durations={BUCKETS[number]: count for number, count in self.durations.items()},
            request_bytes=self.request_bytes,
            response_bytes=self.response_bytes,
        )


_NO_DURATIONS = {0: 0}
"""Every series has at least one bucket: then the first of each is found without counting."""


def encode(tallies: Mapping[int, Tally], level: int) -> bytes:
    """`tallies` by the series' numbers; `level`: zlib's."""
    numbers = sorted(tallies)
    of = [tallies[number] for number in numbers]
    lengths, firsts, gaps, counts = _histograms(tally.durations or _NO_DURATIONS for tally in of)
    columns: tuple[Sequence[int], ...] = (
        [len(numbers)],
        list(map(sub, numbers, [0, *numbers])),
        [tally.requests for tally in of],
        [tally.errors for tally in of],
        [tally.request_bytes for tally in of],
        [tally.response_bytes for tally in of],
        lengths,
        firsts,
        gaps,
        counts,
    )
    return zlib.compress(b"".join(map(_packed, columns)), level)


def _histograms(histograms: Iterable[Mapping[int, int]]) -> tuple[list[int], list[int], list[int], list[int]]:
    """How many buckets each has, its first one's number, the steps from each to the next, and what is in them."""
    lengths: list[int] = []
    firsts: list[int] = []
    gaps: list[int] = []
    counts: list[int] = []
    for histogram in histograms:
        numbers = sorted(histogram)
        lengths.append(len(numbers))
        firsts.append(numbers[0])
        gaps.extend(map(sub, numbers[1:], numbers))
        counts.extend(map(histogram.__getitem__, numbers))
    return lengths, firsts, gaps, counts


def decode(body: bytes, wanted: Container[int] | None = None) -> Iterator[tuple[int, Tally]]:
    """The tallies of those series whose number is wanted; None: of all. Raises zlib.error for a damaged body."""
    columns = _Columns(zlib.decompress(body))
    (size,) = columns.next(1)
    numbers = list(accumulate(columns.next(size)))
    places = range(size) if wanted is None else [at for at, number in enumerate(numbers) if number in wanted]
    if not places:
        return
    requests, errors, request_bytes, response_bytes, lengths, firsts = (columns.next(size) for _ in range(6))
    starts = list(accumulate(lengths, initial=0))
    gaps, counts = columns.next(starts[-1] - size), columns.next(starts[-1])
    for at in places:
        # Before it there are as many first buckets, which have no gap, as there are series.
        steps = gaps[starts[at] - at : starts[at + 1] - at - 1]
        found = zip(accumulate(steps, initial=firsts[at]), counts[starts[at] : starts[at + 1]], strict=True)
        durations = {number: count for number, count in found if count}
        yield numbers[at], Tally(requests[at], errors[at], request_bytes[at], response_bytes[at], durations)


_Code = Literal["H", "I", "Q"]
_CODES: dict[int, _Code] = {2: "H", 4: "I", 8: "Q"}


def _packed(column: Sequence[int]) -> bytes:
    """The width of its numbers, then their bytes, in the machine's order: the file is nobody else's."""
    most = max(column, default=0)
    if most < 1 << 8:
        return b"\x01" + bytes(column)
    width = 2 if most < 1 << 16 else 4 if most < 1 << 32 else 8
    flat = array(_CODES[width], column).tobytes()
    return bytes([width]) + b"".join(flat[byte::width] for byte in range(width))


class _Columns:
    """Reads what `_packed` wrote, one column after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)

    def next(self, size: int) -> Sequence[int]:
        width = self._content[0]
        column, self._content = self._content[1 : 1 + size * width], self._content[1 + size * width :]
        if width == 1:
            return column
        flat = bytearray(size * width)
        for byte in range(width):
            flat[byte::width] = column[byte * size : (byte + 1) * size]
        return memoryview(flat).cast(_CODES[width])
