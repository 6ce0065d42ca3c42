"""Values changed in place: nothing else in the file moves."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.inputs.edit import set_values
from turnout.inputs.scalar import Scalar
from turnout.problem import Place, Problem
from turnout.resources.document import Document, Path
from turnout.resources.reader import read

Draw = Callable[[st.SearchStrategy[Any]], Any]


def only(text: str) -> Document:
    documents, problems = read(text, "k8s/vs.yaml")
    assert problems == []
    return documents[0]


def edited(text: str, values: Mapping[Path, Scalar], index: int = 0) -> str:
    documents, _ = read(text, "k8s/vs.yaml")
    result = set_values(text, documents[index], values)
    assert isinstance(result, str), result
    return result


ROUTE = """\
# who gets what
http:
- name: all   # everything
  route:
    - destination:
        host: reviews
        subset: v1
      weight: 99   # most
    - destination: {host: reviews, subset: 'v2'}
      weight: 1
"""


def weight(index: int) -> Path:
    return ("http", 0, "route", index, "weight")


def test_weights_are_replaced_and_comments_stay() -> None:
    now = edited(ROUTE, {weight(0): 50, weight(1): 50})
    assert now == ROUTE.replace("weight: 99", "weight: 50").replace("weight: 1\n", "weight: 50\n")


def test_values_that_are_already_there_change_nothing() -> None:
    assert edited(ROUTE, {weight(0): 99, weight(1): 1}) == ROUTE


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1 # c\n", ("a",), 2, "a: 2 # c\n"),
        ("a: 1", ("a",), 2, "a: 2"),
        ("a: '1'\n", ("a",), 2, "a: 2\n"),
        ("a: 'x'\n", ("a",), "it's", "a: 'it''s'\n"),
        ('a: "x"\n', ("a",), 'say "y"', 'a: "say \\"y\\""\n'),
        ("a: x\n", ("a",), "v2.1-b", "a: v2.1-b\n"),
        ("a: x\n", ("a",), "10s", "a: 10s\n"),
        ("a: x\n", ("a",), "true", 'a: "true"\n'),
        ("a: x\n", ("a",), "12", 'a: "12"\n'),
        ("a: x\n", ("a",), "", 'a: ""\n'),
        ("a: x\n", ("a",), "a: b # c", 'a: "a: b # c"\n'),
        ("a: x\n", ("a",), "two\nlines\u2028ä", 'a: "two\\nlines\\u2028ä"\n'),
        ("a: x\n", ("a",), True, "a: true\n"),
        ("a: x\n", ("a",), None, "a: null\n"),
        ("a: x\n", ("a",), 1e-7, "a: 1.0e-07\n"),
        ("a:\nb: 1\n", ("a",), 2, "a: 2\nb: 1\n"),
        ("a: # later\nb: 1\n", ("a",), 2, "a: 2 # later\nb: 1\n"),
        ("a: |\n  two\n  lines\nb: 1\n", ("a",), "one", "a: one\nb: 1\n"),
        ("a: two\n  lines\nb: 1\n", ("a",), "one", "a: one\nb: 1\n"),
        ("a: &x 1\n", ("a",), 2, "a: &x 2\n"),
        ("a: !!int '1'\n", ("a",), 2, "a: !!int 2\n"),
        ("a: &x 1\nb: *x\n", ("b",), 2, "a: &x 1\nb: 2\n"),
        ("a: [1, 2, 3]\n", ("a", 1), 5, "a: [1, 5, 3]\n"),
        ("a:\n- 1\n-\n- 3\n", ("a", 1), 5, "a:\n- 1\n- 5\n- 3\n"),
        ("\ufeffa: 1\n", ("a",), 2, "\ufeffa: 2\n"),
        ("ä: ö # 😀\nb: 1\n", ("b",), 2, "ä: ö # 😀\nb: 2\n"),
    ],
)
def test_a_value_is_replaced_in_its_own_style(before: str, path: Path, value: Scalar, after: str) -> None:
    assert edited(before, {path: value}) == after


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("r:\n- host: a # c\n- host: b\n", ("r", 0, "weight"), "r:\n- host: a # c\n  weight: 1\n- host: b\n"),
        ("r:\n  - host: a\n", ("r", 0, "weight"), "r:\n  - host: a\n    weight: 1\n"),
        ("r:\n  -   host: a", ("r", 0, "weight"), "r:\n  -   host: a\n      weight: 1"),
        ("r:\r\n- host: a\r\n- host: b\r\n", ("r", 0, "weight"), "r:\r\n- host: a\r\n  weight: 1\r\n- host: b\r\n"),
        ("r:\n- to:\n    host: a\n\n# end\n", ("r", 0, "weight"), "r:\n- to:\n    host: a\n  weight: 1\n\n# end\n"),
        ("r: {host: a}\n", ("r", "weight"), "r: {host: a, weight: 1}\n"),
        ("r: { host: a } # c\n", ("r", "weight"), "r: { host: a, weight: 1 } # c\n"),
        ("r: {host: a,}\n", ("r", "weight"), "r: {host: a, weight: 1,}\n"),
        ("r: {to: {host: a}}\n", ("r", "weight"), "r: {to: {host: a}, weight: 1}\n"),
        ("r: {}\n", ("r", "weight"), "r: {weight: 1}\n"),
        ("r: [{host: a}, {host: b}]\n", ("r", 1, "weight"), "r: [{host: a}, {host: b, weight: 1}]\n"),
        ('{"r": {"host": "a"}}\n', ("r", "weight"), '{"r": {"host": "a", "weight": 1}}\n'),
        (
            '{\n  "r": {\n    "host": "a"\n  }\n}',
            ("r", "weight"),
            '{\n  "r": {\n    "host": "a",\n    "weight": 1\n  }\n}',
        ),
        ("r: &x\n  host: a\n", ("r", "weight"), "r: &x\n  host: a\n  weight: 1\n"),
        ("r:\n  text: |\n    x\n\nb: 1\n", ("r", "weight"), "r:\n  text: |\n    x\n  weight: 1\n\nb: 1\n"),
        ("b: &x {c: 1}\nr:\n  to: *x\ne: 1\n", ("r", "weight"), "b: &x {c: 1}\nr:\n  to: *x\n  weight: 1\ne: 1\n"),
        (
            "b: &x {weight: 5}\nr:\n  <<: *x\n  to: a\n",
            ("r", "weight"),
            "b: &x {weight: 5}\nr:\n  <<: *x\n  to: a\n  weight: 1\n",
        ),
        (
            "a: 1\n---\nr:\n  host: a\n---\nb: 1\n",
            ("r", "weight"),
            "a: 1\n---\nr:\n  host: a\n  weight: 1\n---\nb: 1\n",
        ),
    ],
)
def test_a_missing_key_is_added_after_its_siblings(before: str, path: Path, after: str) -> None:
    index = 1 if before.count("---") else 0
    assert edited(before, {path: 1}, index) == after


def test_keys_of_nested_mappings_that_end_together_keep_their_order() -> None:
    now = edited("r:\n- to:\n    host: a\n", {("r", 0, "weight"): 1, ("r", 0, "to", "subset"): "v1"})
    assert now == "r:\n- to:\n    host: a\n    subset: v1\n  weight: 1\n"


def test_an_object_of_a_list_is_edited_in_its_place() -> None:
    text = "kind: List\nitems:\n- a: 1\n- a: 1\n"
    assert edited(text, {("a",): 2}, 1) == "kind: List\nitems:\n- a: 1\n- a: 2\n"


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a: &x 1\nb: *x\n", ("a",), Place("k8s/vs.yaml", 1, 1)),
        ("a: &x {c: 1}\nb: *x\n", ("b", "c"), None),
        ("a: &x {c: 1}\nb: *x\n", ("b", "d"), None),
        ("a: &x {c: 1}\nb: *x\n", ("a", "d"), None),
    ],
)
def test_a_value_that_other_places_share_is_refused(text: str, path: Path, place: Place | None) -> None:
    result = set_values(text, only(text), {path: 2})
    assert isinstance(result, Problem)
    assert "anchor" in result.message
    assert place is None or result.where == place


@pytest.mark.parametrize("path", [("a",), ("a", "b", "c"), ("a", 7), ("x", "y"), ("l", 2), ("e", "x")])
def test_what_is_no_single_value_is_refused(path: Path) -> None:
    text = "a: {b: 1}\nl: [1]\ne:\n"
    assert isinstance(set_values(text, only(text), {path: 2}), Problem)


def test_a_file_that_changed_meanwhile_is_refused() -> None:
    result = set_values("b: 2\na: 1\n", only("a: 1\nb: 1\n"), {("a",): 2})
    assert isinstance(result, Problem)
    assert "changed" in result.message


# Any data in any layout: what is asked for is what is read, and only the lines that hold it change.

NAMES = ["host", "weight", "x", "on", "a b"]
SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 200) | st.sampled_from(["v1", "it's", "", "1", "true", "a: b", "ä#"])
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), DATA, min_size=1, max_size=4)


class Layouter:
    """Writes data as YAML in a style that hypothesis picks, line by line."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def pick(self, *options: str) -> str:
        return str(self.draw(st.sampled_from(options)))

    def document(self, data: Mapping[str, Any]) -> list[str]:
        return [self.flow(data)] if self.draw(st.booleans()) and self.draw(st.booleans()) else list(self.block(data, 0))

    def scalar(self, value: Scalar) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        options = [json.dumps(value, ensure_ascii=False), "'" + value.replace("'", "''") + "'"]
        return self.pick(*options, *([value] if value == "v1" else []))

    def flow(self, value: Any) -> str:
        comma = self.pick(", ", ",  ", " , ")
        if isinstance(value, Mapping):
            return "{" + comma.join(f"{self.key(key)}: {self.flow(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + comma.join(self.flow(item) for item in value) + "]"
        return self.scalar(value)

    def key(self, key: str) -> str:
        return self.pick(json.dumps(key), *([key] if key != "on" else ["'on'"]))

    def comment(self) -> str:
        return self.pick("", "", " # why", "   # weight: 7")

    def block(self, value: Any, indent: int) -> Iterator[str]:
        """The lines of a non-empty mapping or list."""
        space = " " * indent
        keys = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in keys:
            if self.draw(st.integers(0, 5)) == 0:
                yield self.pick("", space + "# a remark", "# - host: other")
            head = f"{space}{self.key(str(key))}:" if isinstance(value, Mapping) else f"{space}-"
            if not (isinstance(item, Mapping | list) and item and self.draw(st.booleans())):
                text = "" if item is None and self.draw(st.booleans()) else " " + self.flow(item)
                yield head + text + self.comment()
                continue
            deeper = indent + int(self.pick("1", "2", "4"))
            if isinstance(value, Mapping) and isinstance(item, list) and self.draw(st.booleans()):
                deeper = indent
            lines = list(self.block(item, deeper))
            if (
                not isinstance(value, Mapping)
                and deeper > indent + 1
                and lines[0].strip()
                and lines[0].strip()[0] != "#"
                and self.draw(st.booleans())
            ):
                yield head + lines.pop(0)[indent + 1 :]  # `- host: a`
            else:
                yield head + self.comment()
            yield from lines


def places(data: Any, path: Path = ()) -> Iterator[Path]:
    """Every path to a value that can be set, and for each mapping one that can be added."""
    if isinstance(data, Mapping):
        yield from [(*path, "new")] if data else []
    if isinstance(data, Mapping | list):
        for key, value in data.items() if isinstance(data, Mapping) else enumerate(data):
            yield from places(value, (*path, key))
    else:
        yield path


def with_values(data: Any, values: Mapping[Path, Scalar]) -> Any:
    copy = deepcopy(data)
    for path, value in values.items():
        holder = copy
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
    return copy


@given(st.data())
def test_any_value_in_any_layout_can_be_set(data: st.DataObject) -> None:
    objects = data.draw(st.lists(OBJECTS, min_size=1, max_size=3), label="objects")
    layouter = Layouter(data.draw)
    line_break = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = [
        line for number, item in enumerate(objects) for line in (["---"] if number else []) + layouter.document(item)
    ]
    text = line_break.join(lines) + data.draw(st.sampled_from([line_break, ""]))
    documents, problems = read(text, "any.yaml")
    assert [document.data for document in documents] == objects, problems
    index = data.draw(st.integers(0, len(objects) - 1), label="index")
    paths = data.draw(st.lists(st.sampled_from(list(places(objects[index]))), unique=True, max_size=4), label="paths")
    values = {path: data.draw(SCALARS | st.floats(allow_nan=False, allow_infinity=False)) for path in paths}

    result = set_values(text, documents[index], values)

    assert isinstance(result, str), result
    again, _ = read(result, "any.yaml")
    wanted = [with_values(item, values) if number == index else item for number, item in enumerate(objects)]
    assert json.dumps([document.data for document in again]) == json.dumps(wanted)
    matcher = difflib.SequenceMatcher(None, text.splitlines(), result.splitlines(), autojunk=False)
    assert sum(before_end - before for tag, before, before_end, _, _ in matcher.get_opcodes() if tag != "equal") <= len(
        paths
    )
    assert set_values(result, again[index], values) == result
