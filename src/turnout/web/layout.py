"""Where the boxes and lines of the service graph stand. Pure: the same graph always looks the same.

Layers from left to right, after Sugiyama, Tagawa and Toda (1981): cycles are broken by a depth-first walk, each box
stands one layer behind the last of its callers, lines over several layers get a place in each. The walk also gives the
first order within the layers; neighbours are swapped only where that saves a crossing. So a new line moves little:
boxes keep their order unless they must not, and each is as near to those it is linked with as its neighbours allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from turnout.web.order import Vertex, ordered, ranked
from turnout.web.spacing import spread

BOX_WIDTH = 172.0
HEAD_HEIGHT = 30.0
ROW_HEIGHT = 44.0
FOOT_HEIGHT = 6.0
LAYER_GAP = 140.0
BOX_GAP = 26.0
LINE_GAP = 22.0
MARGIN = 16.0
LABEL_HEIGHT = 19.0
LABEL_WIDTH = 118.0
_SWEEPS = 8
_LOOP = 46.0


@dataclass(frozen=True, slots=True)
class Box:
    """A service: its key, and the ids of its versions from top to bottom."""

    key: str
    rows: tuple[str, ...]

    @property
    def height(self) -> float:
        return HEAD_HEIGHT + ROW_HEIGHT * len(self.rows) + FOOT_HEIGHT


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Calls from one row to another. `lane` tells those between the same two apart."""

    source: str
    target: str
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle; `x` and `y` are those of its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Line:
    """`path`: as SVG writes it. (`x`, `y`): the middle of its label; `crowded`: others have pushed that away."""

    path: str
    x: float
    y: float
    crowded: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything lies within `frame`."""

    frame: Place
    boxes: Mapping[str, Place]
    rows: Mapping[str, Place]
    lines: Mapping[Link, Line]


def arrange(boxes: Iterable[Box], links: Iterable[Link]) -> Layout:
    """Every link's ends are rows of the boxes. Boxes that nothing links stand below the others."""
    known = {box.key: box for box in sorted(boxes, key=lambda box: box.key)}
    home = {row: box.key for box in known.values() for row in box.rows}
    lines = sorted(links)
    pairs = {(home[link.source], home[link.target]) for link in lines}
    linked = {key for pair in pairs for key in pair}
    ranks = ranked([key for key in known if key in linked], pairs)
    layers = ordered(ranks, pairs)
    middles = _middles(layers, known, [(home[link.source], home[link.target], link) for link in lines])
    places = _stood(layers, known, middles)
    places |= _beside([known[key] for key in known if key not in linked], places)
    rows = {row: place for key, box in known.items() for row, place in _rows(box, places[key])}
    drawn = _drawn(lines, home, ranks, places, rows, middles)
    return _framed({key: places[key] for key in known}, rows, drawn)


def _rows(box: Box, place: Place) -> Iterator[tuple[str, Place]]:
    for at, row in enumerate(box.rows):
        yield row, Place(place.x, place.y + HEAD_HEIGHT + at * ROW_HEIGHT, place.width, ROW_HEIGHT)


# --- up and down


def _middles(
    layers: Sequence[Sequence[Vertex]], known: Mapping[str, Box], links: Sequence[tuple[str, str, Link]]
) -> dict[Vertex, float]:
    """The middle of each vertex, in its layer's order: the straighter its lines, the better."""
    layer_of = {vertex: at for at, layer in enumerate(layers) for vertex in layer}
    before: dict[Vertex, list[tuple[Vertex, float]]] = {vertex: [] for vertex in layer_of}
    behind: dict[Vertex, list[tuple[Vertex, float]]] = {vertex: [] for vertex in layer_of}
    for source, target, link in links:
        for left, right in _segments(source, target, layer_of):
            shift = _offset(left, link.source, known) - _offset(right, link.target, known)
            before[right].append((left, shift))
            behind[left].append((right, -shift))
    middles = {vertex: 0.0 for layer in layers for vertex in layer}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            wanted = [_wanted(vertex, (before if forward else behind)[vertex], middles) for vertex in layer]
            heights = [_height(vertex, known) for vertex in layer]
            middles.update(zip(layer, spread(wanted, _distances(layer, heights)), strict=True))
    return middles


def _segments(source: str, target: str, layer_of: Mapping[Vertex, int]) -> Iterator[tuple[Vertex, Vertex]]:
    """A line from one layer to the next, each; none for what stays in a layer or leads back."""
    stops = route(source, target, layer_of)
    yield from pairwise(stops)


def route(source: str, target: str, layer_of: Mapping[Vertex, int]) -> list[Vertex]:
    """What a link passes from box to box; empty for what stays in a layer or leads back."""
    first, last = layer_of[Vertex(source)], layer_of[Vertex(target)]
    between = [Vertex(source, target, layer) for layer in range(first + 1, last)]
    return [Vertex(source), *between, Vertex(target)] if first < last else []


def _wanted(vertex: Vertex, neighbours: Sequence[tuple[Vertex, float]], middles: Mapping[Vertex, float]) -> float:
    if not neighbours:
        return middles[vertex]
    return sum(middles[other] + shift for other, shift in neighbours) / len(neighbours)


def _offset(vertex: Vertex, row: str, known: Mapping[str, Box]) -> float:
    """From the middle of a box to that of one of its rows; a line's place has none."""
    if vertex.passing:
        return 0.0
    box = known[vertex.key]
    if row not in box.rows:
        return 0.0
    return HEAD_HEIGHT + (box.rows.index(row) + 0.5) * ROW_HEIGHT - box.height / 2


def _height(vertex: Vertex, known: Mapping[str, Box]) -> float:
    return LINE_GAP if vertex.passing else known[vertex.key].height


def _distances(layer: Sequence[Vertex], heights: Sequence[float]) -> list[float]:
    """From middle to middle, at least."""
    found = []
    for at in range(len(layer) - 1):
        gap = LINE_GAP / 2 if layer[at].passing or layer[at + 1].passing else BOX_GAP
        found.append((heights[at] + heights[at + 1]) / 2 + gap)
    return found


# --- places


def _left(layer: int) -> float:
    return layer * (BOX_WIDTH + LAYER_GAP)


def _stood(
    layers: Sequence[Sequence[Vertex]], known: Mapping[str, Box], middles: Mapping[Vertex, float]
) -> dict[str, Place]:
    return {
        vertex.key: Place(
            _left(at), middles[vertex] - known[vertex.key].height / 2, BOX_WIDTH, known[vertex.key].height
        )
        for at, layer in enumerate(layers)
        for vertex in layer
        if not vertex.passing
    }


def _beside(boxes: Sequence[Box], placed: Mapping[str, Place]) -> dict[str, Place]:
    """In rows below everything, as wide as that is, but no less than three."""
    columns = max(3, round(max((place.right for place in placed.values()), default=0.0) / (BOX_WIDTH + BOX_GAP)))
    top = max((place.y + place.height for place in placed.values()), default=-2 * BOX_GAP) + 2 * BOX_GAP
    found: dict[str, Place] = {}
    for begin in range(0, len(boxes), columns):
        shelf = boxes[begin : begin + columns]
        for at, box in enumerate(shelf):
            found[box.key] = Place(at * (BOX_WIDTH + BOX_GAP), top, BOX_WIDTH, box.height)
        top += max(box.height for box in shelf) + BOX_GAP
    return found


# --- lines


def _drawn(
    links: Sequence[Link],
    home: Mapping[str, str],
    ranks: Mapping[str, int],
    places: Mapping[str, Place],
    rows: Mapping[str, Place],
    middles: Mapping[Vertex, float],
) -> dict[Link, Line]:
    layer_of = {vertex: ranks[vertex.key] for vertex in middles if not vertex.passing}
    bottom = max((place.y + place.height for place in places.values()), default=0.0)
    found: dict[Link, Line] = {}
    for link in links:
        begin, end = rows[link.source], rows[link.target]
        shift = _lane_shift(link, links)
        stops = route(home[link.source], home[link.target], layer_of)
        if stops:
            inner = [(_left(ranks[stops[0].key] + at), middles[stop]) for at, stop in enumerate(stops) if stop.passing]
            found[link] = _forward(begin, end, inner, shift)
        elif home[link.source] == home[link.target]:
            found[link] = _loop(begin, end, shift)
        else:
            found[link] = _backward(begin, end, bottom)
            bottom += LINE_GAP
    return _labels_apart(found)


def _lane_shift(link: Link, links: Sequence[Link]) -> float:
    """Links between the same two rows run side by side."""
    lanes = [other for other in links if (other.source, other.target) == (link.source, link.target)]
    return (lanes.index(link) - (len(lanes) - 1) / 2) * 12.0


def _forward(begin: Place, end: Place, inner: Sequence[tuple[float, float]], shift: float) -> Line:
    x, y = begin.right, begin.middle + shift
    path, from_x, from_y = f"M{x:.1f} {y:.1f}", x, y
    for left, middle in [*inner, (end.x, end.middle + shift)]:
        from_x, from_y = x, y
        path += _curve(x, y, left, middle)
        x, y = left, middle
        if (left, middle) in inner:
            x = left + BOX_WIDTH
            path += f"H{x:.1f}"
    return Line(path, (from_x + x) / 2, (from_y + y) / 2)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_x - x) / 2
    return f"C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _loop(begin: Place, end: Place, shift: float) -> Line:
    """From a row to another of the same box, or to itself; its label stands beside."""
    apart, wide = (11.0, _LOOP) if begin == end else (0.0, 1.6 * _LOOP)
    top, low = begin.middle - apart + shift, end.middle + apart + shift
    x, far = begin.right, begin.right + wide
    path = f"M{x:.1f} {top:.1f}C{far:.1f} {top:.1f} {far:.1f} {low:.1f} {x:.1f} {low:.1f}"
    return Line(path, x + 0.75 * wide + LABEL_WIDTH / 2, (top + low) / 2)


def _backward(begin: Place, end: Place, bottom: float) -> Line:
    """Below everything, and back."""
    low, out, into = bottom + LINE_GAP, begin.right + _LOOP, end.x - _LOOP
    path = (
        f"M{begin.right:.1f} {begin.middle:.1f}"
        f"C{out:.1f} {begin.middle:.1f} {out:.1f} {low:.1f} {begin.x + begin.width / 2:.1f} {low:.1f}"
        f"H{end.x + end.width / 2:.1f}"
        f"C{into:.1f} {low:.1f} {into:.1f} {end.middle:.1f} {end.x:.1f} {end.middle:.1f}"
    )
    return Line(path, (begin.x + end.right) / 2, low)


def _labels_apart(lines: Mapping[Link, Line]) -> dict[Link, Line]:
    """Labels that stand above each other make room."""
    columns: dict[float, list[Link]] = {}
    for link, line in lines.items():
        columns.setdefault(round(line.x), []).append(link)
    found: dict[Link, Line] = {}
    for links in columns.values():
        links.sort(key=lambda link: (lines[link].y, link))
        wanted = [lines[link].y for link in links]
        for link, y in zip(links, spread(wanted, [LABEL_HEIGHT] * (len(links) - 1)), strict=True):
            line = lines[link]
            found[link] = Line(line.path, line.x, y, crowded=abs(y - line.y) > 1.5 * LABEL_HEIGHT)
    return found


# --- the whole


def _framed(boxes: Mapping[str, Place], rows: Mapping[str, Place], lines: Mapping[Link, Line]) -> Layout:
    half = LABEL_WIDTH / 2
    lefts = [place.x for place in boxes.values()] + [line.x - half for line in lines.values()]
    tops = [place.y for place in boxes.values()] + [line.y - LABEL_HEIGHT / 2 for line in lines.values()]
    rights = [place.right for place in boxes.values()] + [line.x + half for line in lines.values()]
    lows = [place.y + place.height for place in boxes.values()] + [line.y + LABEL_HEIGHT for line in lines.values()]
    left, top = min(lefts, default=0.0) - MARGIN, min(tops, default=0.0) - MARGIN
    width = max(rights, default=0.0) + MARGIN - left
    height = max(lows, default=0.0) + MARGIN - top
    return Layout(Place(left, top, width, height), boxes, rows, lines)
