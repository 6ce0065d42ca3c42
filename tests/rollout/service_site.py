"""A real API whose routes decide where a service's requests go. Counters are exact, and the test tells the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.apiserver.samples import TOKEN, Served, serving
from tests.delivery.traffic import Service

from turnout.apiserver import kubeconfig
from turnout.apiserver.store import Event, Store
from turnout.apiserver.view import ViewRequest
from turnout.client import Client
from turnout.client.client import Object
from turnout.database import Database
from turnout.delivery import steering
from turnout.delivery.evidence import Buckets, Evidence
from turnout.delivery.plan import STABLE, Routing
from turnout.delivery.steering import Versions
from turnout.delivery.users import Users
from turnout.error import ApiError, EvidenceFailed
from turnout.evidence.question import Question
from turnout.resources.kinds import ROLLOUT, VIRTUAL_SERVICE
from turnout.rollout import engine
from turnout.rollout import intent as intents
from turnout.rollout.history import HISTORY, History
from turnout.rollout.intent import Hook, Intent
from turnout.rollout.site import Site

VERSIONS = Versions("app.default.svc.cluster.local", "v1", "v2")
DURATIONS: Buckets = {(1000.0, 100.0): 900, (2000.0, 100.0): 100}
NAME = "app-v2"


def virtual_service(stable: int = 100, candidate: int = 0) -> Object:
    weights = {"v1": stable, "v2": candidate}
    route = [{"destination": {"host": "app", "subset": name}, "weight": weight} for name, weight in weights.items()]
    return {
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {"hosts": ["app"], "http": [{"name": "main", "route": route}]},
    }


def rollout(*steps: Mapping[str, Any], **spec: Any) -> Object:
    given = {"service": "app", "from": "v1", "to": "v2", "steps": list(steps), "minTime": "1s", **spec}
    given.setdefault("guards", [{"errors": {"tolerance": 5}}])
    return {"metadata": {"name": NAME, "namespace": "default"}, "spec": given}


class Scripted:
    """Evidence of requests that go where the live routes say, second by second."""

    def __init__(self, site: ServiceSite) -> None:
        self._site = site
        self.problems: list[str] = []
        self.unreachable = ""
        self.prompt = True

    def look(self, question: Question) -> Evidence | None:
        if self.unreachable:
            raise EvidenceFailed(self.unreachable)
        evidence = self._site.service.look(self._site.astray or self._site.in_force or STABLE)
        wanted = {asked.guard.name for asked in question.guards}
        guards = {name: counts for name, counts in evidence.guards.items() if name in wanted}
        return Evidence(
            f"{evidence.epoch}/{question.step}",
            evidence.candidate,
            evidence.total,
            guards,
            evidence.candidate_ready,
            evidence.stable_ready,
        )

    def under_way(self, versions: Versions) -> int:
        return 0

    def durations(self, versions: Versions) -> Buckets:
        return DURATIONS


class ServiceSite:
    """`service` answers; `tick` is one look of an engine. A new engine has nothing but the API to know things from."""

    def __init__(self, served: Served, client: Client, folder: Path, blast: dict[str, Any]) -> None:
        self.client = client
        self.blast = blast
        self.comparison: dict[str, Any] = {"running": False, "id": None}
        """What the view shows; who starts or stops one changes it."""
        self.now = 1_000_000.0
        self.told: list[Mapping[str, Any]] = []
        self.astray: Routing | None = None
        """Where requests go in truth."""
        self.users = Users()
        """Who met which version."""
        self.asked: list[tuple[str, float | None]] = []
        self.source = Scripted(self)
        self._served = served
        self._database = Database(folder / "rollouts.db", (HISTORY,))
        self.history = History(self._database)
        client.create(VIRTUAL_SERVICE, virtual_service())
        served.do(self._acknowledge_all)

    def close(self) -> None:
        self._database.close()

    def _acknowledge_all(self, store: Store) -> None:
        """As Envoy does."""

        def served(event: Event) -> None:
            if event.kind == VIRTUAL_SERVICE and not event.status_only:
                meta = event.object["metadata"]
                status = {"status": {"observedGeneration": meta["generation"]}}
                obj = {**event.object, **status}
                store.replace_status(VIRTUAL_SERVICE, obj)

        store.subscribe(served)

    # --- what the test does

    def start(self, obj: Object, bad: Mapping[str, tuple[float, float]] | None = None, rate: float = 200.0) -> None:
        """The engine begins with the first tick."""
        self.prepare(obj, bad, rate)
        self.client.create(ROLLOUT, obj)

    def prepare(self, obj: Object, bad: Mapping[str, tuple[float, float]] | None = None, rate: float = 200.0) -> None:
        """Requests come as the rollout will need them; it is not there yet."""
        found = intents.of({"apiVersion": ROLLOUT.api_version, "kind": ROLLOUT.kind, **obj})
        assert isinstance(found, Intent), found
        self.service = Service(found.plan, rate, bad or {})

    def tick(self, count: int = 1) -> Object:
        """Each a second after the last. Returns the status."""
        for _ in range(count):
            self.now += 1.0
            engine.tick(self.engine_site)
        return self.status

    @property
    def engine_site(self) -> Site:
        """What an engine gets."""
        return Site(self.client, self.source, self.history, self._tell, self._met, lambda: self.now, self.client)

    def until(self, **fields: Any) -> Object:
        for _ in range(2000):
            status = self.tick()
            if all(status.get(name) == value for name, value in fields.items()):
                return status
        raise AssertionError(f"never {fields}: {self.status}")

    def order(self, words: str) -> None:
        patch = {"metadata": {"annotations": {"turnout.dev/order": words}}}
        self.client.patch(ROLLOUT, "default", NAME, patch)

    def shift(self, stable: int, candidate: int) -> None:
        """By somebody else."""
        self.client.patch(VIRTUAL_SERVICE, "default", "app", {"spec": virtual_service(stable, candidate)["spec"]})

    def _met(self, name: str, versions: Versions, until: float | None = None) -> Users:
        self.asked.append((name, until))
        return self.users

    def _tell(self, hooks: Sequence[Hook], event: Mapping[str, Any]) -> None:
        self.told.append(event)

    def compare(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """As the view does."""
        if order["do"] == "stop":
            self.comparison["running"] = False
        elif self.comparison["running"]:
            raise ApiError(409, "Conflict", f"a comparison runs already, by {self.comparison['by']}")
        else:
            self.comparison = {**order, "running": True, "id": "c1", "report": None}
        return self.comparison

    # --- what there is

    @property
    def object(self) -> Object:
        return self.client.get(ROLLOUT, "default", NAME)

    @property
    def status(self) -> Object:
        return dict(self.object.get("status") or {})

    @property
    def in_force(self) -> Routing | None:
        return steering.in_force(self.client.list(VIRTUAL_SERVICE)["items"], VERSIONS)

    @property
    def weights(self) -> tuple[int, int]:
        found = self.in_force
        assert found is not None
        return found.stable, found.candidate

    def events(self, *what: str) -> list[str]:
        """Their texts."""
        return [event["text"] for event in self.history.events("default", NAME) if event["what"] in what]


@contextmanager
def running(folder: Path) -> Iterator[ServiceSite]:
    blast: dict[str, Any] = {"fan_out": None, "user_requests": 0, "calls": 0, "propagates": None}
    steps: list[Any] = []

    async def history(request: ViewRequest) -> Any:
        if request.method == "GET":
            return steps
        steps.append(request.body)
        return request.body

    async def shown(request: ViewRequest) -> Any:
        return blast

    async def comparison(request: ViewRequest) -> Any:
        return site.compare(request.body) if request.method == "POST" else site.comparison

    state = folder / ".turnout"
    state.mkdir()
    views = {"history": history, "blast": shown, "comparison": comparison}
    with serving(state / "state.db", views) as served:
        kubeconfig.write(state / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)
        with Client.from_state(state) as client, closing(ServiceSite(served, client, folder, blast)) as site:
            yield site
