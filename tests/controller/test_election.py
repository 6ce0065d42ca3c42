from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.apiserver.samples import TOKEN, serving

from turnout.apiserver import kubeconfig
from turnout.client import Client
from turnout.controller.election import EVERYWHERE, NAME, Election, others
from turnout.controller.leader import LeaderClient
from turnout.error import TurnoutError
from turnout.resources.kinds import CONFIG_MAP, LEASE

PLACE = ("default", NAME)


@dataclass
class Clock:
    """One machine's, told by the test."""

    seconds: float = 0.0
    wall: float = 1_790_000_000.0

    def now(self) -> float:
        return self.seconds

    def date(self) -> float:
        return self.wall + self.seconds


@dataclass
class Scene:
    state: Path
    clock: Clock = field(default_factory=Clock)
    opened: ExitStack = field(default_factory=ExitStack)

    def client(self) -> Client:
        return self.opened.enter_context(Client.from_state(self.state))

    def candidate(self, identity: str, clock: Clock | None = None) -> Election:
        clock = clock or self.clock
        return Election(self.client(), PLACE, identity, clock.now, clock.date)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with serving(tmp_path / "state.db", {}) as served:
        kubeconfig.write(tmp_path / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)
        scene = Scene(tmp_path)
        with scene.opened:
            yield scene


def leads(one: Election) -> bool:
    """A question of the time, which the type checker takes for a fact."""
    return one.holds


def test_the_first_one_leads_and_the_second_waits_until_the_first_is_silent_for_15_seconds(scene: Scene) -> None:
    one, other = scene.candidate("one"), scene.candidate("other")
    assert one.run()
    assert not other.run()
    assert other.holder == "one"
    for _ in range(20):
        scene.clock.seconds += 2.0
        assert (one.run(), other.run()) == (True, False)
    scene.clock.seconds += 9.0
    assert leads(one)
    scene.clock.seconds += 1.0
    assert not leads(one), "before anybody may take it"
    assert not other.run()
    scene.clock.seconds += 6.0
    assert other.run()
    assert not one.run()
    lease = scene.client().get(LEASE, *PLACE)
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("other", 1)


def test_clocks_that_tell_other_times_do_not_make_two_leaders(scene: Scene) -> None:
    ahead = Clock(seconds=5000.0, wall=2_000_000_000.0)
    one, other = scene.candidate("one"), scene.candidate("other", ahead)
    assert one.run()
    for _ in range(20):
        ahead.seconds += 2.0
        scene.clock.seconds += 2.0
        assert (one.run(), other.run()) == (True, False)


def test_one_that_gives_it_back_is_followed_at_once(scene: Scene) -> None:
    one, other = scene.candidate("one"), scene.candidate("other")
    one.run()
    one.release()
    assert not one.holds
    assert other.run()
    one.release()
    assert other.run(), "what another has is not given back"


def test_of_two_that_write_at_once_one_leads(scene: Scene) -> None:
    one, other = scene.candidate("one"), scene.candidate("other")
    one.run()
    one.release()
    lease = scene.client().get(LEASE, *PLACE)
    assert other.run()
    assert not one._write(lease, {"holderIdentity": "one"}), "by what was read before"


def test_a_client_writes_only_while_it_leads(scene: Scene) -> None:
    client = scene.opened.enter_context(LeaderClient.from_state(scene.state))
    obj = {"metadata": {"name": "x", "namespace": "default"}, "data": {}}
    with pytest.raises(TurnoutError, match="another controller may act by now"):
        client.create(CONFIG_MAP, obj)
    assert client.list(CONFIG_MAP)["items"] == []
    client.leads = lambda: True
    assert client.create(CONFIG_MAP, obj)


def test_where_others_act_is_told_by_leases_that_still_hold(scene: Scene) -> None:
    def lease(namespace: str, name: str, holder: str = "x", renewed: str = "2026-11-22T12:00:00.000000Z") -> object:
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}
        return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}

    noon = 1_795_348_800.0
    leases = [
        lease("shop", NAME),
        lease("given-back", NAME, holder=""),
        lease("broken", NAME, renewed="noon"),
        lease("kube-system", "another"),
    ]
    assert others(leases, noon + 14) == {"shop"}  # type: ignore[arg-type] # as the API lists them
    assert others(leases, noon + 16) == frozenset()  # type: ignore[arg-type] # the same
    assert others([lease("tools", EVERYWHERE)], noon) == {""}  # type: ignore[list-item] # the same
