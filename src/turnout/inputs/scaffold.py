"""A first configuration for one service and two versions of it: what `turnout init` writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnout.inputs.files import Manifest
from turnout.inputs.images import FILE_NAME, split_image
from turnout.inputs.scalar import written
from turnout.mesh.names import fqdn, host_matches
from turnout.mesh.routing import is_http
from turnout.mesh.service import Protocol, port_protocol, selects
from turnout.resources.core import Deployment, Service
from turnout.resources.gateway import Gateway

DEFAULT_NAMESPACE = "default"
VERSION_LABELS = ("version", "app.kubernetes.io/version")
"""Labels that usually tell versions apart, the usual one first."""


@dataclass(frozen=True, slots=True)
class Version:
    """`name` is the subset's. `image` is empty where no Deployment was found."""

    name: str
    label: str
    value: str
    deployment: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """A service with its old and its new version. `port` 0: the service has only one. `host` "": not from outside."""

    service: str
    namespace: str
    old: Version
    new: Version
    has_service: bool = False
    """Whether the manifests have the Service."""
    port: int = 0
    host: str = ""
    gateway: str = ""
    """The Gateway that takes requests for `host`, as `namespace/name`; empty where one has to be written."""

    @property
    def versions(self) -> tuple[Version, Version]:
        return self.old, self.new

    @property
    def names(self) -> set[str]:
        """What it is called in full, from inside and from outside."""
        return {fqdn(self.service, self.namespace), self.host} - {""}


# --- what the manifests say


def discover(
    manifests: Sequence[Manifest], service: str, names: tuple[str, str], namespace: str, host: str
) -> Scaffold:
    """What the manifests tell about the service and its versions; what they do not tell takes the usual form."""
    resources = [manifest.resource for manifest in manifests if manifest.obj["metadata"].get("namespace") == namespace]
    gateways = [manifest.resource for manifest in manifests if isinstance(manifest.resource, Gateway)]
    known = next((r for r in resources if isinstance(r, Service) and r.metadata.name == service), None)
    deployments = [r for r in resources if isinstance(r, Deployment) and _serves(r, known, service)]
    old, new = _versions(deployments, names)
    return Scaffold(service, namespace, old, new, known is not None, _port(known), host, _gateway(gateways, host))


def _serves(deployment: Deployment, service: Service | None, name: str) -> bool:
    """Whether its pods belong to the service; where there is none yet, whether its name says so."""
    if service is not None:
        return selects(service.spec.selector, _labels(deployment))
    return deployment.metadata.name.startswith(name)


def _versions(deployments: Sequence[Deployment], names: tuple[str, str]) -> tuple[Version, Version]:
    old, new = (_of_version(deployments, name) for name in names)
    if old is new:
        old = new = None
    key = _label(old, new, names)
    return _version(old, key, names[0]), _version(new, key, names[1])


def _of_version(deployments: Sequence[Deployment], name: str) -> Deployment | None:
    """The one that carries the version as a label's value, else the one whose name ends in it."""
    for deployment in deployments:
        if name in _labels(deployment).values():
            return deployment
    return next((d for d in deployments if d.metadata.name.endswith(f"-{name}")), None)


def _label(old: Deployment | None, new: Deployment | None, names: tuple[str, str]) -> str:
    """The label that differs between the versions: best one whose values are the versions' names."""
    old_labels, new_labels = (_labels(deployment) if deployment else {} for deployment in (old, new))
    keys = sorted(old_labels | new_labels, key=lambda key: (key not in VERSION_LABELS, key))
    named = [key for key in keys if names[0] == old_labels.get(key) or names[1] == new_labels.get(key)]
    different = [key for key in keys if old_labels.get(key) != new_labels.get(key)] if old and new else named
    return next(iter([*(key for key in named if key in different), *different]), VERSION_LABELS[0])


def _version(deployment: Deployment | None, key: str, name: str) -> Version:
    if deployment is None:
        return Version(name, key, name)
    containers = deployment.spec.template.spec.containers
    image = containers[0].image if containers else ""
    return Version(name, key, _labels(deployment).get(key, name), deployment.metadata.name, image)


def _labels(deployment: Deployment) -> dict[str, str]:
    return dict(deployment.spec.template.metadata.labels)


def _port(service: Service | None) -> int:
    """A service with one port needs none named."""
    ports = service.spec.ports if service else ()
    http = [port.port for port in ports if port_protocol(port) is not Protocol.TCP]
    return http[0] if len(ports) > 1 and http else 0


def _gateway(gateways: Iterable[Gateway], host: str) -> str:
    """The first that serves the host over plain HTTP, whichever namespace it is for."""
    for found in gateways:
        patterns = [pattern for server in found.spec.servers if is_http(server) for pattern in server.hosts]
        if host and any(host_matches(pattern.rpartition("/")[2], host) for pattern in patterns):
            return f"{found.metadata.namespace}/{found.metadata.name}"
    return ""


# --- what is written


def manifests(scaffold: Scaffold) -> dict[str, str]:
    """File name to text, for everything but turnout.yaml."""
    service = scaffold.service
    files = {
        f"{service}-destination-rule.yaml": destination_rule(scaffold),
        f"{service}-virtual-service.yaml": virtual_service(scaffold),
    }
    return files | ({f"{service}-gateway.yaml": gateway(scaffold)} if scaffold.host and not scaffold.gateway else {})


def destination_rule(scaffold: Scaffold) -> str:
    """The versions as subsets."""
    lines = [
        f"# The versions of {scaffold.service}, told apart by a label of their pods.",
        *_head(scaffold, "DestinationRule"),
        "spec:",
        f"  host: {written(scaffold.service)}",
        "  subsets:",
    ]
    for version in scaffold.versions:
        lines += [
            f"    - name: {written(version.name)}" + (f"   # {version.deployment}" if version.deployment else ""),
            "      labels:",
            f"        {written(version.label)}: {written(version.value)}",
        ]
    return _text(lines)


def virtual_service(scaffold: Scaffold) -> str:
    """All traffic to the old version, and the new one at weight 0."""
    old, new = scaffold.versions
    lines = [
        f"# How much of the traffic each version of {scaffold.service} gets. It starts with all on {old.name};",
        f"# `turnout shift {scaffold.service} {new.name}=1` moves the first percent.",
        *_head(scaffold, "VirtualService"),
        "spec:",
        "  hosts:",
        f"    - {written(scaffold.service)}   # calls from other workloads",
    ]
    if scaffold.host:
        lines += [
            f"    - {written(scaffold.host)}   # calls from outside",
            "  gateways:",
            "    - mesh",
            f"    - {written(scaffold.gateway or scaffold.service)}",
        ]
    lines += ["  http:", f"    - name: {written(scaffold.service)}", "      route:"]
    for version, weight in ((old, 100), (new, 0)):
        lines += [
            "        - destination:",
            f"            host: {written(scaffold.service)}",
            *([f"            port: {{number: {scaffold.port}}}"] if scaffold.port else []),
            f"            subset: {written(version.name)}",
            f"          weight: {weight}",
        ]
    return _text(lines)


def gateway(scaffold: Scaffold) -> str:
    """Plain HTTP on port 80 for the host."""
    return _text(
        [
            "# The way in from outside. On one machine port 80 listens on 127.0.0.1:8080.",
            *_head(scaffold, "Gateway"),
            "spec:",
            "  selector:",
            "    istio: ingressgateway",
            "  servers:",
            "    - port:",
            "        number: 80",
            "        name: http",
            "        protocol: HTTP",
            "      hosts:",
            f"        - {written(scaffold.host)}",
        ]
    )


def _head(scaffold: Scaffold, kind: str) -> list[str]:
    namespace = [] if scaffold.namespace == DEFAULT_NAMESPACE else [f"  namespace: {written(scaffold.namespace)}"]
    api_version = "apiVersion: networking.istio.io/v1"
    return [api_version, f"kind: {kind}", "metadata:", f"  name: {written(scaffold.service)}", *namespace]


# --- turnout.yaml


@dataclass(frozen=True, slots=True)
class _Program:
    """How a folder of sources is run, by what it contains."""

    marker: str
    run: str
    build: str = ""


_PROGRAMS = (
    _Program("go.mod", "bin/app", "go build -o bin/app ."),
    _Program("package.json", "npm start"),
    _Program("app.py", "python3 app.py"),
    _Program("main.py", "python3 main.py"),
    _Program("server.py", "python3 server.py"),
)


def settings(scaffold: Scaffold, folder: Path) -> str:
    """turnout.yaml for a project in `folder`: images with recognised sources are filled in, others are comments."""
    entries = [_entry(scaffold, version, image, folder) for version, image in images(scaffold)]
    return _text(
        [
            "# How the images named in the manifests run on this machine, as processes, without containers.",
            "# context: folder of the sources; build: once and when they change; run: listens on $PORT;",
            "# or attach: HOST:PORT, for something that already runs.",
            "images:",
            *(line for entry in entries for line in entry),
        ]
    )


def images(scaffold: Scaffold) -> list[tuple[Version, str]]:
    """Each image with the first version that runs it; two of one name keep their tags."""
    names = {version.name: version.image or f"{scaffold.service}-{version.name}" for version in scaffold.versions}
    tagless = {split_image(image)[0] for image in names.values()}
    keep_tags = len(tagless) < len(set(names.values()))
    seen: dict[str, Version] = {}
    for version in scaffold.versions:
        image = names[version.name]
        seen.setdefault(image if keep_tags else split_image(image)[0], version)
    return [(version, image) for image, version in seen.items()]


def _entry(scaffold: Scaffold, version: Version, image: str, folder: Path) -> list[str]:
    context, program = _program(scaffold, version, image, folder)
    lines = [f"{written(image)}:", f"  context: {written(context)}"]
    lines += [f"  build: {written(program.build)}"] if program and program.build else []
    lines += [f"  run: {written(program.run if program else './start --port $PORT')}"]
    return [f"  {line}" if program else f"  # {line}" for line in lines]


def _program(scaffold: Scaffold, version: Version, image: str, folder: Path) -> tuple[str, _Program | None]:
    """The folder of a version's sources, and how they are run, where both are plain to see."""
    last = split_image(image)[0].rpartition("/")[2]
    names = (version.deployment, last, f"{scaffold.service}-{version.name}", version.name, scaffold.service)
    for name in (name for name in names if name):
        for program in _PROGRAMS:
            if (folder / name / program.marker).is_file():
                return name, program
    return last, None


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


__all__ = ["FILE_NAME", "Scaffold", "Version", "discover", "images", "manifests", "settings"]
