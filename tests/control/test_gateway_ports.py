"""Where a Gateway's port listens, and what happens when two would listen on one."""

from __future__ import annotations

import pytest

from turnout.control.ports import collisions, gateway_port, listening
from turnout.problem import ObjectPath


@pytest.mark.parametrize(
    ("port", "chosen", "listens"), [(80, {}, 8080), (443, {}, 8443), (9090, {}, 9090), (80, {80: 9080}, 9080)]
)
def test_low_ports_listen_8000_higher_unless_chosen_otherwise(port: int, chosen: dict[int, int], listens: int) -> None:
    assert gateway_port(port, chosen) == listens


def test_of_two_that_would_listen_on_one_the_lower_does_and_the_other_is_told() -> None:
    places = {port: ObjectPath("Gateway", "default", f"gateway-{port}") for port in (8080, 80, 443)}
    assert listening(places, {}) == {80: 8080, 443: 8443}
    (problem,) = collisions(places, {})
    assert (problem.code, problem.where) == ("TNO406", places[8080])
    assert problem.message == "the Gateway ports 80 and 8080 would both listen on 8080: 8080 is not served"
    assert problem.hint == "choose another: --gateway-port 8080=<port>"


def test_a_port_that_was_moved_makes_room() -> None:
    places = {port: ObjectPath("Gateway", "default", "gateway") for port in (80, 8080)}
    assert listening(places, {8080: 9080}) == {80: 8080, 8080: 9080}
    assert list(collisions(places, {8080: 9080})) == []
