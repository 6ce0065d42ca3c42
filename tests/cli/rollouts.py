"""Rollouts as the API carries them, and an API whose engine does at once what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from rich.console import Console, RenderableType
from tests.apiserver.samples import TOKEN, Served, serving

from turnout.apiserver import kubeconfig
from turnout.apiserver.patch import Patch
from turnout.apiserver.store import Event, Store
from turnout.apiserver.view import ViewRequest
from turnout.cli import root
from turnout.error import ApiError
from turnout.resources.kinds import ROLLOUT, VIRTUAL_SERVICE

JSON = dict[str, Any]
NOW = 1_000_000.0
STEPS = [{"name": f"weight {percent:g} %", "kind": "weight", "percent": percent} for percent in (5.0, 50.0, 100.0)]
HOST = "reviews.default.svc.cluster.local"


def verdict(guard: str = "errors", kind: str = "open", **more: Any) -> JSON:
    return {
        "guard": guard,
        "kind": kind,
        "candidate": {"bad": 1, "total": 210},
        "stable": {"bad": 20, "total": 4000},
        "increase": -0.0002,
        "low": -0.01,
        "high": 0.02,
        "tolerance": 0.01,
        "requests": 300,
        "seconds": 40.0,
        "words": f"{guard}: {kind}",
        **more,
    }


def status(phase: str = "running", step: int = 0, **more: Any) -> JSON:
    return {
        "phase": phase,
        "step": step,
        "steps": STEPS,
        "startedAt": NOW - 200,
        "enteredAt": NOW - 30,
        "countedSeconds": 0.0,
        "why": "",
        "split": "no traffic",
        "verdicts": [],
        **more,
    }


def rollout(name: str = "reviews-v2", service: str = "reviews", **its_status: Any) -> JSON:
    """Not begun without a status."""
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {"service": service, "from": "v1", "to": "v2", "steps": [{"weight": 5}]},
        **({"status": status(**its_status)} if its_status else {}),
    }


def printed(what: RenderableType, width: int = 200) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(what)
    return [line.rstrip() for line in capture.get().splitlines()]


def refusing(verb: str, now: JSON) -> JSON:
    """The status after an order that means nothing."""
    return {**now, "order": {"refused": "nobody is here"}}


class Api:
    """`begins`: the status that a new Rollout gets, `ends`, `adds`: later ones.

    `takes`: what becomes of one that is given an order.
    """

    def __init__(self, served: Served, state: Path) -> None:
        self.state = state
        self.begins: JSON | None = status()
        self.ends: JSON | None = None
        self.adds: JSON | None = None
        self.takes: Callable[[str, JSON], JSON] = refusing
        self.seen: JSON = {"services": [service()]}
        self.blast: JSON | None = None
        self.windows: JSON = {"asked_seconds": 600.0, "windows": []}
        self.rollouts: Any = []
        self._served = served
        served.do(lambda store: store.create(VIRTUAL_SERVICE, virtual_service(main={"v1": 100, "v2": 0})))
        served.do(lambda store: store.subscribe(self._written))

    def store(self, work: Callable[[Store], Any]) -> Any:
        """What the API's store answers, asked in its own thread."""
        return self._served.do(work)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, ["rollout", *arguments, "--state", str(self.state)])

    def sends(self, **weights: Mapping[str, int]) -> None:
        """From now on there are these routes."""
        patch = Patch("merge", {"spec": virtual_service(**weights)["spec"]})
        self._served.do(lambda store: store.patch(VIRTUAL_SERVICE, "default", "reviews", patch))

    def has(self, *objects: JSON) -> None:
        """They are there, with their status."""
        for obj in objects:
            self._served.do(partial(self._put, obj=obj))

    def all(self) -> dict[str, Mapping[str, Any]]:
        """By name."""
        found = self._served.do(lambda store: store.list(ROLLOUT))
        return {obj["metadata"]["name"]: obj for obj in found}

    def _put(self, store: Store, obj: JSON) -> None:
        kept, self.begins = self.begins, None
        store.create(ROLLOUT, {key: value for key, value in obj.items() if key != "status"})
        if "status" in obj:
            store.write_status(ROLLOUT, "default", obj["metadata"]["name"], obj["status"])
        self.begins = kept

    def _written(self, event: Event) -> None:
        """Subscribers do not write: it is done a moment later."""
        loop = asyncio.get_running_loop()
        if event.kind == ROLLOUT and event.type == "ADDED":
            for seconds, told in ((0.0, self.begins), (0.05, self.ends), (0.8, self.adds)):
                if told is not None:
                    loop.call_later(seconds, self._tell, event.object["metadata"]["name"], told)
        elif event.kind == ROLLOUT and "turnout.dev/order" in (event.object["metadata"].get("annotations") or {}):
            loop.call_soon(self._carry_out, event.object)

    def _tell(self, name: str, told: JSON) -> None:
        self._served.store.write_status(ROLLOUT, "default", name, told)

    def _carry_out(self, obj: Mapping[str, Any]) -> None:
        name = obj["metadata"]["name"]
        verb, number = obj["metadata"]["annotations"]["turnout.dev/order"].split()
        after = self.takes(verb, dict(obj.get("status") or {}))
        self._tell(name, {**after, "order": {"refused": "", **after.get("order", {}), "id": number}})
        patch = Patch("merge", {"metadata": {"annotations": {"turnout.dev/order": None}}})
        self._served.store.patch(ROLLOUT, "default", name, patch)


def virtual_service(**weights: Mapping[str, int]) -> JSON:
    """A route per name."""

    def choices(split: Mapping[str, int]) -> list[JSON]:
        return [{"destination": {"host": "reviews", "subset": name}, "weight": n} for name, n in split.items()]

    http = [{"name": name, "route": choices(split)} for name, split in weights.items()]
    return {"metadata": {"name": "reviews", "namespace": "default"}, "spec": {"hosts": ["reviews"], "http": http}}


def service() -> JSON:
    versions = [{"subset": subset, "rate": rate, "error_share": 0.0} for subset, rate in (("v1", 50.0), ("v2", 0.0))]
    route = {"virtual_service": "default/reviews", "route": "main", "weights": {"v1": "100", "v2": "0"}, "mirror": []}
    return {"name": "reviews", "namespace": "default", "host": HOST, "versions": versions, "routes": [route]}


@contextmanager
def running(folder: Path) -> Iterator[Api]:
    api: Api

    async def seen(request: ViewRequest) -> Any:
        return api.seen

    async def blast(request: ViewRequest) -> Any:
        if api.blast is None:
            raise ApiError(404, "NotFound", "no such view")
        return api.blast

    async def windows(request: ViewRequest) -> Any:
        return api.windows

    async def history(request: ViewRequest) -> Any:
        return {}

    async def rollouts(request: ViewRequest) -> Any:
        if request.rest and request.rest != "default/reviews-v2":
            raise ApiError(404, "NotFound", "no such rollout")
        return api.rollouts

    state = folder / ".turnout"
    state.mkdir()
    views = {
        "status": seen,
        "blast": blast,
        "windows": windows,
        "history": history,
        "rollouts": rollouts,
        "rollouts/": rollouts,
    }
    with serving(state / "state.db", views) as served:
        kubeconfig.write(state / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)
        api = Api(served, state)
        yield api
