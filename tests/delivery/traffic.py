"""A service whose requests go where a rollout's decisions send them.

Nothing is left to chance: shares come out as exactly as whole requests can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from turnout.delivery import rollout
from turnout.delivery.evidence import Compared, Counts, Evidence, Stream
from turnout.delivery.plan import STABLE, Plan, Routing
from turnout.delivery.rollout import State, Step, begin

Bad = Mapping[str, tuple[float, float]]
"""Guard → the shares of bad requests, of candidate and stable."""
TESTERS = 0.03
PAIRS_TO_BE_SURE = 200


@dataclass
class Service:
    """`bad` of a guard that is not named is nothing."""

    plan: Plan
    rate: float = 200.0
    bad: Bad = field(default_factory=dict)
    epoch: str = "envoy-1"
    candidate_ready: bool = True
    stable_ready: bool = True
    so_far: defaultdict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float))

    def look(self, routing: Routing, seconds: float = 1.0) -> Evidence:
        """After that many more seconds."""
        requests = self.rate * seconds
        copies = requests * float(routing.mirror_percent) / 100
        candidates = copies or requests * (TESTERS if routing.users else routing.weight)
        stables = requests if copies or not routing.exposes else requests - candidates
        self.so_far["candidate",] += candidates
        self.so_far["stable",] += stables
        self.so_far["copied rule",] += candidates if routing.compare else stables
        for guard in self.plan.guards:
            shares = self.bad.get(guard.name, (0.0, 0.0))
            self.so_far[guard.name, "candidate"] += candidates * shares[0]
            self.so_far[guard.name, "stable"] += stables * shares[1]
        candidate, stable = self._whole("candidate"), self._whole("stable")
        return Evidence(
            self.epoch,
            candidate,
            self._whole("copied rule") if copies else candidate + stable,
            {guard.name: self._counts(guard.name, candidate, stable) for guard in self.plan.guards},
            self.candidate_ready,
            self.stable_ready,
            self._compared(candidates if routing.compare else 0.0),
        )

    def _compared(self, pairs: float) -> Compared | None:
        """A comparison that is sure after so many pairs; of a step that compares nothing there is none."""
        self.so_far["pairs",] = self.so_far["pairs",] + pairs if pairs else 0.0
        guard = next((guard for guard in self.plan.guards if guard.kind == "regressions"), None)
        if not pairs or guard is None:
            return None
        candidate, stable = self.bad.get(guard.name, (0.0, 0.0))
        count = self._whole("pairs")
        if count < PAIRS_TO_BE_SURE:
            return Compared("open", count, count, "too few pairs")
        return Compared("worse" if candidate > stable + guard.tolerance else "fine", count, count, "sure")

    def _whole(self, *key: str) -> int:
        return int(self.so_far[key] + 1e-6)

    def _counts(self, guard: str, candidate: int, stable: int) -> Counts:
        return Counts(Stream(self._whole(guard, "candidate"), candidate), Stream(self._whole(guard, "stable"), stable))


@dataclass
class Rollout:
    """A plan that is carried out at once, looked at every second."""

    plan: Plan
    service: Service
    now: float = 1_000_000.0
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.steps:
            self.steps.append(begin(self.plan, self.now, self.service.look(STABLE)))
        self.in_force = self.last.decision.routing

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def state(self) -> State:
        return self.last.state

    def look(self, seconds: float = 1.0, *, seen: bool = True) -> Step:
        self.now += seconds
        evidence = self.service.look(self.in_force, seconds)
        return self.take(rollout.step(self.plan, self.state, evidence if seen else None, self.now))

    def take(self, step: Step) -> Step:
        """A decision is carried out."""
        self.steps.append(step)
        if step.decision.action in {"apply", "abort"}:
            self.in_force = step.decision.routing
        return step

    def until(self, true: Callable[[Step], bool], looks: int = 5000) -> Step:
        for _ in range(looks):
            if true(self.look()):
                return self.last
        raise AssertionError(f"not within {looks} looks: {self.last.decision}")

    def at(self, index: int) -> Step:
        """When a step begins."""
        return self.until(lambda step: step.state.at == index)

    def end(self) -> Step:
        return self.until(lambda step: step.state.phase != "running")
