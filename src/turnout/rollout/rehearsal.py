"""A rollout's plan tried on recorded traffic: how often it would go back for nothing, and what it would miss.

Recorded requests are dealt to candidate and stable as each step says, so both are the same version: a rollout that goes
back has erred. With a fault, some of the candidate's requests fail, or all take longer: then it should. Recorded
windows follow each other as they did, from a random one on, so that what came in bursts does so again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from statistics import median
from typing import Literal

from turnout.delivery import rollout
from turnout.delivery.evidence import Compared, Counts, Evidence, Stream
from turnout.delivery.plan import STABLE, Plan, Routing
from turnout.delivery.rollout import Step
from turnout.rollout.chance import binomial, hypergeometric
from turnout.rollout.recorded import Bad, Recorded, Window

Fault = Literal["none", "errors", "delay"]
End = Literal["finished", "aborted", "undecided"]
FAILING = 0.05
"""The share of the candidate's requests that the fault `errors` lets fail."""
GROUP = 0.05
"""The share of requests that a group of users is taken for: how large it is nobody knows before."""
PAIRS = 200
"""Answers after which a comparison is taken to be sure; that it is right is not rehearsed here."""
LOOKS_A_STEP = 6
CLOSE_LOOKS = 120
"""With a fault: so many looks of one window each before longer ones do."""
AT_ONCE = 10
"""Runs that one process is given at a time."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What is tried. `baseline`: the share of copies that stable answers, too."""

    plan: Plan
    recorded: Recorded
    baseline: float = 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """How one rollout went: `seconds` until its end, in which the candidate got so many `requests`.

    `guard`: the one that said worse. `step`: the index of the one it ended in.
    """

    end: End
    seconds: float
    requests: int
    step: int
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Of all runs with one fault."""

    fault: Fault
    runs: Sequence[Run]

    def count(self, end: End) -> int:
        return sum(run.end == end for run in self.runs)

    def median_seconds(self, end: End) -> float | None:
        """Of those that ended so."""
        return median([run.seconds for run in self.runs if run.end == end]) if self.count(end) else None

    def median_requests(self, end: End) -> float | None:
        return median([run.requests for run in self.runs if run.end == end]) if self.count(end) else None

    @property
    def guards(self) -> Counter[str]:
        """Who took it back, how often."""
        return Counter(run.guard for run in self.runs if run.guard)


def faults(rehearsed: Rehearsed) -> tuple[Fault, ...]:
    """Those that some guard is there to see, and first none."""
    kinds = {guard.kind for guard in rehearsed.plan.guards}
    found: list[Fault] = ["none"]
    found += ["errors"] if "errors" in kinds else []
    found += ["delay"] if "slow" in kinds else []
    return tuple(found)


def rehearse(rehearsed: Rehearsed, fault: Fault, count: int, seed: int) -> Result:
    """The same seed gives the same runs, however many processes there are."""
    batches = [range(at, min(at + AT_ONCE, count)) for at in range(0, count, AT_ONCE)]
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(batches))) as processes:
        found = list(processes.map(partial(_batch, rehearsed, fault, seed), batches))
    return Result(fault, [run for batch in found for run in batch])


def _batch(rehearsed: Rehearsed, fault: Fault, seed: int, numbers: range) -> list[Run]:
    return [run(rehearsed, fault, Random(f"{seed} {number}")) for number in numbers]  # noqa: S311 - to be repeated, not to be secret


def run(rehearsed: Rehearsed, fault: Fault, random: Random) -> Run:
    """One rollout from its beginning to its end, or until it stays where it is."""
    plan, traffic = rehearsed.plan, _Traffic(rehearsed, fault, random)
    begun = rollout.begin(plan, 0.0, traffic.evidence(STABLE))
    step = replace(begun, state=replace(begun.state, limits=dict(rehearsed.recorded.limits)))
    longest = sum(stage.max_seconds or stage.min_seconds for stage in plan.steps) + 1
    while step.state.phase == "running" and traffic.now <= longest:
        traffic.flow(step.decision.routing)
        step = _followed(plan, step, traffic)
    return _ended(step, traffic)


def _followed(plan: Plan, step: Step, traffic: _Traffic) -> Step:
    """A pause that waits for somebody is ended at once."""
    if plan.steps[step.state.at].until_resumed and not step.state.released:
        return rollout.resume(plan, step.state, traffic.now)
    return rollout.step(plan, step.state, traffic.evidence(step.decision.routing), traffic.now)


def _ended(step: Step, traffic: _Traffic) -> Run:
    """One that goes back because time is up has proven nothing."""
    guard = next((verdict.guard for verdict in step.decision.verdicts if verdict.kind == "worse"), "")
    end: End = "undecided"
    if step.state.phase == "finished":
        end = "finished"
    elif step.state.phase == "aborted" and guard:
        end = "aborted"
    return Run(end, traffic.now, traffic.candidates, step.state.at, guard if end == "aborted" else "")


class _Traffic:
    """Recorded requests, dealt out. Counts are cumulative, as evidence is; `now` are the windows' own seconds."""

    def __init__(self, rehearsed: Rehearsed, fault: Fault, random: Random) -> None:
        self.now = 0.0
        self.candidates = 0
        self._stables = 0
        self._asked = 0
        self._pairs = 0
        self._bad: Counter[tuple[str, str]] = Counter()
        self._rehearsed = rehearsed
        self._fault = fault
        self._random = random
        self._kinds = {guard.name: guard.kind for guard in rehearsed.plan.guards}
        self._windows = rehearsed.recorded.windows
        self._at = random.randrange(len(self._windows))
        self._close_looks = CLOSE_LOOKS if fault != "none" else 0
        least = min((stage.min_seconds for stage in rehearsed.plan.steps if stage.min_seconds), default=1.0)
        self._look_seconds = least / LOOKS_A_STEP

    def flow(self, routing: Routing) -> None:
        """Until the next look."""
        self._pairs = self._pairs if routing.compare else 0
        for window in self._until_next_look():
            self.now += window.seconds
            if routing.mirror_percent:
                self._copy(routing, window)
            else:
                self._deal(routing, window)

    def _until_next_look(self) -> Iterator[Window]:
        left = self._look_seconds if self._close_looks <= 0 else 0.0
        self._close_looks -= 1
        while True:
            window = self._windows[self._at]
            self._at = (self._at + 1) % len(self._windows)
            yield window
            left -= window.seconds
            if left <= 0:
                return

    def _deal(self, routing: Routing, window: Window) -> None:
        """Each request goes to one of the two."""
        candidates = binomial(self._random, window.requests, GROUP if routing.users else routing.weight)
        self._asked += window.requests
        self.candidates += candidates
        self._stables += window.requests - candidates
        for guard, found in window.guards.items():
            bad = hypergeometric(self._random, window.requests, found.bad, candidates)
            self._bad[guard, "candidate"] += bad + self._faulty(guard, window, found, candidates, bad)
            self._bad[guard, "stable"] += found.bad - bad

    def _copy(self, routing: Routing, window: Window) -> None:
        """Stable answers all; the candidate gets copies, and stable of these a part."""
        copies = binomial(self._random, window.requests, float(routing.mirror_percent) / 100)
        baseline = binomial(self._random, copies, self._rehearsed.baseline) if self._rehearsed.baseline else copies
        self._asked += copies if routing.compare else window.requests
        self._pairs += copies if routing.compare else 0
        self.candidates += copies
        self._stables += baseline
        for guard, found in window.guards.items():
            bad = hypergeometric(self._random, window.requests, found.bad, copies)
            self._bad[guard, "candidate"] += bad + self._faulty(guard, window, found, copies, bad)
            self._bad[guard, "stable"] += hypergeometric(self._random, window.requests, found.bad, baseline)

    def _faulty(self, guard: str, window: Window, found: Bad, requests: int, bad: int) -> int:
        """Of the requests that were good, how many the fault makes bad."""
        kind = self._kinds[guard]
        if self._fault == "errors" and kind == "errors":
            return binomial(self._random, requests - bad, FAILING)
        if self._fault == "delay" and kind == "slow":
            return hypergeometric(self._random, window.requests - found.bad, found.delayed, requests - bad)
        return 0

    def evidence(self, routing: Routing) -> Evidence:
        """All that was counted until now."""
        guards = {guard.name: self._counts(guard.name) for guard in self._rehearsed.plan.guards}
        kind: Literal["fine", "open"] = "fine" if self._pairs >= PAIRS else "open"
        compared = Compared(kind, self._pairs, self._pairs, "not rehearsed") if routing.compare else None
        return Evidence("recorded", self.candidates, self._asked, guards, compared=compared)

    def _counts(self, guard: str) -> Counts:
        candidate = Stream(self._bad[guard, "candidate"], self.candidates)
        return Counts(candidate, Stream(self._bad[guard, "stable"], self._stables))
