"""Where each part of an object is written."""

from __future__ import annotations

import pytest

from turnout.resources.layout import Path
from turnout.resources.reader import read

TEXT = """\
# a comment
kind: X
metadata: &m
  name: a   # c
  labels: {a: b, c: [1, 2]}
spec:
  copy: *m
  block: |
    abc
    def
  empty:
  merged:
    <<: *m
    own: "q"
  list:
  - a: 1
    b: 2

  - c: 3
  80: on
  http_status: 1
# end
"""


@pytest.mark.parametrize(
    ("path", "place", "value"),
    [
        ((), "2:1", None),
        (("metadata",), "3:1", None),
        (("metadata", "name"), "4:3", "a"),
        (("metadata", "labels"), "5:3", "{a: b, c: [1, 2]}"),
        (("metadata", "labels", "c", 1), "5:25", "2"),
        (("spec", "copy"), "7:3", "*m"),
        (("spec", "copy", "name"), "4:3", None),
        (("spec", "block"), "8:3", "|\n    abc\n    def"),
        (("spec", "empty"), "11:3", ""),
        (("spec", "merged", "own"), "14:5", '"q"'),
        (("spec", "merged", "name"), "4:3", None),
        (("spec", "list", 0), "16:5", "a: 1\n    b: 2"),
        (("spec", "list", 1, "c"), "19:5", "3"),
        (("spec", "80"), "20:3", "on"),
        (("spec", "httpStatus"), "21:3", "1"),
        (("spec", "list", 7, "missing"), "15:3", None),
        (("missing",), "2:1", None),
    ],
)
def test_a_path_has_a_place_and_its_value_a_span(path: Path, place: str, value: str | None) -> None:
    """A missing field stands at its nearest ancestor. What comes from an anchor has the anchor's place, and no span."""
    document = read(TEXT, "f.yaml")[0][0]
    assert str(document.place(path)) == f"f.yaml:{place}"
    span = document.span(path)
    if value is not None:
        assert span is not None
        assert TEXT[span[0] : span[1]] == value
    elif path and path[-1] in ("name", "missing"):
        assert span is None


def test_places_of_later_documents_count_from_the_start_of_the_file() -> None:
    text = "%YAML 1.1\n---\na: 1\n--- # two\nb: ä\nc: {d: 2}\n...\n---\ne: 3\n"
    documents = read(text, "f.yaml")[0]
    assert [str(d.place((key,))) for d, key in zip(documents, "ace", strict=False)] == [
        "f.yaml:3:1",
        "f.yaml:6:1",
        "f.yaml:9:1",
    ]
    span = documents[1].span(("c", "d"))
    assert span is not None
    assert text[slice(*span)] == "2"


def test_a_document_that_starts_with_its_dashes_in_one_line() -> None:
    text = "--- {a: 1}\n--- {b: {c: 2}}\n"
    document = read(text, "f.yaml")[0][1]
    assert str(document.place(("b", "c"))) == "f.yaml:2:10"
    assert document.span(("b", "c")) == (text.index("2"), text.index("2") + 1)


def test_line_ends_of_windows_count_as_one_line() -> None:
    assert str(read("a: 1\r\nb:\r\n  c: 2\r\n", "f.yaml")[0][0].place(("b", "c"))) == "f.yaml:3:3"
