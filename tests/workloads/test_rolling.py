from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from turnout.workloads.backoff import Backoff
from turnout.workloads.rolling import Candidate, Step, next_step


def pod(name: str, age: int = 0, *, old: bool = False, ready: bool = True, hopeless: bool = False) -> Candidate:
    return Candidate(name, age, not old, ready, ready, hopeless)


def test_missing_pods_are_started_at_once() -> None:
    assert next_step(3, []) == Step(start=3)
    assert next_step(3, [pod("a")]) == Step(start=2)


def test_enough_pods_need_no_step() -> None:
    assert next_step(1, [pod("a")]) == Step()
    assert next_step(2, [pod("a"), pod("b", ready=False)]) == Step()


def test_one_new_pod_is_started_beside_the_old_ones() -> None:
    assert next_step(2, [pod("a", old=True), pod("b", old=True)]) == Step(start=1)


def test_an_old_pod_waits_for_a_new_one_that_envoy_does_not_know_yet() -> None:
    new = replace(pod("c", 3), available=False)
    assert next_step(2, [pod("a", old=True), pod("b", old=True), new]) == Step()


def test_the_oldest_goes_first_and_its_place_is_taken_at_once() -> None:
    pods = [pod("b", 2, old=True), pod("a", 1, old=True), pod("c", 3)]
    assert next_step(2, pods) == Step(start=1, drain=("a",))


def test_scaling_down_takes_pods_that_are_not_ready_then_the_youngest() -> None:
    assert next_step(2, [pod("a", 1), pod("b", 2, ready=False), pod("c", 3)]).drain == ("b",)
    assert next_step(1, [pod("a", 1), pod("b", 2), pod("c", 3)]).drain == ("c", "b")


def test_scaling_down_to_nothing_takes_all() -> None:
    assert next_step(0, [pod("a", old=True), pod("b", ready=False)]).drain == ("a", "b")


def test_a_version_that_never_came_up_makes_room_for_the_next() -> None:
    good, bad = pod("good", 1, old=True), pod("bad", 2, old=True, ready=False)
    assert next_step(1, [good, bad]) == Step(start=1, drain=("bad",))


def test_an_old_pod_that_just_crashed_is_kept_while_the_new_version_does_not_come_up() -> None:
    crashed, new = pod("good", 1, old=True, ready=False), pod("new", 2, ready=False)
    assert next_step(1, [crashed, new]) == Step()


def test_what_cannot_come_back_by_itself_goes_as_soon_as_it_is_old() -> None:
    assert next_step(1, [pod("failed", old=True, ready=False, hopeless=True)]) == Step(start=1, drain=("failed",))
    assert next_step(1, [pod("failed", ready=False, hopeless=True)]) == Step()


@dataclass
class World:
    """Plays the engine: pods come up and crash as the test says, and nothing else happens by itself."""

    replicas: int
    broken: frozenset[int]
    version: int = 0
    age: int = 0
    pods: list[Candidate] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def step(self) -> bool:
        available, count = self.available(), len(self.pods)
        step = next_step(self.replicas, self.pods)
        self.pods = [p for p in self.pods if p.name not in step.drain]
        assert self.available() >= min(available, self.replicas), "maxUnavailable 0"
        for _ in range(step.start):
            self.age += 1
            name = f"p{self.age}"
            self.versions[name] = self.version
            self.pods.append(pod(name, self.age, ready=False))
        assert len(self.pods) <= max(count, self.replicas + 1), "maxSurge 1"
        return step != Step()

    def available(self) -> int:
        return sum(p.available for p in self.pods)

    def come_up(self) -> None:
        fine = [p.ready or self.versions[p.name] not in self.broken for p in self.pods]
        self.pods = [replace(p, ready=ok, available=ok) for p, ok in zip(self.pods, fine, strict=True)]

    def save(self) -> None:
        self.version += 1
        self.pods = [replace(p, current=False) for p in self.pods]

    def crash(self, index: int) -> None:
        if self.pods:
            at = index % len(self.pods)
            self.pods[at] = replace(self.pods[at], ready=False, available=False)


EVENTS = st.lists(st.sampled_from(["up", "save", "crash", "scale", "step"]), max_size=25)


@given(
    st.integers(0, 4), EVENTS, st.lists(st.integers(0, 99), min_size=25, max_size=25), st.frozensets(st.integers(0, 9))
)
def test_whatever_happens_service_is_kept_and_a_good_version_arrives(
    replicas: int, events: Sequence[str], numbers: Sequence[int], broken: frozenset[int]
) -> None:
    world = World(replicas, broken)
    for event, number in zip(events, numbers, strict=False):
        match event:
            case "up":
                world.come_up()
            case "save":
                world.save()
            case "crash":
                world.crash(number)
            case "scale":
                world.replicas = number % 5
            case _:
                world.step()
    world.broken = world.broken - {world.version}
    for _ in range(50):
        world.come_up()
        if not world.step():
            break
    assert [p.current and p.available for p in world.pods] == [True] * world.replicas


def test_the_delay_before_a_restart_doubles_up_to_five_minutes() -> None:
    backoff, delays = Backoff(), []
    for _ in range(12):
        backoff = backoff.after(ran_seconds=1.0)
        delays.append(backoff.delay_seconds)
    assert delays == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_ten_good_minutes_are_forgiven() -> None:
    assert Backoff(crashes=9).after(ran_seconds=600.0).delay_seconds == 0
    assert Backoff(crashes=10_000).after(ran_seconds=599.0).delay_seconds == 300
