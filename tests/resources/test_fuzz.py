"""Manifests that were good once, broken at random: never an exception, a hang, or memory without bounds.

`make soak` does it for ten minutes, differently each time; TURNOUT_FUZZ_SECONDS says for how long.
"""

from __future__ import annotations

import copy
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.compiler.world import world

from turnout.problem import ObjectPath, Place, errors
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

ROOT = Path(__file__).parents[2]
CORPUS = tuple(
    path.read_text(encoding="utf-8")
    for folder, pattern in (("tests/compiler/cases", "*/input.yaml"), ("examples", "**/*.yaml"))
    for path in sorted((ROOT / folder).glob(pattern))
)
"""Templates of charts among them: for a reader they are bad YAML."""
OBJECTS = tuple(obj for text in CORPUS if "{{" not in text for obj in yaml.safe_load_all(text) if isinstance(obj, dict))
SECONDS = float(os.environ.get("TURNOUT_FUZZ_SECONDS", "600"))
ONE_SECONDS = 20
"""For one input of some kB, on a machine that does other things as well."""
MOST_BYTES = 400 << 20
AT_ONCE = 200

PIECES = st.sampled_from(
    (
        *("\n", "  ", "- ", ": ", "? ", "{", "}", "[", "]", ",", "&a ", "*a", "<<: *a", "!!binary ", "!!set ", "!x "),
        *("---\n", "...\n", "|\n", ">-\n", "'", '"', "#", "\t", "\u2028", "\ufeff", "\x00", "\ud800", "%", "@", "`"),
        *("null", "~", "yes", "0o17", "1e400", "-0", ".nan", "2001-01-01", "9" * 30, "a" * 3000, "é" * 70, "1_0"),
        *("kind: List\nitems:\n", "spec:\n", "metadata: {}\n", "http:\n", "%YAML 1.2\n---\n", "[" * 200, "{a: " * 200),
    )
)
TEXTS = st.sampled_from(
    (
        *(
            "",
            " ",
            "*",
            "/",
            "..",
            "a/b",
            "a.b",
            "*.a",
            "-",
            "a" * 300,
            "é",
            "\x00",
            "\n",
            "%",
            "%%",
            "%REQ(x)%",
            "{a}",
        ),
        *("0s", "1s", "-1s", "1e9h", "0.0000001s", "9" * 40 + "s", "80", "true", "null", "NaN", "mesh", "./gw", "x/*"),
        *("(", "(a+)+$", "[[:alpha:]", "\\1", "(?i)a", "a{1000}{1000}", "\\pL", "10.0.0.0/8", "::1", "[::1]:80"),
        *("SIMPLE", "MUTUAL", "v1", "a.default.svc.cluster.local", "STATIC", "DNS", "NONE", "TCP", "HTTPS", "GRPC"),
    )
)
NUMBERS = st.sampled_from(
    (0, 1, -1, 80, 100, 101, 65535, 65536, 2**31, 2**32, 2**63, 2**64, -(2**63), 1e308, 0.1, 1e-9)
)
SMALL = st.none() | st.booleans() | NUMBERS | TEXTS | st.text(max_size=6)
ANY = st.recursive(
    SMALL,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def broken_texts(draw: st.DrawFn) -> str:
    """A file with pieces cut out, doubled, moved and put in."""
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 60)))
        middle = draw(st.sampled_from(("", text[at:to] * 2)) | PIECES)
        text = text[:at] + middle + text[draw(st.sampled_from((at, to))) :]
    return text


@st.composite
def broken_objects(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some objects, each with values replaced, gone or borrowed from elsewhere."""
    found = []
    for chosen in draw(st.lists(st.sampled_from(OBJECTS), min_size=1, max_size=4)):
        obj = copy.deepcopy(chosen)
        for _ in range(draw(st.integers(1, 3))):
            holder, key = draw(st.sampled_from([slot for slot in _slots(obj) if slot[1] not in ("apiVersion", "kind")]))
            _, borrowed = draw(st.sampled_from(list(_values(draw(st.sampled_from(OBJECTS))))))
            holder[key] = draw(ANY | st.just(copy.deepcopy(borrowed)))
        found.append(obj)
    return found


def _slots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside that something else can be put."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _slots(item)


def _values(value: Any) -> Iterator[tuple[Any, Any]]:
    return ((key, holder[key]) for holder, key in _slots(value))


def text_is_read(text: str) -> None:
    documents, problems = read(text, "f.yaml")
    found = [interpret(document.data, document) for document in documents]
    for problem in (*problems, *(each for one in found for each in one.problems)):
        assert isinstance(problem.where, Place | ObjectPath), problem
        assert str(problem).isprintable() or "\n" in str(problem)


def objects_are_interpreted(objects: list[dict[str, Any]]) -> None:
    """Each alone; and when all are valid, what becomes of them together."""
    found = [interpret(obj) for obj in objects]
    for one in found:
        assert one.kind is None or (one.resource is None) == bool(errors(one.problems))
    if all(one.resource is not None for one in found):
        for obj in objects:
            obj["metadata"]["namespace"] = obj["metadata"].get("namespace") or "default"  # as files are read
        assert world(("fuzz.yaml", yaml.safe_dump_all(objects))).config.version


TARGETS: dict[str, tuple[Callable[[Any], None], st.SearchStrategy[Any]]] = {
    "text": (text_is_read, broken_texts()),
    "objects": (objects_are_interpreted, broken_objects()),
}


def attempt(target: str, number: int) -> None:
    check, inputs = TARGETS[target]

    @seed(number)
    @settings(
        max_examples=AT_ONCE,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(value: Any) -> None:
        with limited():
            check(value)

    one()


@contextmanager
def limited() -> Iterator[None]:
    """Ends what hangs, so that the input which did it is shown."""

    def _hangs(*_: object) -> None:
        raise TimeoutError(f"still not done after {ONE_SECONDS} s")

    before = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, ONE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def largest_bytes() -> int:
    """The most memory that this process has ever had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_what_is_broken_at_random_is_read_or_refused(target: str) -> None:
    attempt(target, 0)


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_for_ten_minutes_nothing_raises_hangs_or_grows() -> None:
    chance, begun, before, rounds = random.Random(), time.monotonic(), largest_bytes(), 0
    while time.monotonic() - begun < SECONDS:
        attempt(sorted(TARGETS)[rounds % len(TARGETS)], chance.getrandbits(64))
        rounds += 1
    assert largest_bytes() - before < MOST_BYTES, f"{rounds * AT_ONCE} inputs"
    print(f"{rounds * AT_ONCE} inputs, {(largest_bytes() - before) >> 20} MB more")  # noqa: T201 # the soak's figure
