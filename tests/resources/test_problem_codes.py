"""One table of codes; the documentation and the source agree with it."""

from __future__ import annotations

import re
from pathlib import Path

from turnout.resources.codes import CODES

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (TNO\d{3}) \| (\w+) \| \S", re.MULTILINE)


def _documented() -> dict[str, str]:
    return dict(_ROW.findall((ROOT / "docs" / "problems.md").read_text(encoding="utf-8")))


def test_each_code_is_documented_with_its_severity() -> None:
    assert _documented() == {code.code: str(code.severity) for code in CODES.values()}


def test_each_code_is_documented_once() -> None:
    rows = _ROW.findall((ROOT / "docs" / "problems.md").read_text(encoding="utf-8"))
    assert [code for code, _ in rows] == list(CODES)


def test_each_code_in_the_source_is_in_the_table_and_used_somewhere() -> None:
    table = ROOT / "src" / "turnout" / "resources" / "codes.py"
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py") if path != table]
    used = {code for text in sources for code in re.findall(r'"(TNO\d{3})"', text)}
    assert used == set(CODES)


def test_meanings_and_hints_are_one_short_line() -> None:
    for code in CODES.values():
        assert len(code.meaning) <= 100, code
        assert "\n" not in (code.hint or ""), code
