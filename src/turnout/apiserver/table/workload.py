"""The columns of what runs: Deployments, ReplicaSets, Pods, and the Services before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from turnout.apiserver.table.column import AGE, NAME, NONE, Cell, Column, Object, at, joined, labels, number, text
from turnout.resources.kinds import DEPLOYMENT, ENDPOINT_SLICE, ENDPOINTS, POD, REPLICA_SET, SERVICE, Kind

MOST_ENDPOINTS = 3


def _items(obj: Object, path: str) -> list[Mapping[str, Any]]:
    value = at(obj, path)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


# --- pods


def _ready_containers(obj: Object, now: datetime) -> Cell:
    statuses = _items(obj, "status.containerStatuses")
    total = len(_items(obj, "spec.containers"))
    return f"{sum(bool(status.get('ready')) for status in statuses)}/{total}"


def _pod_status(obj: Object, now: datetime) -> Cell:
    """The phase, or what keeps a container from running, as Kubernetes' own printer decides."""
    if at(obj, "metadata.deletionTimestamp"):
        return "Terminating"
    for status in _items(obj, "status.containerStatuses"):
        for state in ("waiting", "terminated"):
            if reason := at(status, f"state.{state}.reason"):
                return str(reason)
    return str(at(obj, "status.reason") or at(obj, "status.phase") or "Unknown")


def _restarts(obj: Object, now: datetime) -> Cell:
    return str(sum(int(status.get("restartCount", 0)) for status in _items(obj, "status.containerStatuses")))


POD_COLUMNS = (
    NAME,
    Column("Ready", _ready_containers, "Containers that are ready, of all."),
    Column("Status", _pod_status, "What the pod is doing."),
    Column("Restarts", _restarts, "How often its process was started again."),
    AGE,
    text("IP", "status.podIP", wide=True, default=NONE),
    text("Node", "spec.nodeName", wide=True, default=NONE),
    text("Nominated Node", "status.nominatedNodeName", wide=True, default=NONE),
    Column("Readiness Gates", lambda obj, now: NONE, wide=True),
)


# --- Deployments and ReplicaSets


def _ready_replicas(obj: Object, now: datetime) -> Cell:
    wanted = at(obj, "spec.replicas")
    return f"{at(obj, 'status.readyReplicas') or 0}/{1 if wanted is None else wanted}"


def _wanted(obj: Object, now: datetime) -> Cell:
    wanted = at(obj, "spec.replicas")
    return wanted if isinstance(wanted, int) else 1


def _of_containers(name: str, field: str) -> Column:
    def read(obj: Object, now: datetime) -> Cell:
        return joined(str(container.get(field, "")) for container in _items(obj, "spec.template.spec.containers"))

    return Column(name, read, wide=True)


TEMPLATE_COLUMNS = (
    _of_containers("Containers", "name"),
    _of_containers("Images", "image"),
    labels("Selector", "spec.selector.matchLabels"),
)
DEPLOYMENT_COLUMNS = (
    NAME,
    Column("Ready", _ready_replicas, "Pods that are ready, of those wanted."),
    number("Up-to-date", "status.updatedReplicas", "Pods of the present template."),
    number("Available", "status.availableReplicas", "Pods that get traffic."),
    AGE,
    *TEMPLATE_COLUMNS,
)
REPLICA_SET_COLUMNS = (
    NAME,
    Column("Desired", _wanted, "Pods that are wanted.", "integer"),
    number("Current", "status.replicas", "Pods that there are."),
    number("Ready", "status.readyReplicas", "Pods that are ready."),
    AGE,
    *TEMPLATE_COLUMNS,
)


# --- Services and what stands behind them


def _ports(obj: Object, now: datetime) -> Cell:
    return joined(f"{port.get('port')}/{port.get('protocol') or 'TCP'}" for port in _items(obj, "spec.ports"))


def _external(obj: Object, now: datetime) -> Cell:
    return str(at(obj, "spec.externalName") or NONE)


SERVICE_COLUMNS = (
    NAME,
    text("Type", "spec.type", "How it is reached.", default="ClusterIP"),
    text("Cluster-IP", "spec.clusterIP", "Its address in a cluster; here callers use its name.", default=NONE),
    Column("External-IP", _external),
    Column("Port(s)", _ports),
    AGE,
    labels("Selector", "spec.selector"),
)


def _addresses(obj: Object, now: datetime) -> Cell:
    return joined(_each_address(_items(obj, "subsets")), most=MOST_ENDPOINTS)


def _each_address(subsets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for subset in subsets:
        for port in subset.get("ports") or ():
            for address in subset.get("addresses") or ():
                yield f"{address.get('ip')}:{port.get('port')}"


def _slice_ports(obj: Object, now: datetime) -> Cell:
    return joined((str(port.get("port")) for port in _items(obj, "ports")), most=MOST_ENDPOINTS)


def _slice_addresses(obj: Object, now: datetime) -> Cell:
    found = (str(address) for endpoint in _items(obj, "endpoints") for address in endpoint.get("addresses") or ())
    return joined(found, most=MOST_ENDPOINTS)


COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    POD: POD_COLUMNS,
    DEPLOYMENT: DEPLOYMENT_COLUMNS,
    REPLICA_SET: REPLICA_SET_COLUMNS,
    SERVICE: SERVICE_COLUMNS,
    ENDPOINTS: (NAME, Column("Endpoints", _addresses), AGE),
    ENDPOINT_SLICE: (
        NAME,
        text("AddressType", "addressType"),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        AGE,
    ),
}
