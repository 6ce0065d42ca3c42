"""The history: newest first, in words, and what of it can be taken back."""

from __future__ import annotations

from typing import Any

from turnout.web.past import SHOWN, steps


def obj(name: str, *weights: tuple[int, int]) -> dict[str, Any]:
    """From the first weights to the second."""
    before, after = (_spec(pair) for pair in weights)
    return {"namespace": "default", "name": name, "before": before, "after": after}


def _spec(weights: tuple[int, int]) -> dict[str, Any]:
    subsets = zip(("v1", "v2"), weights, strict=True)
    route = [{"destination": {"host": "app", "subset": subset}, "weight": weight} for subset, weight in subsets]
    return {"http": [{"name": "main-mirror", "route": route}, {"name": "main", "route": route}]}


def step(number: int, *objects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"number": number, "command": f"shift {number}", "objects": list(objects), **more}


A = obj("a", (100, 0), (50, 50))
B = obj("b", (100, 0), (50, 50))


def test_the_newest_comes_first_with_what_it_did_in_words() -> None:
    found = steps([step(1, A), step(2, B, at=0.0)])
    assert [each.number for each in found] == [2, 1]
    assert found[0].changes == ["default/b main: v1 100 → 50, v2 0 → 50"]
    assert (bool(found[0].at), found[1].at) == (True, "")


def test_a_group_of_users_and_its_mirror_go_with_the_route() -> None:
    mirrored = {"name": "main", "route": _spec((1, 1))["http"][0]["route"], "mirror": {"host": "log"}}
    users = {**mirrored, "name": "main-users"}
    before = {"namespace": "default", "name": "a", "before": {"http": [mirrored]}, "after": {"http": [users, mirrored]}}
    assert steps([step(1, before)])[0].changes == []


def test_a_step_can_be_undone_unless_a_later_one_changed_the_same() -> None:
    undoable = {each.number: each.undoable for each in steps([step(1, A), step(2, B), step(3, A)])}
    assert undoable == {1: False, 2: True, 3: True}


def test_what_was_undone_lets_the_one_before_be_undone() -> None:
    found = {each.number: each for each in steps([step(1, A), step(2, A, undone=True)])}
    assert (found[1].undoable, found[2].undoable, found[2].undone) == (True, False, True)


def test_no_more_than_the_last_are_shown() -> None:
    assert len(steps([step(number, A) for number in range(100)])) == SHOWN
