"""The resource kinds Turnout knows, under the names Kubernetes and Istio give them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource kind. `versions`: every API version that is read, the preferred one first."""

    kind: str
    plural: str
    group: str
    versions: tuple[str, ...]
    namespaced: bool = True
    short_names: tuple[str, ...] = ()

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

NAMESPACE = Kind("Namespace", "namespaces", "", ("v1",), namespaced=False, short_names=("ns",))
SERVICE = Kind("Service", "services", "", ("v1",), short_names=("svc",))
CONFIG_MAP = Kind("ConfigMap", "configmaps", "", ("v1",), short_names=("cm",))
SECRET = Kind("Secret", "secrets", "", ("v1",))
POD = Kind("Pod", "pods", "", ("v1",), short_names=("po",))
DEPLOYMENT = Kind("Deployment", "deployments", "apps", ("v1",), short_names=("deploy",))
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
ROLLOUT = Kind("Rollout", "rollouts", TURNOUT, ("v1alpha1",), short_names=("ro",))

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    CONFIG_MAP,
    SECRET,
    SERVICE,
    POD,
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
    ROLLOUT,
)
"""In the order in which they are applied."""


def by_api_version(api_version: str, kind: str) -> Kind | None:
    """The kind that a manifest's `apiVersion` and `kind` name; None when Turnout does not know it."""
    group, _, version = api_version.rpartition("/")
    return next((k for k in KINDS if k.kind == kind and k.group == group and version in k.versions), None)


def by_plural(group: str, version: str, plural: str) -> Kind | None:
    """The kind that a URL path names."""
    return next((k for k in KINDS if k.plural == plural and k.group == group and version in k.versions), None)
