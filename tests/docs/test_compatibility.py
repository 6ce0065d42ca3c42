"""The table of fields says what the code does."""

from __future__ import annotations

import os

from tests.docs.compatibility.page import ROOT, page

FILE = ROOT / "docs" / "compatibility.md"


def test_the_page_says_what_becomes_of_each_field() -> None:
    made = page()
    if os.environ.get("TURNOUT_UPDATE_GOLDEN"):
        FILE.write_text(made, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == made, (
        "set TURNOUT_UPDATE_GOLDEN=1, run this test, read what is different"
    )
