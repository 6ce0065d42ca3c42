"""Files to documents: what is read, and what is said about what cannot be."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from turnout.resources.reader import LARGEST_EXPANSION, LARGEST_TEXT, MOST_PROBLEMS, read


def _read(text: str) -> list[str]:
    """The problems, each as one line without its hint."""
    return [str(problem).split("\n")[0] for problem in read(text, "f.yaml")[1]]


def test_documents_are_counted_and_empty_ones_left_out() -> None:
    documents, problems = read("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n", "f.yaml")
    assert problems == []
    assert [(d.index, d.data) for d in documents] == [(0, {"a": 1}), (1, {"b": 2})]


def test_a_list_is_read_as_its_items() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {kind: A}\n- kind: ServiceList\n  items: [{kind: B}]\n---\nkind: C\n"
    documents, problems = read(text, "f.yaml")
    assert problems == []
    assert [(d.index, d.data["kind"]) for d in documents] == [(0, "A"), (1, "B"), (2, "C")]
    assert str(documents[1].place(("kind",))) == "f.yaml:6:12"


def test_an_alias_is_a_copy_of_its_own() -> None:
    data = read("a: &x {b: [1]}\nc: *x\n", "f.yaml")[0][0].data
    assert data["a"] == data["c"]
    assert data["a"] is not data["c"]
    assert data["a"]["b"] is not data["c"]["b"]


def test_merge_keys_fill_in_what_is_not_given() -> None:
    text = "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc:\n  <<: [*a, *b]\n  k: 3\nd: {<<: *b}\ne: {'<<': 1}\n"
    data = read(text, "f.yaml")[0][0].data
    assert data["c"] == {"k": 3, "l": 1, "m": 2}
    assert data["d"] == {"l": 2, "m": 2}
    assert data["e"] == {"<<": 1}


def test_a_byte_order_mark_is_passed_over() -> None:
    documents, problems = read("\ufeffa: {b: 1}\n", "f.yaml")
    assert problems == []
    assert documents[0].span(("a", "b")) == (8, 9)


@pytest.mark.parametrize("text", ["# all commented out\n", "---\n", "---\n---\n# a\n", "null\n", "~"])
def test_nothing_on_purpose_is_no_problem(text: str) -> None:
    assert read(text, "f.yaml") == ([], [])


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n", "\ufeff"])
def test_an_empty_file_may_be_half_saved_and_is_an_error(text: str) -> None:
    assert _read(text) == ["f.yaml:1:1: error: the file is empty [TNO009]"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2", "f.yaml:2:1: error: a `[` is not closed (parsing a flow sequence that starts on line 1) [TNO001]"),
        ("a: {b: 1", "f.yaml:2:1: error: a `{` is not closed (parsing a flow mapping that starts on line 1) [TNO001]"),
        ("a: 'b", "f.yaml:1:6: error: the file ends in the middle of a quoted text [TNO001]"),
        ("a: b: c", "f.yaml:1:5: error: a `:` where no key can be [TNO001]"),
        ("a: 1\n b: 2", "f.yaml:2:3: error: a `:` where no key can be [TNO001]"),
        ("a: 1\nb", "f.yaml:3:1: error: a key without its `:` (scanning a simple key that starts on line 2) [TNO001]"),
        ("a: @x", "f.yaml:1:4: error: this character cannot start a value [TNO001]"),
        ("a: - b", "f.yaml:1:4: error: a `- ` where no list item can be [TNO001]"),
        ("a:\n  - b\n c: 1", "f.yaml:3:2: error: the indentation does not fit what is above (parsing a block mapping that starts on line 1) [TNO001]"),  # noqa: E501 - one line of output
        ("a: 1\n...\nb: 2", "f.yaml:3:1: error: a second document without a `---` line before it [TNO001]"),
        ("a:\n\tb: 1", "f.yaml:2:1: error: a tab in the indentation [TNO003]"),
        ("a:\n  b: 1\n\tc: 2", "f.yaml:3:1: error: a tab in the indentation [TNO003]"),
        ("a:\n  - b\n  \t- c: d", "f.yaml:3:3: error: a tab in the indentation [TNO003]"),
        ("a: 1\na: 2", 'f.yaml:2:1: error: "a" is given twice; first on line 1 [TNO004]'),
        ("80: 1\n'80': 2", 'f.yaml:2:1: error: "80" is given twice; first on line 1 [TNO004]'),
        ("- a\n", "f.yaml:1:1: error: this document is a list, not an object [TNO005]"),
        ("---\n  text\n", 'f.yaml:2:3: error: this document is the value "text", not an object [TNO005]'),
        ("kind: List\nitems: [3]", "f.yaml:2:9: error: this item is the value 3, not an object [TNO005]"),
        ("a: *b", "f.yaml:1:4: error: no anchor `&b` comes before this in the document [TNO007]"),
        ("a: &b 1\n---\nc: *b", "f.yaml:3:4: error: no anchor `&b` comes before this in the document [TNO007]"),
        ("a: &b [*b]", "f.yaml:1:8: error: `*b` stands inside its own anchor `&b` [TNO007]"),
        ("a: {<<: 1}", "f.yaml:1:9: error: `<<` merges mappings, and this is none [TNO007]"),
        ("a: {<<: [1]}", "f.yaml:1:9: error: `<<` merges mappings, and this is none [TNO007]"),
        ("? [a]\n: 1", "f.yaml:1:3: error: a mapping or a list cannot be a key [TNO008]"),
        ("a: {{ .Values.x }}", "f.yaml:1:5: error: a mapping or a list cannot be a key [TNO008]"),
        ("~: 1", "f.yaml:1:1: error: null cannot be a key [TNO008]"),
        ("a: .inf", 'f.yaml:1:4: error: ".inf" is not a number that JSON can carry [TNO008]'),
        ("a: 1\nb: \x07", "f.yaml:2:4: error: the control character U+0007 is not allowed in YAML [TNO002]"),
        ("a: \udce4", "f.yaml:1:4: error: this is not UTF-8 text [TNO002]"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_place(text: str, expected: str) -> None:
    assert _read(text) == [expected]


def test_each_problem_of_the_text_brings_a_hint() -> None:
    for text in ("a: [1, 2", "a:\n\tb: 1", "a: 1\na: 2", "- a", "", "\x07", "a: {{ .x }}", "[" * 200):
        assert read(text, "f.yaml")[1][0].hint, text


@pytest.mark.parametrize("cut", range(1, 100, 7))
def test_a_file_cut_off_anywhere_is_never_an_empty_success(cut: int) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: reviews\nspec:\n  ports: [{port: 80, name: 'http'}]\n"
    documents, problems = read(text[:cut], "f.yaml")
    assert documents or problems


def test_what_comes_before_a_syntax_error_is_kept_for_further_problems() -> None:
    documents, problems = read("a: 1\n---\nb: [", "f.yaml")
    assert [d.data for d in documents] == [{"a": 1}]
    assert len(problems) == 1


def test_the_number_of_problems_is_bounded() -> None:
    _, problems = read("a: 1\n" * 1000, "f.yaml")
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].code == "TNO006"


def test_a_text_beyond_the_bound_is_not_even_parsed() -> None:
    assert [p.code for p in read("#" * (LARGEST_TEXT + 1), "f.yaml")[1]] == ["TNO006"]


_TWO_MEGABYTES = 2_000_000
_LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30_000)
)
_NESTED = "".join(f"{' ' * i}a{i}: &a{i}\n" for i in range(1_900))
_HOSTILE = {
    "laughing anchors": _LAUGHS[:_TWO_MEGABYTES],
    "anchors nested by indentation": _NESTED[:_TWO_MEGABYTES],
    "anchors nested in brackets": "&a [" * (_TWO_MEGABYTES // 4),
    "brackets": "[" * _TWO_MEGABYTES,
    "braces": "{a: " * (_TWO_MEGABYTES // 4),
    "dashes": "- " * (_TWO_MEGABYTES // 2),
    "question marks": "? " * (_TWO_MEGABYTES // 2),
    "one long quote": '"' + "a" * _TWO_MEGABYTES,
    "one long number": "a: " + "9" * _TWO_MEGABYTES,
    "one long key": "a" * _TWO_MEGABYTES + ": 1",
    "as many anchors as fit": "".join(f"a{i}: &a{i} x\n" for i in range(110_000)),
    "a merge of merges": "a: &a {<<: {b: 1}}\n" + "".join(f"k{i}: {{<<: *a}}\n" for i in range(90_000)),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_two_hostile_megabytes_take_bounded_time(name: str) -> None:
    start = time.process_time()
    documents, problems = read(_HOSTILE[name], "f.yaml")
    assert time.process_time() - start < 2
    assert documents or problems


@pytest.mark.parametrize("name", ["laughing anchors", "anchors nested in brackets", "brackets"])
def test_hostile_megabytes_take_bounded_memory(name: str) -> None:
    tracemalloc.start()
    try:
        read(_HOSTILE[name], "f.yaml")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 40_000_000


def test_aliases_up_to_the_bound_are_expanded() -> None:
    text = "a: &a [" + "x," * 999 + "]\n" + "".join(f"b{i}: *a\n" for i in range(LARGEST_EXPANSION // 1000 - 1))
    documents, problems = read(text, "f.yaml")
    assert problems == []
    assert len(documents[0].data) == LARGEST_EXPANSION // 1000
