"""Kubernetes' own kinds, as far as Turnout runs them: Namespace, Service, ConfigMap, Secret, Pod, Deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnout.resources.label_selector import LabelSelector
from turnout.resources.meta import Metadata

UNMODELLED = frozenset(
    ("clusterIPs", "deletionTimestamp", "ephemeralContainers", "fileKeyRef", "initContainers", "serviceAccount")
) | {"resourceVersion", "uid"}
"""Fields of Kubernetes that Turnout leaves alone: they look like misspelt ones of its own, or every live object has
them, and looking for what is similar takes longer than all the rest."""


@dataclass(frozen=True, slots=True)
class Namespace:
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class ServicePort:
    port: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    target_port: int | str | None = None


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    cluster_ip: str = field(default="", metadata={"json": "clusterIP"})
    type: str = "ClusterIP"
    external_name: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    metadata: Metadata
    spec: ServiceSpec = field(default_factory=ServiceSpec)


@dataclass(frozen=True, slots=True)
class ConfigMap:
    metadata: Metadata
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Secret:
    """`data` is base64; `string_data` is plain and wins, as in Kubernetes."""

    metadata: Metadata
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    string_data: Mapping[str, str] = field(default_factory=dict, repr=False)
    type: str = "Opaque"


@dataclass(frozen=True, slots=True)
class KeySelector:
    name: str = ""
    key: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FieldSelector:
    field_path: str = ""


@dataclass(frozen=True, slots=True)
class EnvVarSource:
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None
    field_ref: FieldSelector | None = None


@dataclass(frozen=True, slots=True)
class EnvVar:
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


@dataclass(frozen=True, slots=True)
class EnvSourceRef:
    name: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EnvFrom:
    prefix: str = ""
    config_map_ref: EnvSourceRef | None = None
    secret_ref: EnvSourceRef | None = None


@dataclass(frozen=True, slots=True)
class HttpHeader:
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class HttpGetAction:
    path: str = "/"
    port: int | str = 80
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[HttpHeader, ...] = ()


@dataclass(frozen=True, slots=True)
class TcpSocketAction:
    port: int | str = 80
    host: str = ""


@dataclass(frozen=True, slots=True)
class ExecAction:
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """Kubernetes' defaults: every 10 s, 1 s to answer, 3 failures in a row, 1 success."""

    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    exec: ExecAction | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class ContainerPort:
    container_port: int
    name: str = ""
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    working_dir: str = ""


@dataclass(frozen=True, slots=True)
class PodSpec:
    containers: tuple[Container, ...] = ()
    termination_grace_period_seconds: int = 30
    service_account_name: str = ""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    metadata: Metadata = field(default_factory=Metadata)
    spec: PodSpec = field(default_factory=PodSpec)


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    template: PodTemplate
    selector: LabelSelector = field(default_factory=LabelSelector)
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Deployment:
    metadata: Metadata
    spec: DeploymentSpec


@dataclass(frozen=True, slots=True)
class Kept:
    """What nothing here depends on: idle kinds, and what Turnout itself writes for others to read."""

    metadata: Metadata
