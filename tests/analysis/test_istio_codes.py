"""istioctl's codes: the table, what the rules report, and what the documentation says."""

from __future__ import annotations

import re
from pathlib import Path

from turnout.analysis.analyze import FAMILIES
from turnout.analysis.istio_codes import ISTIO_CODES

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (IST\d{4}) \| (\w+) \| \S", re.MULTILINE)
SCHEMA = {"IST0106", "IST0133"}
"""What Turnout says more precisely, with codes of its own."""


def test_each_code_is_documented_once_with_its_severity() -> None:
    rows = _ROW.findall((ROOT / "docs" / "problems.md").read_text(encoding="utf-8"))
    assert rows == [(code, str(severity)) for code, (severity, _) in ISTIO_CODES.items()]


def test_each_code_belongs_to_a_family_of_rules() -> None:
    reported = {code for family in FAMILIES for code in family.codes if code.startswith("IST")}
    assert reported == set(ISTIO_CODES) - SCHEMA


def test_each_code_in_the_source_is_in_the_table() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert {code for text in sources for code in re.findall(r'"(IST\d{4})"', text)} == set(ISTIO_CODES)
