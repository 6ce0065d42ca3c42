"""A cluster without one: a real API with a service's objects, and a Prometheus that counts by the live weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.apiserver.samples import TOKEN, Served, serving
from tests.controller.authorising import Rights, authorising
from tests.rollout.service_site import VERSIONS, virtual_service

from turnout.apiserver import kubeconfig
from turnout.apiserver.store import Store
from turnout.client import Client
from turnout.controller.controller import Controller, Order
from turnout.delivery import steering
from turnout.resources.kinds import DESTINATION_RULE, NAMESPACE, POD, SERVICE, VIRTUAL_SERVICE, Kind
from turnout.rollout.shelf import ConfigMaps, Objects, Shelf

RATE = 200.0
LABELS = {version: {"app": "app", "version": version} for version in ("v1", "v2")}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
START = 1_790_000_000.0


def objects() -> Iterator[tuple[Any, dict[str, Any]]]:
    yield SERVICE, {"metadata": {"name": "app"}, "spec": {"selector": {"app": "app"}, "ports": [{"port": 80}]}}
    subsets = [{"name": version, "labels": {"version": version}} for version in LABELS]
    yield DESTINATION_RULE, {"metadata": {"name": "app"}, "spec": {"host": "app", "subsets": subsets}}
    yield VIRTUAL_SERVICE, virtual_service()
    for version, labels in LABELS.items():
        yield (
            POD,
            {"metadata": {"name": f"app-{version}", "labels": labels}, "spec": {"containers": []}, "status": READY},
        )


class Mesh:
    """`tick` is a second of traffic, and a round of each controller."""

    def __init__(self, served: Served, client: Client, state: Path) -> None:
        self.client = client
        self.seconds = 0.0
        self.said: list[str] = []
        self.bad: dict[str, float] = {}
        """Version → share of its requests that fail."""
        self.counters: dict[tuple[str, str], float] = {}
        """Version and code → requests."""
        self._samples: list[tuple[float, dict[tuple[str, str], float]]] = [(START - 1000.0, {})]
        self._state = state
        self.port = served.port
        self._served = served
        self._stack = ExitStack()
        for kind, obj in objects():
            metadata = {"namespace": "default", **obj["metadata"]}
            served.do(partial(_put, kind, {**obj, "metadata": metadata}))

    def close(self) -> None:
        self._stack.close()

    def gone(self, pod: str) -> None:
        """As its process is."""
        self._served.do(lambda store: store.delete(POD, "default", pod))

    # --- the time

    def clock(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return START + self.seconds

    def tick(self, *controllers: Controller) -> None:
        self.seconds += 1.0
        self._count()
        for controller in controllers:
            controller.stand()
            controller.round()

    # --- Prometheus

    def _count(self) -> None:
        routing = steering.in_force(self.client.list(VIRTUAL_SERVICE)["items"], VERSIONS)
        share = {"v1": routing.stable, "v2": routing.candidate} if routing else {}
        for version, weight in share.items():
            requests, bad = RATE * weight / sum(share.values()), self.bad.get(version, 0.0)
            for code, part in (("200", 1 - bad), ("503", bad)):
                key = (version, code)
                if requests * part:
                    self.counters[key] = self.counters.get(key, 0.0) + requests * part
        self._samples.append((self.wall(), dict(self.counters)))

    def ask(self, promql: str, at: float | None = None) -> Mapping[str, Any]:
        """What growth asks: the time, last values, raw samples."""
        if promql == "time()":
            return {"resultType": "scalar", "result": [self.wall(), str(self.wall())]}
        assert at is not None
        seen = [(when, counted) for when, counted in self._samples if when <= at]
        if promql.startswith("last_over_time("):
            return {"result": [{"metric": _labels(*key), "value": [at, str(n)]} for key, n in seen[-1][1].items()]}
        found = re.search(r"\[(\d+)ms\]$", promql)
        assert found, promql
        inside = [(when, counted) for when, counted in seen if when > at - int(found[1]) / 1000]
        return {
            "result": [
                {"metric": _labels(*key), "values": [[when, str(c[key])] for when, c in inside if key in c]}
                for key in self.counters
                if any(key in counted for _, counted in inside)
            ]
        }

    # --- controllers, and what becomes of rollouts

    def controller(self, identity: str = "one", rights: Rights | None = None, **order: Any) -> Controller:
        """With `rights`, behind somebody who grants those alone."""
        port = self._stack.enter_context(authorising(self.port, rights)) if rights else self.port
        state = self._state / identity
        state.mkdir()
        kubeconfig.write(state / "kubeconfig", f"http://127.0.0.1:{port}", TOKEN)
        given = {"namespace": "default", "lease_namespace": "default", "look_seconds": 1.0, **order}
        made = Controller(
            Order(identity=identity, **given),
            lambda kind: kind.from_state(state),
            self.ask,
            self.said.append,
            self.clock,
            self.wall,
        )
        self._stack.callback(made.close)
        return made

    def shelf(self, *, in_config_maps: bool = False) -> Shelf:
        return ConfigMaps(self.client) if in_config_maps else Objects(self.client)

    def until(self, shelf: Shelf, phase: str, *controllers: Controller) -> dict[str, Any]:
        """The status."""
        for _ in range(200):
            self.tick(*controllers)
            status: dict[str, Any] = shelf.get("default", "app-v2").get("status") or {}
            if status.get("phase") == phase:
                return status
        raise AssertionError(f"never {phase}: {status}, {self.said}")

    @property
    def weights(self) -> tuple[int, int]:
        found = steering.in_force(self.client.list(VIRTUAL_SERVICE)["items"], VERSIONS)
        assert found is not None
        return found.stable, found.candidate


def _put(kind: Kind, obj: dict[str, Any], store: Store) -> None:
    """By the server's own hand: pods are written by nobody else."""
    store.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **obj})
    if "status" in obj:
        store.write_status(kind, obj["metadata"]["namespace"], obj["metadata"]["name"], obj["status"])


def _labels(version: str, code: str) -> dict[str, str]:
    return {"destination_canonical_revision": version, "response_code": code}


@contextmanager
def mesh(folder: Path) -> Iterator[Mesh]:
    with serving(folder / "state.db", {}) as served:
        kubeconfig.write(folder / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)
        with Client.from_state(folder) as client:
            if not any(each["metadata"]["name"] == "default" for each in client.list(NAMESPACE)["items"]):
                client.create(NAMESPACE, {"metadata": {"name": "default"}})
            made = Mesh(served, client, folder)
            try:
                yield made
            finally:
                made.close()
