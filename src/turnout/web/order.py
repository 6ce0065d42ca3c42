"""In which layer a box stands, and in which order the layers are. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_PASSES = 24

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Vertex:
    """A box, or, in the layers between two boxes, the place where the line between them passes."""

    key: str
    target: str = ""
    layer: int = -1

    @property
    def passing(self) -> bool:
        return self.layer >= 0


def ranked(keys: Sequence[str], pairs: Collection[Pair]) -> dict[str, int]:
    """Each key's layer: 0, or one behind its last caller. Pairs that would close a cycle do not count."""
    forward = _acyclic(keys, pairs)
    layer = dict.fromkeys(keys, 0)
    for key in reversed(_finished(keys, forward)):
        for target in forward[key]:
            layer[target] = max(layer[target], layer[key] + 1)
    return layer


def _acyclic(keys: Sequence[str], pairs: Collection[Pair]) -> dict[str, list[str]]:
    """Key → its targets, without those that lead back to where a walk came from."""
    targets = _targets(keys, pairs)
    done: set[str] = set()
    forward: dict[str, list[str]] = {key: [] for key in keys}
    for root in _roots(keys, pairs):
        walk: list[tuple[str, Iterator[str]]] = [] if root in done else [(root, iter(targets[root]))]
        under_way = {root}
        while walk:
            key, rest = walk[-1]
            target = next(rest, None)
            if target is None:
                walk.pop()
                under_way.discard(key)
                done.add(key)
            elif target not in under_way:
                forward[key].append(target)
                if target not in done:
                    under_way.add(target)
                    walk.append((target, iter(targets[target])))
    return forward


def _finished(keys: Sequence[str], forward: Mapping[str, Sequence[str]]) -> list[str]:
    """Every key after all of its targets."""
    found: dict[str, None] = {}
    for root in keys:
        walk = [(root, iter(forward[root]))] if root not in found else []
        while walk:
            key, rest = walk[-1]
            target = next((other for other in rest if other not in found), None)
            if target is None:
                walk.pop()
                found[key] = None
            else:
                walk.append((target, iter(forward[target])))
    return list(found)


def _targets(keys: Sequence[str], pairs: Collection[Pair]) -> dict[str, list[str]]:
    targets: dict[str, list[str]] = {key: [] for key in keys}
    for source, target in sorted(pairs):
        if source != target:
            targets[source].append(target)
    return targets


def _roots(keys: Sequence[str], pairs: Collection[Pair]) -> list[str]:
    """Those that nobody calls come first: walks begin where requests do."""
    called = {target for source, target in pairs if source != target}
    return sorted(keys, key=lambda key: (key in called, key))


# --- within the layers


def ordered(ranks: Mapping[str, int], pairs: Collection[Pair]) -> list[list[Vertex]]:
    """The layers from left to right, each from top to bottom, with a place for every line that passes through."""
    behind = _segments(ranks, pairs)
    order = _walked([Vertex(key) for key in _roots(list(ranks), pairs)], behind)
    layers: list[list[Vertex]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for vertex in order:
        layers[vertex.layer if vertex.passing else ranks[vertex.key]].append(vertex)
    before: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in order}
    for vertex, others in behind.items():
        for other in others:
            before[other].append(vertex)
    for _ in range(_PASSES):
        beside = [(layers[at - 1 : at], layers[at + 1 : at + 2]) for at in range(len(layers))]
        swaps = [_swapped(layer, *beside[at], before, behind) for at, layer in enumerate(layers)]
        if not any(swaps):
            break
    return layers


def _segments(ranks: Mapping[str, int], pairs: Collection[Pair]) -> dict[Vertex, list[Vertex]]:
    """Vertex → those in the next layer that a line leads to."""
    behind: dict[Vertex, list[Vertex]] = {Vertex(key): [] for key in ranks}
    for source, target in sorted(pairs):
        last = Vertex(source)
        for layer in range(ranks[source] + 1, ranks[target]):
            passing = Vertex(source, target, layer)
            behind[last].append(passing)
            behind[passing] = []
            last = passing
        if ranks[source] < ranks[target]:
            behind[last].append(Vertex(target))
    return behind


def _walked(roots: Iterable[Vertex], behind: Mapping[Vertex, Sequence[Vertex]]) -> list[Vertex]:
    """Depth first: what belongs together stands together."""
    found: dict[Vertex, None] = {}
    for root in roots:
        walk = [root]
        while walk:
            vertex = walk.pop()
            if vertex not in found:
                found[vertex] = None
                walk.extend(reversed(behind[vertex]))
    return list(found)


def _swapped(
    layer: list[Vertex],
    left: Sequence[Sequence[Vertex]],
    right: Sequence[Sequence[Vertex]],
    before: Mapping[Vertex, Sequence[Vertex]],
    behind: Mapping[Vertex, Sequence[Vertex]],
) -> bool:
    """Swaps neighbours where that saves crossings; whether it did. `left`, `right`: the layer beside, if any."""
    place = {vertex: at for beside in (*left, *right) for at, vertex in enumerate(beside)}
    swapped = False
    for at in range(len(layer) - 1):
        upper, lower = layer[at], layer[at + 1]
        now = sum(_crossings(side[upper], side[lower], place) for side in (before, behind))
        then = sum(_crossings(side[lower], side[upper], place) for side in (before, behind))
        if then < now:
            layer[at], layer[at + 1] = lower, upper
            swapped = True
    return swapped


def _crossings(upper: Sequence[Vertex], lower: Sequence[Vertex], place: Mapping[Vertex, int]) -> int:
    return sum(place[one] > place[other] for one in upper for other in lower)
