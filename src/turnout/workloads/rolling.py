"""Which pods to start and which to take out of service: Kubernetes' rolling update, maxSurge 1, maxUnavailable 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_SURGE = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod as the decision sees it, draining ones left out. `age` counts down: the oldest has the lowest."""

    name: str
    age: int
    current: bool
    """Of the version that is wanted now."""
    ready: bool
    available: bool
    """Ready, and Envoy knows it: only such a pod can stand in for another."""
    hopeless: bool = False
    """Nothing of it runs, nor will."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do at once. Nothing of it needs to be waited for: what it leads to asks for the next step."""

    start: int = 0
    drain: tuple[str, ...] = ()


def next_step(replicas: int, pods: Sequence[Candidate]) -> Step:
    """Towards `replicas` pods of the current version, never fewer than that available, nor more than one too many.

    A version that never comes up is in nobody's way: the next one finds its place free.
    """
    if not replicas:
        return Step(drain=tuple(pod.name for pod in pods))
    leaving = [pod for pod in pods if pod.hopeless and not pod.current]
    leaving += _unhealthy(replicas, [pod for pod in pods if pod not in leaving])
    leaving += _surplus(replicas, pods)
    spare = max(sum(pod.available for pod in pods) - sum(pod.available for pod in leaving) - replicas, 0)
    leaving += _replaced(pods, spare)
    left = [pod for pod in pods if pod not in leaving]
    return Step(_missing(replicas, left), tuple(pod.name for pod in leaving))


def _unhealthy(replicas: int, pods: Sequence[Candidate]) -> list[Candidate]:
    """Old pods that are not ready, the youngest first, as Kubernetes' deployment controller counts them.

    While the current version has not come up, an old pod that has just crashed is kept: it may be all there will be.
    """
    unhealthy = sorted((pod for pod in pods if not pod.current and not pod.ready), key=lambda pod: -pod.age)
    starting = sum(pod.current and not pod.available for pod in pods)
    return unhealthy[: max(len(pods) - replicas - starting, 0)]


def _surplus(replicas: int, pods: Sequence[Candidate]) -> list[Candidate]:
    """Scaling down: of the current pods those that are not available first, then the youngest."""
    current = sorted((pod for pod in pods if pod.current), key=lambda pod: (pod.available, pod.ready, -pod.age))
    surplus = current[: max(len(current) - replicas, 0)]
    spare = max(sum(pod.available for pod in pods) - replicas, 0)
    available = [pod for pod in surplus if pod.available]
    return [pod for pod in surplus if not pod.available] + available[:spare]


def _replaced(pods: Sequence[Candidate], spare: int) -> list[Candidate]:
    """Old pods, the oldest first, as many as others stand in for. One that Envoy does not know yet waits."""
    old = sorted((pod for pod in pods if not pod.current and pod.available), key=lambda pod: pod.age)
    return old[:spare]


def _missing(replicas: int, left: Sequence[Candidate]) -> int:
    current = sum(pod.current for pod in left)
    surge = MAX_SURGE if current < len(left) else 0
    return max(min(replicas - current, replicas + surge - len(left)), 0)
