"""What Envoy was given, and what it has said to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from turnout.apiserver.store import Store
from turnout.compiler.config import LISTENER, Config
from turnout.control.condition import stamped
from turnout.control.mishaps import Mishaps
from turnout.control.objects import LiveObjects, ObjectKey
from turnout.control.ports import taken
from turnout.memo import Memo
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.kinds import (
    DESTINATION_RULE,
    GATEWAY,
    GRPC_ROUTE,
    HTTP_ROUTE,
    KUBERNETES_GATEWAY,
    TCP_ROUTE,
    TLS_ROUTE,
    VIRTUAL_SERVICE,
)
from turnout.workloads.ports import free
from turnout.xds.ads import AdsServer, Publication
from turnout.xds.watch import Rejection

_log = logging.getLogger(__name__)

CONFIRMED = (VIRTUAL_SERVICE, DESTINATION_RULE, GATEWAY)
"""Kinds whose status says that Envoy serves them."""
TOLD = (KUBERNETES_GATEWAY, HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE)
"""Kinds whose status says besides what became of each part."""
_KINDS = {kind.title: kind for kind in (*CONFIRMED, *TOLD)}


@dataclass(frozen=True, slots=True)
class _Served:
    """What a publication carries: the version of the desired world, and the generation of each object in it.

    `statuses`: of objects whose status says more than that they are served.
    """

    version: int
    generations: Mapping[ObjectKey, int]
    statuses: Mapping[ObjectKey, Mapping[str, Any]]


class Acknowledgement:
    """Publishes configs, and tells who waits, and the objects' status, when Envoy has them."""

    def __init__(self, socket: Path, store: Store, mishaps: Mishaps, services: Sequence[Any] = ()) -> None:
        """`socket`: where Envoy finds the ADS server; `services`: what else it finds there."""
        self.ads = AdsServer(socket, on_rejection=self._rejected, services=services)
        self._store = store
        self._confirmed, self._told = LiveObjects(store, CONFIRMED), LiveObjects(store, TOLD)
        self._memo = Memo()
        self._mishaps = mishaps
        self._published: dict[Publication, _Served] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._settled = asyncio.Condition()
        self._rejections: dict[tuple[str, tuple[str, ...]], Rejection] = {}
        self.served_version = 0
        """The version of the desired world that Envoy serves."""

    def publish(
        self,
        config: Config,
        version: int,
        generations: Mapping[ObjectKey, int],
        listen: Mapping[int, int],
        statuses: Mapping[ObjectKey, Mapping[str, Any]],
    ) -> None:
        """A publication that is still under way takes the newer config in, and then answers for it as well."""
        publication = self.ads.publish(config, retry_rejected=self.freed(listen))
        if publication not in self._published:
            task = asyncio.create_task(self._follow(publication))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        self._published[publication] = _Served(version, generations, statuses)

    async def served(self, version: int) -> None:
        """Until Envoy serves this version, or a later one."""
        async with self._settled:
            await self._settled.wait_for(lambda: self.served_version >= version)

    async def _follow(self, publication: Publication) -> None:
        rejections = await publication.acknowledged()
        served = self._published.pop(publication)
        self._rejections = {(r.type_url, r.names): r for r in rejections}
        async with self._settled:
            self.served_version = max(self.served_version, served.version)
            self._settled.notify_all()
        with self._mishaps.recording():
            self._confirm(served.generations, ok=not rejections)
            if not rejections:
                self._tell(served.statuses)

    def _confirm(self, generations: Mapping[ObjectKey, int], *, ok: bool) -> None:
        """`status.observedGeneration` and a condition, as Istio writes them."""

        def missing(_: ObjectKey, obj: Mapping[str, Any], generation: int | None) -> dict[str, Any] | None:
            status = _status(generation or 0, ok=ok)
            return None if obj.get("status") == status else status

        found = self._memo.each("missing", (self._confirmed.read(), generations), missing, (ok,))
        self._memo.forget_unasked()
        for (kind, namespace, name), status in found.items():
            if status is not None:
                self._store.write_status(_KINDS[kind], namespace, name, status)

    def _tell(self, statuses: Mapping[ObjectKey, Mapping[str, Any]]) -> None:
        """What Gateway API wants to be told."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for (kind, namespace, name), obj in self._told.read().items():
            before = obj.get("status")
            status = stamped(statuses.get((kind, namespace, name), before or {}), before, now)
            if status != (before or {}):
                self._store.write_status(_KINDS[kind], namespace, name, status)

    def _rejected(self, rejection: Rejection) -> None:
        """Envoy refused something, and goes on with what it had."""
        _log.error("Envoy rejected %s: %s", ", ".join(rejection.names), rejection.detail)
        self._rejections[rejection.type_url, rejection.names] = rejection

    def freed(self, listen: Mapping[int, int]) -> bool:
        """Whether a port that was taken no longer is: it is time to publish again."""
        refused = (_gateway(rejection, listen) for rejection in self._rejections.values())
        return any(port is not None and free(listen[port]) for port in refused)

    def problems(self, listen: Mapping[int, int], places: Mapping[int, ObjectPath]) -> list[Problem]:
        """What Envoy refuses now. Gateway port → where it listens, and where it stands."""
        return [_problem(rejection, listen, places) for rejection in self._rejections.values()]


def _status(generation: int, *, ok: bool) -> dict[str, Any]:
    condition = {
        "type": "Reconciled",
        "status": "True" if ok else "False",
        "reason": "EnvoyAcknowledged" if ok else "EnvoyRejected",
    }
    return {"observedGeneration": generation, "conditions": [condition]}


def _gateway(rejection: Rejection, listen: Mapping[int, int]) -> int | None:
    """The gateway port whose listener it is about; the routes there have the same name."""
    if rejection.type_url != LISTENER:
        return None
    return next((port for port in listen if f"gateway|{port}" in rejection.names), None)


def _problem(rejection: Rejection, listen: Mapping[int, int], places: Mapping[int, ObjectPath]) -> Problem:
    port = _gateway(rejection, listen)
    if port is not None and not free(listen[port]):
        hint = f"choose another: --gateway-port {port}=<port>; or free it, and it is taken within a second"
        return problem("TNO402", places.get(port), taken(port, listen[port]), hint)
    hint = "the last good configuration stays in force; please report this as a bug of Turnout"
    return problem("TNO403", None, f"Envoy rejected {', '.join(rejection.names)}: {rejection.detail.strip()}", hint)
