"""The columns of every kind but workloads: Kubernetes' smaller kinds, Istio's, Gateway API's and ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from turnout.apiserver.table.column import AGE, NAME, NONE, UNKNOWN, Cell, Column, Object, ago, at, since, text
from turnout.resources import kinds
from turnout.resources.kinds import Kind


def _count(name: str, *paths: str) -> Column:
    return Column(name, lambda obj, now: str(sum(len(at(obj, path) or ()) for path in paths)))


def _role(obj: Object, now: datetime) -> Cell:
    return f"{at(obj, 'roleRef.kind')}/{at(obj, 'roleRef.name')}"


def _condition(name: str, of: str) -> Column:
    """The status of one condition."""

    def read(obj: Object, now: datetime) -> Cell:
        found = (c.get("status") for c in at(obj, "status.conditions") or () if c.get("type") == of)
        return str(next(found, UNKNOWN))

    return Column(name, read)


# --- events


def _last_seen(obj: Object, now: datetime) -> Cell:
    """When it happened, and, where it did so often, since when."""
    last = at(obj, "series.lastObservedTime") or at(obj, "lastTimestamp") or at(obj, "eventTime")
    return since(last or at(obj, "metadata.creationTimestamp"), now)


def _involved(obj: Object, now: datetime) -> Cell:
    return f"{str(at(obj, 'involvedObject.kind') or '').lower()}/{at(obj, 'involvedObject.name')}"


EVENT_COLUMNS = (
    Column("Last Seen", _last_seen),
    text("Type", "type"),
    text("Reason", "reason"),
    Column("Object", _involved),
    text("Subobject", "involvedObject.fieldPath", wide=True),
    text("Source", "source.component", wide=True),
    Column("Message", lambda obj, now: str(at(obj, "message") or "").strip()),
    Column("First Seen", ago("firstTimestamp"), wide=True),
    Column("Count", lambda obj, now: str(at(obj, "count") or 1), wide=True),
    Column("Name", lambda obj, now: str(at(obj, "metadata.name")), wide=True),
)

COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    kinds.EVENT: EVENT_COLUMNS,
    kinds.NAMESPACE: (NAME, text("Status", "status.phase", default="Active"), AGE),
    kinds.SERVICE_ACCOUNT: (NAME, _count("Secrets", "secrets"), AGE),
    kinds.CONFIG_MAP: (NAME, _count("Data", "data", "binaryData"), AGE),
    kinds.SECRET: (NAME, text("Type", "type", default="Opaque"), _count("Data", "data", "stringData"), AGE),
    kinds.LEASE: (NAME, text("Holder", "spec.holderIdentity"), AGE),
    kinds.ROLE: (NAME, text("Created At", "metadata.creationTimestamp")),
    kinds.CLUSTER_ROLE: (NAME, text("Created At", "metadata.creationTimestamp")),
    kinds.ROLE_BINDING: (NAME, Column("Role", _role), AGE),
    kinds.CLUSTER_ROLE_BINDING: (NAME, Column("Role", _role), AGE),
    kinds.CUSTOM_RESOURCE_DEFINITION: (NAME, text("Created At", "metadata.creationTimestamp")),
    kinds.VIRTUAL_SERVICE: (NAME, text("Gateways", "spec.gateways"), text("Hosts", "spec.hosts"), AGE),
    kinds.DESTINATION_RULE: (NAME, text("Host", "spec.host"), AGE),
    kinds.SERVICE_ENTRY: (
        NAME,
        text("Hosts", "spec.hosts"),
        text("Location", "spec.location"),
        text("Resolution", "spec.resolution"),
        AGE,
    ),
    kinds.GATEWAY_CLASS: (
        NAME,
        text("Controller", "spec.controllerName"),
        _condition("Accepted", "Accepted"),
        AGE,
        text("Description", "spec.description", wide=True),
    ),
    kinds.KUBERNETES_GATEWAY: (
        NAME,
        text("Class", "spec.gatewayClassName"),
        text("Address", "status.addresses.0.value"),
        _condition("Programmed", "Programmed"),
        AGE,
    ),
    kinds.HTTP_ROUTE: (NAME, text("Hostnames", "spec.hostnames"), AGE),
    kinds.GRPC_ROUTE: (NAME, text("Hostnames", "spec.hostnames"), AGE),
    kinds.TLS_ROUTE: (NAME, text("Hostnames", "spec.hostnames"), AGE),
    kinds.ROLLOUT: (
        NAME,
        text("Service", "spec.service"),
        text("To", "spec.to"),
        text("Phase", "status.phase", default=NONE),
        text("Step", "status.step"),
        text("Weight", "status.weight"),
        AGE,
        text("Why", "status.why", wide=True),
    ),
}
