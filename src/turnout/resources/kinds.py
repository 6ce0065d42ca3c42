"""The resource kinds Turnout knows, under the names Kubernetes and Istio give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Use = Literal["wanted", "reported", "idle"]
"""What an object is for. `wanted`: it says what shall run, or where traffic shall go. `reported`: Turnout writes it, to
say what runs. `idle`: it is kept for whoever wrote it, and nothing here depends on it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource kind. `versions`: every API version that is read, the preferred one first."""

    kind: str
    plural: str
    group: str
    versions: tuple[str, ...]
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    use: Use = "wanted"
    in_all: bool = False
    """Whether `kubectl get all` shows it."""

    @property
    def version(self) -> str:
        return self.versions[0]

    @property
    def title(self) -> str:
        """What tells it from every other kind: two are called Gateway."""
        return title(self.api_version, self.kind)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of one object, or of the collection: `/apis/<group>/<version>/namespaces/<ns>/<plural>`."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")


GATEWAY_API = "gateway.networking.k8s.io"


def title(api_version: str, kind: str) -> str:
    """`Gateway` is Istio's; that of Gateway API is `Gateway.gateway.networking.k8s.io`, as kubectl writes it, too."""
    is_second = kind == "Gateway" and api_version.startswith(f"{GATEWAY_API}/")
    return f"{kind}.{GATEWAY_API}" if is_second else kind


ISTIO = "networking.istio.io"
ISTIO_VERSIONS = ("v1", "v1beta1", "v1alpha3")

TURNOUT = "turnout.dev"

RBAC = "rbac.authorization.k8s.io"

NAMESPACE = Kind("Namespace", "namespaces", "", ("v1",), namespaced=False, short_names=("ns",))
SERVICE_ACCOUNT = Kind("ServiceAccount", "serviceaccounts", "", ("v1",), short_names=("sa",), use="idle")
SERVICE = Kind("Service", "services", "", ("v1",), short_names=("svc",), in_all=True)
CONFIG_MAP = Kind("ConfigMap", "configmaps", "", ("v1",), short_names=("cm",))
SECRET = Kind("Secret", "secrets", "", ("v1",))
POD = Kind("Pod", "pods", "", ("v1",), short_names=("po",), use="reported", in_all=True)
ENDPOINTS = Kind("Endpoints", "endpoints", "", ("v1",), short_names=("ep",), use="reported")
EVENT = Kind("Event", "events", "", ("v1",), short_names=("ev",), use="idle")
DEPLOYMENT = Kind("Deployment", "deployments", "apps", ("v1",), short_names=("deploy",), in_all=True)
REPLICA_SET = Kind("ReplicaSet", "replicasets", "apps", ("v1",), short_names=("rs",), use="reported", in_all=True)
ENDPOINT_SLICE = Kind("EndpointSlice", "endpointslices", "discovery.k8s.io", ("v1",), use="reported")
LEASE = Kind("Lease", "leases", "coordination.k8s.io", ("v1",), use="idle")
ROLE = Kind("Role", "roles", RBAC, ("v1",), use="idle")
ROLE_BINDING = Kind("RoleBinding", "rolebindings", RBAC, ("v1",), use="idle")
CLUSTER_ROLE = Kind("ClusterRole", "clusterroles", RBAC, ("v1",), namespaced=False, use="idle")
CLUSTER_ROLE_BINDING = Kind("ClusterRoleBinding", "clusterrolebindings", RBAC, ("v1",), namespaced=False, use="idle")
CUSTOM_RESOURCE_DEFINITION = Kind(
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "apiextensions.k8s.io",
    ("v1",),
    namespaced=False,
    short_names=("crd", "crds"),
    use="idle",
)
VIRTUAL_SERVICE = Kind("VirtualService", "virtualservices", ISTIO, ISTIO_VERSIONS, short_names=("vs",))
DESTINATION_RULE = Kind("DestinationRule", "destinationrules", ISTIO, ISTIO_VERSIONS, short_names=("dr",))
GATEWAY = Kind("Gateway", "gateways", ISTIO, ISTIO_VERSIONS, short_names=("gw",))
SERVICE_ENTRY = Kind("ServiceEntry", "serviceentries", ISTIO, ISTIO_VERSIONS, short_names=("se",))
GATEWAY_CLASS = Kind(
    "GatewayClass", "gatewayclasses", GATEWAY_API, ("v1", "v1beta1"), namespaced=False, short_names=("gc",)
)
KUBERNETES_GATEWAY = Kind("Gateway", "gateways", GATEWAY_API, ("v1", "v1beta1"), short_names=("gtw",))
REFERENCE_GRANT = Kind("ReferenceGrant", "referencegrants", GATEWAY_API, ("v1beta1", "v1"), short_names=("refgrant",))
HTTP_ROUTE = Kind("HTTPRoute", "httproutes", GATEWAY_API, ("v1", "v1beta1"))
GRPC_ROUTE = Kind("GRPCRoute", "grpcroutes", GATEWAY_API, ("v1",))
TLS_ROUTE = Kind("TLSRoute", "tlsroutes", GATEWAY_API, ("v1alpha2", "v1alpha3", "v1"))
TCP_ROUTE = Kind("TCPRoute", "tcproutes", GATEWAY_API, ("v1alpha2",))
ROLLOUT = Kind("Rollout", "rollouts", TURNOUT, ("v1alpha1",), short_names=("ro",))

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    CUSTOM_RESOURCE_DEFINITION,
    SERVICE_ACCOUNT,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    LEASE,
    CONFIG_MAP,
    SECRET,
    SERVICE,
    ENDPOINTS,
    ENDPOINT_SLICE,
    POD,
    REPLICA_SET,
    DEPLOYMENT,
    SERVICE_ENTRY,
    GATEWAY,
    DESTINATION_RULE,
    VIRTUAL_SERVICE,
    GATEWAY_CLASS,
    KUBERNETES_GATEWAY,
    REFERENCE_GRANT,
    HTTP_ROUTE,
    GRPC_ROUTE,
    TLS_ROUTE,
    TCP_ROUTE,
    ROLLOUT,
    EVENT,
)
"""In the order in which they are applied."""

WANTED = tuple(kind for kind in KINDS if kind.use == "wanted")
"""What the desired world is derived from."""


def by_api_version(api_version: str, kind: str) -> Kind | None:
    """The kind that a manifest's `apiVersion` and `kind` name; None when Turnout does not know it."""
    group, _, version = api_version.rpartition("/")
    return next((k for k in KINDS if k.kind == kind and k.group == group and version in k.versions), None)


def by_plural(group: str, version: str, plural: str) -> Kind | None:
    """The kind that a URL path names."""
    return next((k for k in KINDS if k.plural == plural and k.group == group and version in k.versions), None)
