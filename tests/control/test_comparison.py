"""A comparison's life: routes steered and put back, reports kept, and what a killed Turnout leaves."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from turnout.apiserver.patch import Patch
from turnout.apiserver.store import OBJECTS, Store
from turnout.apiserver.view import ViewRequest
from turnout.capture.config import ComparerConfig
from turnout.control import comparison
from turnout.control.comparison import Comparisons, views
from turnout.control.comparison_archive import KEPT, Archive
from turnout.control.comparison_order import Order, ordered
from turnout.control.journal import ChangeHistory
from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.steering import Steering
from turnout.database import RECORDS, Database, Records
from turnout.error import ApiError, ProgramNotFound
from turnout.resources.interpret import interpret
from turnout.resources.kinds import DESTINATION_RULE, VIRTUAL_SERVICE

JSON = dict[str, Any]
START = {"do": "start", "service": "app", "from": "v1", "to": "v2"}


class FakeComparer:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.latest: JSON = {"report": None, "verdict": "unsure", "settled": False}
        self.tally: JSON | None = None
        self.given: list[tuple[ComparerConfig, JSON | None]] = []
        self.fails = False
        self.stops = 0

    async def start(self, config: ComparerConfig, tally: JSON | None = None) -> None:
        if self.fails:
            raise ProgramNotFound("no comparer")
        self.given.append((config, tally))

    async def stop(self) -> JSON:
        self.stops += 1
        self.latest = self.latest | {"last": True}
        return self.latest


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """One Turnout's state; `comparisons()` is what each of its processes makes of it."""

    def __init__(self, folder: Path, database: Database) -> None:
        records = Records(database)
        self.history = ChangeHistory(records)
        self.store = Store(database, admit=lambda obj: interpret(obj).problems, now=lambda: datetime.now(UTC))
        self.store.create(VIRTUAL_SERVICE, virtual_service())
        self.store.create(DESTINATION_RULE, destination_rule())
        self.before = self.http()
        self.comparer = FakeComparer()
        self.clock = Clock()
        self.folder = folder
        self.mishaps = Mishaps(StateDir(folder))
        self.settled = 0

    def comparisons(self) -> Comparisons:
        return Comparisons(
            self.store,
            Steering(self.store, self.history),
            Archive(self.folder / "comparisons"),
            self.mishaps,
            settled=self._settle,
            comparer=lambda: self.comparer,
            config=config,
            clock=self.clock,
        )

    async def _settle(self) -> None:
        self.settled += 1

    def http(self) -> Any:
        found = self.store.get(VIRTUAL_SERVICE, "default", "app")
        assert found is not None
        return found["spec"]["http"]

    def patch(self, http: Any) -> None:
        self.store.patch(VIRTUAL_SERVICE, "default", "app", Patch("merge", {"spec": {"http": http}}))

    def rules(self) -> list[str]:
        return [rule["name"] for rule in self.http()]


def virtual_service() -> JSON:
    destinations = [
        {"destination": {"host": "app", "subset": name}, "weight": w} for name, w in (("v1", 90), ("v2", 10))
    ]
    spec = {"hosts": ["app"], "http": [{"name": "main", "route": destinations}]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": spec,
    }


def destination_rule() -> JSON:
    subsets = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {"host": "app", "subsets": subsets},
    }


def config(order: Order) -> ComparerConfig:
    return ComparerConfig("admin.sock", order.service, order.stable, order.candidate, "00", order.sampled.regex)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(comparison, "IN_FLIGHT_SECONDS", 0.0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(Database(tmp_path / "state.db", [RECORDS, OBJECTS])) as database:
        yield World(tmp_path, database)


@pytest.fixture
async def comparisons(world: World) -> AsyncIterator[Comparisons]:
    comparisons = world.comparisons()
    yield comparisons
    await comparisons.close()


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not look():  # noqa: ASYNC110 - the task under test rings no bell
            await asyncio.sleep(0.001)


async def ask(comparisons: Comparisons, method: str = "GET", rest: str = "", **body: Any) -> Any:
    name = "comparison/" if rest else "comparison"
    return await views(comparisons)[name](ViewRequest(method, body=body or None, rest=rest))


def order(**more: Any) -> Order:
    return ordered({**START, **more})


async def test_where_nothing_was_compared_the_view_says_so(comparisons: Comparisons) -> None:
    assert await ask(comparisons) == {"running": False, "id": None}
    assert await views(comparisons)["comparisons"](ViewRequest("GET")) == []


async def test_it_copies_to_both_while_it_runs_and_leaves_the_routes_as_they_were(
    world: World, comparisons: Comparisons
) -> None:
    begun = await ask(comparisons, "POST", **START, sample="1/16", seconds=60, baseline_percent=50)
    assert (begun["running"], begun["id"], begun["by"]) == (True, "1", "compare")
    assert (begun["service"], begun["from"], begun["to"]) == ("app.default.svc.cluster.local", "v1", "v2")
    assert (begun["sample"], begun["methods"], begun["ends"]) == ("1/16", ["GET", "HEAD"], 1060.0)
    copied, main = world.http()
    assert copied["name"] == "main-mirror"
    assert [(m["destination"]["subset"], m["percentage"]["value"]) for m in copied["mirrors"]] == [
        ("v2", 100),
        ("v1", 50),
    ]
    assert main["route"] == world.before[0]["route"], "users' weights are theirs"
    assert world.settled == 1, "Envoy has it before anything is expected"
    ended = await ask(comparisons, "POST", do="stop", id="1")
    assert (ended["running"], ended["why"], ended["report"]["last"]) == (False, "it was stopped", True)
    assert world.http() == world.before
    assert await ask(comparisons) == ended
    assert await ask(comparisons, rest="1") == ended


async def test_a_route_may_be_named_by_its_place_though_that_changes(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order(route="http[0]"))
    await asyncio.sleep(0.01)
    assert (running.ended, running.order.route) == (None, None), "it is the only one"
    await comparisons.stop(running, "enough")
    world.patch([*world.before, world.before[0] | {"name": "rest"}])
    running = await comparisons.start(order(route="http[1]"))
    await asyncio.sleep(0.01)
    assert (running.ended, running.order.route) == (None, "rest")
    assert world.rules() == ["main", "rest-mirror", "rest"]
    await comparisons.stop(running, "enough")


async def test_a_route_without_a_name_among_others_needs_one(world: World, comparisons: Comparisons) -> None:
    world.patch([*world.before, {"route": world.before[0]["route"]}])
    for place in ("http[1]", "http[7]"):
        with pytest.raises(ApiError) as refused:
            await comparisons.start(order(route=place))
        assert refused.value.status == 422
        assert place in refused.value.message


async def test_a_second_one_is_refused_while_the_first_runs(world: World, comparisons: Comparisons) -> None:
    await ask(comparisons, "POST", **START)
    with pytest.raises(ApiError) as refused:
        await ask(comparisons, "POST", **START)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert "turnout compare stop" in (refused.value.hint or "")
    assert world.rules() == ["main-mirror", "main"]


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"service": None}, 400, "`service`"),
        ({"to": ""}, 400, "`to`"),
        ({"to": "v1"}, 400, "itself"),
        ({"sample": "2/1"}, 400, "sample"),
        ({"seconds": -1}, 400, "`seconds`"),
        ({"seconds": "soon"}, 400, "`seconds`"),
        ({"methods": "GET"}, 400, "`methods`"),
        ({"methods": ["get it"]}, 400, "no HTTP method"),
        ({"baseline_percent": 101}, 400, "`baseline_percent`"),
        ({"route": 7}, 400, "`route`"),
        ({"to": "v3"}, 404, "no subset v3"),
        ({"service": "other"}, 404, "no subset"),
        ({"route": "nowhere"}, 422, "nowhere"),
        ({"do": "dance"}, 400, "start or stop"),
    ],
)
async def test_what_cannot_be_compared_is_refused_and_leaves_nothing(
    world: World, comparisons: Comparisons, wrong: JSON, status: int, said: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await ask(comparisons, "POST", **{**START, **wrong})
    assert refused.value.status == status
    assert said in refused.value.message
    assert world.http() == world.before
    assert await ask(comparisons) == {"running": False, "id": None}


async def test_one_whose_comparer_cannot_be_started_leaves_nothing(world: World, comparisons: Comparisons) -> None:
    world.comparer.fails = True
    with pytest.raises(ProgramNotFound):
        await comparisons.start(order())
    assert world.http() == world.before
    assert await ask(comparisons) == {"running": False, "id": None}


async def test_it_ends_when_its_time_is_over(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order(seconds=10))
    world.clock.now += 10
    await until(lambda: running.ended)
    assert (running.why, running.ended) == ("its time is over", 1010.0)
    assert world.http() == world.before


@pytest.mark.parametrize("until_sure", [True, False])
async def test_one_until_sure_ends_when_it_is_settled(world: World, comparisons: Comparisons, until_sure: bool) -> None:
    running = await comparisons.start(order(until_sure=until_sure))
    world.comparer.latest = {"verdict": "same", "settled": True}
    await until(lambda: running.ended if until_sure else running.report == world.comparer.latest)
    assert (running.ended is None) is not until_sure


async def test_it_is_a_step_that_undo_takes_back_and_that_ends_it(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order())
    (step,) = world.history.all()
    assert step["command"] == "compare app --from v1 --to v2"
    (changed,) = step["objects"]
    assert changed["after"]["http"] == world.http()
    world.patch(changed["before"]["http"])
    await until(lambda: running.ended)
    assert "somebody else has changed the routes" in running.why
    assert world.http() == world.before


async def test_one_that_has_ended_is_no_step_any_more(world: World, comparisons: Comparisons) -> None:
    await comparisons.stop(await comparisons.start(order()), "enough")
    (step,) = world.history.all()
    assert step["undone"] is True


async def test_weights_that_somebody_moves_meanwhile_stay_moved(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order())
    http = world.http()
    for rule in http:
        rule["route"][0]["weight"], rule["route"][1]["weight"] = 50, 50
    world.patch(http)
    await comparisons.stop(running, "enough")
    assert world.rules() == ["main"]
    assert [each["weight"] for each in world.http()[0]["route"]] == [50, 50]


async def test_what_is_shifted_meanwhile_can_be_undone_afterwards(world: World, comparisons: Comparisons) -> None:
    """The step is one between routes with copies, which are gone by then."""
    running = await comparisons.start(order())
    before, after = world.http(), world.http()
    for rule in after:
        rule["route"][0]["weight"], rule["route"][1]["weight"] = 50, 50
    world.patch(after)
    place = {"namespace": "default", "name": "app"}
    spec = {"hosts": ["app"]}
    steps = [{**place, "before": {**spec, "http": before}, "after": {**spec, "http": after}}]
    world.history.add({"command": "shift app v2=50", "objects": steps})
    await comparisons.stop(running, "enough")
    compared, shifted = world.history.all()
    assert (compared["undone"], shifted.get("undone")) == (True, None)
    (changed,) = shifted["objects"]
    assert changed["after"]["http"] == world.http()
    assert changed["before"]["http"] == world.before


async def test_weights_of_the_route_alone_end_it_and_no_rule_of_its_own_is_left(
    world: World, comparisons: Comparisons
) -> None:
    """Else requests that are copied would go on by the old weights."""
    running = await comparisons.start(order())
    http = world.http()
    http[1]["route"][0]["weight"], http[1]["route"][1]["weight"] = 0, 100
    world.patch(http)
    await until(lambda: running.ended)
    assert running.why == "somebody else has changed the routes"
    assert world.http() == http[1:]


async def test_of_several_virtual_services_each_is_put_back_or_rid_of_its_copies(
    world: World, comparisons: Comparisons
) -> None:
    world.store.create(VIRTUAL_SERVICE, {**virtual_service(), "metadata": {"name": "other", "namespace": "default"}})
    running = await comparisons.start(order())
    world.patch([rule | {"timeout": "9s"} for rule in world.http()])
    await comparisons.stop(running, "enough")
    assert world.http() == [world.before[0] | {"timeout": "9s"}]
    other = world.store.get(VIRTUAL_SERVICE, "default", "other")
    assert other is not None
    assert other["spec"]["http"] == world.before


async def test_a_mirror_that_somebody_else_sets_meanwhile_stays(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order())
    theirs = [{**world.before[0], "mirror": {"host": "app", "subset": "v2"}}]
    world.patch(theirs)
    await until(lambda: running.ended)
    assert world.http() == theirs


async def test_for_a_rollout_the_routes_are_somebody_elses(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order(steer=False, by="rollout default/app"))
    assert world.http() == world.before
    with pytest.raises(ApiError) as refused:
        await comparisons.start(order())
    assert "by rollout default/app" in refused.value.message
    assert "turnout rollout abort" in (refused.value.hint or "")
    await until(lambda: running.report is not None)
    await comparisons.stop(running, "enough")
    assert world.http() == world.before
    assert world.history.all() == []


async def test_a_killed_turnouts_comparison_goes_on_with_its_tally(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order(seconds=60))
    known = world.comparer.latest = {"verdict": "unsure", "pairs": {"candidate": 7, "baseline": 2}}
    world.comparer.tally = {"format": 1}
    archive = Archive(world.folder / "comparisons")
    await until(lambda: archive.tally("1"))
    world.comparer.latest = {"verdict": "unsure", "pairs": {"candidate": 0, "baseline": 0}}
    successor = world.comparisons()
    await successor.resume()
    await asyncio.sleep(0)
    assert (await ask(successor))["report"] == known, "until there is more"
    assert world.comparer.given[-1] == (config(running.order), {"format": 1})
    again = successor.latest()
    assert again is not None
    assert (again.id, again.started, again.ended) == ("1", 1000.0, None)
    await successor.stop(again, "enough")
    assert world.http() == world.before
    assert archive.tally("1") is None, "one that has ended needs it no more"


async def test_one_whose_time_was_over_meanwhile_ends_at_once(world: World, comparisons: Comparisons) -> None:
    await comparisons.start(order(seconds=60))
    world.clock.now += 61
    successor = world.comparisons()
    await successor.resume()
    ended = successor.latest()
    assert ended is not None
    assert ended.ended == 1061.0
    assert "before Turnout ran again" in ended.why
    assert world.http() == world.before
    assert len(world.comparer.given) == 1


async def test_killed_before_it_was_known_what_was_steered_the_copies_are_taken_off(world: World) -> None:
    first = world.comparisons()
    running = await first.start(order(seconds=60))
    running.steered = None
    Archive(world.folder / "comparisons").save("1", running.as_json())
    world.clock.now += 61
    successor = world.comparisons()
    await successor.resume()
    assert world.http() == world.before
    await first.close()


async def test_one_that_nobody_can_go_on_with_says_why(world: World, comparisons: Comparisons) -> None:
    await comparisons.start(order())
    world.comparer.fails = True
    successor = world.comparisons()
    await successor.resume()
    ended = successor.latest()
    assert ended is not None
    assert ended.why == "no comparer"
    assert world.http() == world.before


async def test_a_record_that_makes_no_sense_keeps_nothing_from_starting(world: World, comparisons: Comparisons) -> None:
    running = (await comparisons.start(order())).as_json()
    Archive(world.folder / "comparisons").save("1", running | {"order": running["order"] | {"sample": "much"}})
    successor = world.comparisons()
    await successor.resume()
    assert (await ask(successor))["why"] == "a bug in Turnout ended it"
    assert world.http() == world.before


async def test_turnouts_end_is_its_end(world: World, comparisons: Comparisons) -> None:
    running = await comparisons.start(order())
    await comparisons.close()
    await comparisons.close()
    assert running.why == "Turnout was stopped"
    assert world.http() == world.before
    assert world.comparer.stops == 1


async def test_a_bug_ends_it_and_is_shown(
    world: World, comparisons: Comparisons, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await comparisons.start(order())
    world.comparer.latest = {"verdict": "unsure"}
    monkeypatch.setattr(comparisons._steering, "flows", lambda order: 1 // 0)
    await until(lambda: running.ended)
    assert "bug" in running.why
    assert [problem.code for problem in world.mishaps.problems()] == ["TNO405"]
    assert world.http() == world.before


async def test_the_last_twenty_are_kept_and_older_ones_named_as_gone(world: World, comparisons: Comparisons) -> None:
    for _ in range(KEPT + 2):
        await comparisons.stop(await comparisons.start(order()), "enough")
    listed = await views(comparisons)["comparisons"](ViewRequest("GET"))
    assert [each["id"] for each in listed] == [str(number) for number in range(KEPT + 2, 2, -1)]
    assert "report" not in listed[0]["report"]
    with pytest.raises(ApiError) as gone:
        await ask(comparisons, rest="1")
    assert gone.value.status == 404


async def test_only_the_one_that_is_meant_is_stopped(comparisons: Comparisons) -> None:
    await comparisons.stop(await comparisons.start(order()), "enough")
    running = await comparisons.start(order())
    assert (await ask(comparisons, "POST", do="stop", id="1"))["why"] == "enough"
    assert running.ended is None


async def test_reports_are_their_owners_alone(world: World, comparisons: Comparisons) -> None:
    await comparisons.start(order())
    folder = world.folder / "comparisons"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_that_cannot_be_read_is_as_if_it_had_never_been(tmp_path: Path) -> None:
    (tmp_path / "3.json").write_text("{")
    (tmp_path / "4.json").write_text("[]")
    archive = Archive(tmp_path)
    assert [archive.load(each) for each in ("3", "4", "5", "../3")] == [None] * 4
    assert archive.fresh_id() == "5"


def test_the_redaction_key_stays_and_is_its_owners_alone(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.create()
    key = state.redaction_key()
    assert len(key) >= 32
    assert key != state.token()
    assert state.redaction_key() == key
    assert stat.S_IMODE((tmp_path / "redaction-key").stat().st_mode) == 0o600
