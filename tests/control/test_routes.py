"""Which route of the file a live one is: rules may have been put before it since."""

from __future__ import annotations

import pytest

from turnout.control.routes import aligned


@pytest.mark.parametrize(
    ("live", "file", "found"),
    [
        (["a", "b"], ["a", "b"], [0, 1]),
        (["", ""], ["", ""], [0, 1]),
        (["route-mirror", ""], [""], [None, 0]),
        (["a-mirror", "a", "b-mirror", "b"], ["a", "b"], [None, 0, None, 1]),
        (["b", "a"], ["a", "b"], [1, 0]),
        (["a"], [], [None]),
        (["", "x", ""], ["x", ""], [1, 0, None]),
    ],
)
def test_a_live_route_is_found_in_its_file(live: list[str], file: list[str], found: list[int | None]) -> None:
    assert aligned(live, file) == found
