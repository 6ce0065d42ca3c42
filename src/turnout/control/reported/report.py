"""Writes the objects that say what runs. They are derived: nothing depends on them, and users only read them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from turnout.apiserver.status import StatusError
from turnout.apiserver.store import Event, Store
from turnout.control.condition import stamped
from turnout.control.mishaps import Mishaps
from turnout.control.reported import deployment, endpoints, pod, replica_set
from turnout.control.reported.definitions import definitions
from turnout.control.reported.events import EventLog, happenings
from turnout.control.world import Named, instance
from turnout.mesh.service import Instance, selects
from turnout.resources.core import ContainerPort
from turnout.resources.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload

_log = logging.getLogger(__name__)

JSONObject = dict[str, Any]
MOST_AT_ONCE = 10
"""Workloads, and Services, that are written in one go: some 30 ms."""

Grouped = Mapping[Named, list[Mapping[str, Any]]]
Chosen = Callable[[Mapping[str, Any]], int]
"""The index of the container that runs of a Deployment's."""


class Pods(Protocol):
    """What runs (`workloads.Workloads`)."""

    def pods(self) -> tuple[PodStatus, ...]: ...

    def retire(self, namespace: str, workload: str, pod: str) -> None: ...


class Report:
    """`write` after each change of pods, Deployments or Services; only what is about those is looked at."""

    def __init__(
        self, store: Store, workloads: Pods, mishaps: Mishaps, chosen: Chosen, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._workloads = workloads
        self._mishaps = mishaps
        self._chosen = chosen
        self._now = now
        self._retired: list[tuple[str, str, str]] = []
        self._events = EventLog(store, now)
        self._pods: dict[Named, tuple[PodStatus, ...]] = {}
        self._planned: dict[Named, Workload | None] = {}
        self._latest: tuple[Workload, ...] = ()
        self._touched: set[Named] = set()
        self._services: set[Named] = set()
        self._first = True
        self.writing = False
        """What is written now is our own report."""

    def seen(self, event: Event) -> None:
        """An object was written, by somebody else."""
        name = (event.object["metadata"].get("namespace", ""), event.object["metadata"]["name"])
        if event.kind is DEPLOYMENT:
            self._touched.add(name)
        elif event.kind is SERVICE:
            self._services.add(name)
        elif event.kind in (POD, REPLICA_SET, ENDPOINTS, ENDPOINT_SLICE):
            self._first = True  # somebody tampers with the report itself: all of it is looked at again
        if event.kind is POD and "deletionTimestamp" in event.object["metadata"]:
            self._retired.append((*_workload_of(event.object), name[1]))

    def write(self, planned: Iterable[Workload]) -> None:
        """Tells the store of all pods; those whose Pod somebody deleted get a successor. A full disk is shown."""
        self._latest = tuple(planned)
        with self._mishaps.recording():
            self._write(self._workloads.pods(), self._latest)
        retired, self._retired = self._retired, []
        for name in retired:
            self._workloads.retire(*name)

    def _write(self, pods: Sequence[PodStatus], planned: Iterable[Workload]) -> None:
        wanted = {workload.key: workload for workload in planned}
        by_workload: dict[Named, tuple[PodStatus, ...]] = {}
        for each in pods:
            key = (each.namespace, each.workload)
            by_workload[key] = (*by_workload.get(key, ()), each)
        if self._first:
            self._look_at_all(by_workload, wanted)
        changed = sorted(self._changed(by_workload, wanted))[:MOST_AT_ONCE]
        self._services |= self._concerned(changed, by_workload)
        services = sorted(self._services)[:MOST_AT_ONCE]
        with self._writing():
            self._write_workloads(changed, by_workload, wanted)
            self._write_services(services, pods)
        for key in changed:
            self._pods[key], self._planned[key] = by_workload.get(key, ()), wanted.get(key)
            if not self._pods[key] and key not in wanted:
                del self._pods[key], self._planned[key]
        self._touched.difference_update(changed)
        self._services.difference_update(services)
        if len(changed) == MOST_AT_ONCE or self._services:  # others of the loop's tasks must not wait for all of it
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self.write(self._latest)

    def _look_at_all(self, pods: Iterable[Named], wanted: Iterable[Named]) -> None:
        """Also what an earlier Turnout wrote of what is gone by now."""
        objects = [obj for kind in (DEPLOYMENT, REPLICA_SET, POD) for obj in self._store.list(kind)]
        self._touched.update(pods, wanted, map(_workload_of, objects))
        self._services.update(map(_name, (*self._store.list(SERVICE), *self._store.list(ENDPOINTS))))
        self._first = False
        with self._writing():
            self._define()

    def _define(self) -> None:
        """Kinds that are built in have their definitions, unless somebody has applied their own."""
        for definition, status in definitions():
            name = definition["metadata"]["name"]
            if self._store.get(CUSTOM_RESOURCE_DEFINITION, "", name) is None:
                made = self._store.create(CUSTOM_RESOURCE_DEFINITION, definition)
                self._tell(CUSTOM_RESOURCE_DEFINITION, made, status)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.writing = True
        try:
            yield
        finally:
            self.writing = False

    def _changed(self, pods: Mapping[Named, tuple[PodStatus, ...]], wanted: Mapping[Named, Workload]) -> set[Named]:
        """Workloads whose pods, template or objects are not as they were."""
        found = {key for key in {*pods, *self._pods} if pods.get(key, ()) != self._pods.get(key, ())}
        # Most are the very same: that is told without comparing what they hold.
        for key in {*wanted, *self._planned}:
            now, before = wanted.get(key), self._planned.get(key)
            if now is not before and now != before:
                found.add(key)
        return found | self._touched

    def _concerned(self, changed: Iterable[Named], pods: Mapping[Named, tuple[PodStatus, ...]]) -> set[Named]:
        """Services that select a pod which changed."""
        concerned = [each for key in changed for each in (*pods.get(key, ()), *self._pods.get(key, ()))]
        labels = {(each.namespace, tuple(sorted(each.labels.items()))) for each in concerned}
        found = set()
        for obj in self._store.list(SERVICE) if labels else ():
            selector = obj["spec"].get("selector") or {}
            if any(obj["metadata"]["namespace"] == place and selects(selector, dict(own)) for place, own in labels):
                found.add(_name(obj))
        return found

    def _grouped(self, kind: Kind, group: Callable[[Mapping[str, Any]], Named]) -> Grouped:
        found: dict[Named, list[Mapping[str, Any]]] = {}
        for obj in self._store.list(kind):
            found.setdefault(group(obj), []).append(obj)
        return found

    # --- workloads

    def _write_workloads(
        self,
        keys: Iterable[Named],
        pods: Mapping[Named, tuple[PodStatus, ...]],
        planned: Mapping[Named, Workload],
    ) -> None:
        ordered = sorted(keys)
        sets = self._grouped(REPLICA_SET, _workload_of) if ordered else {}
        objects = self._grouped(POD, _workload_of) if ordered else {}
        for key in ordered:
            with _refusals(key):
                now = pods.get(key, ())
                present = {each.name for each in now}
                for obj in objects.get(key, ()):
                    if obj["metadata"]["name"] not in present:
                        self._end(obj)
                self._workload(key, now, planned.get(key), sets.get(key, []))

    def _workload(
        self, key: Named, pods: Sequence[PodStatus], planned: Workload | None, sets: list[Mapping[str, Any]]
    ) -> None:
        owner = self._store.get(DEPLOYMENT, *key)
        current: JSONObject | None = None
        if owner is not None and "deletionTimestamp" not in owner["metadata"]:
            own = [one for one in sets if replica_set.owned_by(one, owner["metadata"]["uid"])]
            current = self._put(REPLICA_SET, replica_set.present(owner, own))
            self._number(owner, current)
        objects = self._write_pods(key, pods, current, owner)
        older = [one for one in sets if current is None or _name(one) != _name(current)]
        for one in older:
            self._past(one, owner, objects, pods)
        if owner is not None and current is not None:
            for one in replica_set.forgotten(older, {one["metadata"]["name"]: len(_of(one, objects)) for one in older}):
                self._delete(REPLICA_SET, one)
            self._count(current, objects, pods)
            template_hash = planned.template_hash if planned else ""
            self._tell(DEPLOYMENT, owner, deployment.status(owner, pods, template_hash))

    def _number(self, owner: JSONObject, current: Mapping[str, Any]) -> None:
        """The Deployment says which revision it is at."""
        number = str(replica_set.revision(current))
        annotations = owner["metadata"].get("annotations") or {}
        if annotations.get(replica_set.REVISION) != number:
            owner["metadata"]["annotations"] = {**annotations, replica_set.REVISION: number}
            owner["metadata"] = self._store.replace(DEPLOYMENT, owner)["metadata"]

    def _past(
        self,
        one: Mapping[str, Any],
        owner: Mapping[str, Any] | None,
        objects: Mapping[str, JSONObject],
        pods: Sequence[PodStatus],
    ) -> None:
        own = _of(one, objects)
        if owner is None:
            self._delete(REPLICA_SET, one)
        else:
            kept = self._put(REPLICA_SET, replica_set.past(one, owner, len(own)))
            self._count(kept, objects, pods)

    def _count(self, one: Mapping[str, Any], objects: Mapping[str, JSONObject], pods: Sequence[PodStatus]) -> None:
        names = {obj["metadata"]["name"] for obj in _of(one, objects)}
        ready = sum(each.ready and not each.draining for each in pods if each.name in names)
        generation = one["metadata"].get("generation", 1)
        self._tell(REPLICA_SET, one, replica_set.status(generation, len(names), ready, ready))

    # --- pods

    def _write_pods(
        self,
        key: Named,
        pods: Sequence[PodStatus],
        current: Mapping[str, Any] | None,
        owner: Mapping[str, Any] | None,
    ) -> dict[str, JSONObject]:
        """The Pods of a workload, by name."""
        before = {each.name: each for each in self._pods.get(key, ())}
        written = ((each.name, self._pod(each, before.get(each.name), current, owner)) for each in pods)
        return {name: obj for name, obj in written if obj is not None}

    def _pod(
        self,
        each: PodStatus,
        before: PodStatus | None,
        current: Mapping[str, Any] | None,
        owner: Mapping[str, Any] | None,
    ) -> JSONObject | None:
        known = self._store.get(POD, each.namespace, each.name)
        if known is not None:
            obj = self._put(POD, pod.marked(known, each))
        elif current is not None and owner is not None:
            obj = self._put(POD, pod.fresh(each, current, self._chosen(owner)))
        else:  # what runs on without a Deployment, and was never written: nothing says what it is made from
            return None
        self._tell(POD, obj, pod.status(each, obj))
        if each.draining and "deletionTimestamp" not in obj["metadata"]:
            self._delete(POD, obj)
        if before is not None or known is None:
            for happening in happenings(before, each):
                self._events.tell(obj, happening)
        return obj

    def _end(self, obj: Mapping[str, Any]) -> None:
        """Its process is gone: nothing keeps the object any more."""
        finalizers = [name for name in obj["metadata"].get("finalizers") or () if name != pod.FINALIZER]
        metadata = {**obj["metadata"], "finalizers": finalizers}
        with suppress(StatusError):
            self._store.replace(POD, {**obj, "metadata": metadata})
        self._delete(POD, obj)

    # --- services

    def _write_services(self, keys: Iterable[Named], pods: Sequence[PodStatus]) -> None:
        ordered = sorted(keys)
        written = {kind: self._grouped(kind, _service_of) if ordered else {} for kind in (ENDPOINTS, ENDPOINT_SLICE)}
        for key in ordered:
            with _refusals(key):
                wanted = self._behind(key, pods)
                names = {(kind, obj["metadata"]["name"]) for kind, obj in wanted}
                for kind, known in written.items():
                    for obj in known.get(key, ()):
                        if (kind, obj["metadata"]["name"]) not in names:
                            self._delete(kind, obj)
                for kind, obj in wanted:
                    self._put(kind, obj)

    def _behind(self, key: Named, pods: Sequence[PodStatus]) -> list[tuple[Kind, JSONObject]]:
        """The Endpoints and EndpointSlices of a Service."""
        service = self._store.get(SERVICE, *key)
        selector = service["spec"].get("selector") if service is not None else None
        if service is None or not selector:
            return []
        instances = self._instances(key[0], selector, pods)
        slices = [(ENDPOINT_SLICE, each) for each in endpoints.slices(service, instances)]
        return [(ENDPOINTS, endpoints.endpoints(service, instances)), *slices]

    def _instances(self, namespace: str, selector: Mapping[str, str], pods: Sequence[PodStatus]) -> list[Instance]:
        """The pods in service that a Service selects."""
        found = []
        for each in pods:
            serving = each.ready and not each.draining and each.ports
            if serving and each.namespace == namespace and selects(selector, each.labels):
                found.append(instance(each, self._declared(each)))
        return found

    def _declared(self, each: PodStatus) -> list[ContainerPort]:
        obj = self._store.get(POD, each.namespace, each.name) or {"spec": {}}
        containers = obj["spec"].get("containers") or ()
        ports = [port for container in containers for port in container.get("ports") or ()]
        return [ContainerPort(port["containerPort"], port.get("name", "")) for port in ports]

    # --- the store

    def _put(self, kind: Kind, wanted: JSONObject) -> JSONObject:
        """As it is then in the store. What the server says of itself is left to it."""
        meta = wanted["metadata"]
        known = self._store.get(kind, meta["namespace"], meta["name"])
        if known is None:
            return self._store.create(kind, wanted)
        metadata = {**known["metadata"], **{k: v for k, v in meta.items() if k not in ("resourceVersion", "uid")}}
        return self._store.replace(kind, {**known, **wanted, "metadata": metadata})

    def _tell(self, kind: Kind, obj: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        now = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        whole = stamped(status, obj.get("status"), now)
        if whole != obj.get("status"):
            with suppress(StatusError):
                self._store.write_status(kind, *_name(obj), whole)

    def _delete(self, kind: Kind, obj: Mapping[str, Any]) -> None:
        with suppress(StatusError):  # gone with its owner
            self._store.delete(kind, *_name(obj))


def _name(obj: Mapping[str, Any]) -> Named:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _workload_of(obj: Mapping[str, Any]) -> Named:
    """The Deployment that a Deployment, a ReplicaSet or a Pod belongs to: by its name, as Kubernetes makes names."""
    namespace, name = _name(obj)
    parts = {"Deployment": 0, "ReplicaSet": 1, "Pod": 1}[obj["kind"]]
    return namespace, name.rsplit("-", parts)[0] if parts else name


def _of(one: Mapping[str, Any], objects: Mapping[str, JSONObject]) -> list[JSONObject]:
    """The Pods that belong to a ReplicaSet."""
    return [obj for obj in objects.values() if replica_set.owned_by(obj, one["metadata"]["uid"])]


def _service_of(obj: Mapping[str, Any]) -> Named:
    """The Service that Endpoints or an EndpointSlice are of."""
    references = obj["metadata"].get("ownerReferences") or ()
    name = next((reference["name"] for reference in references if reference.get("kind") == "Service"), "")
    return obj["metadata"]["namespace"], str(name)


@contextmanager
def _refusals(key: Named) -> Iterator[None]:
    """That one workload cannot be told of (its namespace is about to go, say) keeps no other from being told of."""
    try:
        yield
    except StatusError as error:
        _log.warning("cannot report on %s/%s: %s", *key, error.message)
