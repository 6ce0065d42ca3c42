"""A split by user request is refused where traces show that the application tells nothing of it."""

from __future__ import annotations

import pytest

from turnout.delivery.propagation import unfit


def test_an_application_that_passes_nothing_on_is_told_which_header_it_should() -> None:
    refusal = unfit("request", propagates=False)
    assert refusal is not None
    assert "x-request-id" in refusal.message
    assert "x-request-id" in (refusal.hint or "")


@pytest.mark.parametrize(
    ("sticky", "propagates"), [("request", True), ("request", None), ("header:x-user", False), ("", False)]
)
def test_all_else_is_fine(sticky: str, propagates: bool | None) -> None:
    assert unfit(sticky, propagates=propagates) is None
