"""One comparison as it goes on: batches in, a report out. No I/O but the expectations file's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from turnout.capture.config import ComparerConfig
from turnout.capture.expectations import ExpectationsFile
from turnout.capture.looks import Looks
from turnout.capture.pairing import REASONS, Pairing, Unpaired
from turnout.capture.trace import traces
from turnout.delivery.comparison import record, report
from turnout.delivery.comparison.difference import Rules, compare
from turnout.delivery.comparison.exchange import Pair, Side
from turnout.delivery.comparison.judgement import judge
from turnout.delivery.comparison.kind import Part
from turnout.delivery.comparison.secret import FIELDS, HEADERS, Redaction
from turnout.delivery.comparison.tally import Tally
from turnout.delivery.comparison.verdict import Judgement, Standard

Line = dict[str, Any]


class Comparison:
    """`take` batches, `look` now and then, `line` for whoever watches. `now` is in seconds and never goes back."""

    def __init__(self, config: ComparerConfig, tally: Tally | None = None) -> None:
        """`tally`: what an earlier process of this comparison had come to."""
        self._config = config
        self._redaction = Redaction(
            bytes.fromhex(config.redaction_key),
            (*HEADERS, *(name.lower() for name in config.secret_headers)),
            (*FIELDS, *config.secret_fields),
        )
        self._rules = Rules(self._redaction)
        self._pairing = Pairing(config.host, config.stable, config.candidate)
        self._expectations = ExpectationsFile(Path(config.expectations) if config.expectations else None)
        self.tally = Tally() if tally is None else tally
        self._looks = Looks(self.pairs("candidate"))
        self._judgement: Judgement | None = None
        self._report: Line | None = None
        self._captured = 0
        self._dropped = 0

    def take(self, batch: bytes, now: float) -> None:
        """One batch of Envoy's tap. What follows on something that cannot be read is dropped."""
        try:
            for trace in traces(batch):
                self._captured += 1
                for found in self._pairing.add(trace, now) if trace else ():
                    self._count(found)
        except ValueError:
            self._dropped += 1
        self._expire(now)

    def _count(self, found: Pair | Unpaired) -> None:
        match found:
            case Unpaired(route, side, reason):
                self.tally.unpaired(route, side, reason)
            case Pair():
                self.tally.add(found, compare(found, self._rules), self._redaction)

    def _expire(self, now: float) -> None:
        for unpaired in self._pairing.expire(now):
            self._count(unpaired)

    def look(self, now: float, *, final: bool = False) -> None:
        """Judge, if there is reason to: twice as many pairs, other expectations, or the end."""
        self._expire(now)
        pairs = self.pairs("candidate")
        is_changed = self._expectations.refresh() and self._judgement is not None
        is_resumed = self._judgement is None and self._looks.number > 0
        is_last = final and self._looks.is_worth_it(pairs)
        if is_last or is_changed or is_resumed or self._looks.is_due(pairs):
            standard = Standard(look=self._looks.take(pairs), share=self._config.share)
            self._judgement = judge(self.tally, self._expectations.expectations, standard)
            self._report = report.plain(self._judgement)

    def line(self, problem: str | None = None, share: float = 1.0, dropped: int = 0) -> Line:
        """What there is to say, as `json.dumps` takes it. The report is the same object until the next look.

        `problem`: why nothing is captured, if so; `share`: what part of the sample is, where there is too much;
        `dropped`: how many answers were captured for nothing.
        """
        judgement = self._judgement
        return {
            "report": self._report,
            "verdict": judgement.verdict.value if judgement else "unsure",
            "settled": judgement.is_settled if judgement else False,
            "pairs": {"candidate": self.pairs("candidate"), "baseline": self.pairs("baseline")},
            "unpaired": self._unpaired(),
            "dropped": self._dropped + dropped,
            "captured": self._captured,
            "share": share,
            "problem": problem or self._expectations.problem,
        }

    def pairs(self, side: Side) -> int:
        """How many there are in which stable answered."""
        return sum(route.parts[side, Part.RESPONSE] for route in self.tally.routes.values())

    def _unpaired(self) -> int:
        lacks = (route.lacks for route in self.tally.routes.values())
        return sum(count for each in lacks for (_, reason), count in each.items() if reason in REASONS)

    def record(self) -> Line:
        """The tally, for a process that goes on with it."""
        return record.plain(self.tally)
