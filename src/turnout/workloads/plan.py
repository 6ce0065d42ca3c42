"""From a Deployment to the Workload that stands for it. Pure: nothing is read but the arguments."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from turnout.inputs.images import ImageRun, find, split_image
from turnout.problem import ObjectPath, Place, Problem, Severity
from turnout.resources.core import ConfigMap, Container, ContainerPort, Deployment, Secret
from turnout.workloads.environment import port_variable
from turnout.workloads.expansion import references
from turnout.workloads.references import Named, Path, References
from turnout.workloads.runtime import LOOPBACK, ContainerTemplate, Network, Runtime
from turnout.workloads.workload import Workload

NO_CONTAINER = "TNO250"
NO_WAY_TO_RUN = "TNO251"
BAD_REFERENCE = "TNO252"
CONTAINER_LEFT_OUT = "TNO253"

_SHELL = re.compile(r"[|&;<>()$`*?\[\]#~{}!\n]")
_ASSIGNMENT = re.compile(r"\s*\w+=")
CONTAINERS: Path = ("spec", "template", "spec", "containers")

Locate = Callable[[Path], Place | ObjectPath | None]
"""Where in the user's files a path of the Deployment stands."""


def plan(
    deployment: Deployment,
    config_maps: Mapping[Named, ConfigMap],
    secrets: Mapping[Named, Secret],
    images: Sequence[ImageRun],
    egress_port: int,
    *,
    source: str = "",
    services: tuple[tuple[str, str], ...] = (),
    locate: Locate | None = None,
    runtime: Runtime | None = None,
) -> tuple[Workload | None, list[Problem]]:
    """The Workload, and what is wrong with it. None only if there is nothing that could be run, ever: no container.

    What cannot be started still has a Workload, with its `fault`: so the version that runs stays, and users see why.
    `config_maps` and `secrets` go by (namespace, name); `source` is the hash of the image's watched sources;
    `services` are Kubernetes' variables of services; with a `runtime` images are run as containers.
    """
    planner = _Planner(deployment, images, egress_port, services, locate, runtime)
    return planner.plan(References(deployment, config_maps, secrets), source)


@dataclass(slots=True)
class _Planner:
    deployment: Deployment
    images: Sequence[ImageRun]
    egress_port: int
    services: tuple[tuple[str, str], ...]
    locate: Locate | None
    runtime: Runtime | None
    problems: list[Problem] = field(default_factory=list)

    def plan(self, refs: References, source: str) -> tuple[Workload | None, list[Problem]]:
        found = self._container()
        if found is None:
            self._problem(NO_CONTAINER, CONTAINERS, "the pod template has no container", "add one with an image")
            return None, self.problems
        index, container = found
        path = (*CONTAINERS, index)
        image = self._image(container, path)
        loopback = LOOPBACK[self._network(container)]
        env = (*refs.environment(container), *egress(self.egress_port, loopback))
        for where, message in refs.faults:
            self._problem(BAD_REFERENCE, (*path, *where), message, "until it is there, no new pod is started")
        return self._workload(container, image, env, source), self.problems

    def _container(self) -> tuple[int, Container] | None:
        """The first whose image turnout.yaml knows, else the first: sidecars are often foreign images."""
        containers = self.deployment.spec.template.spec.containers
        if not containers:
            return None
        known = (i for i, c in enumerate(containers) if find(self.images, c.image) is not None)
        chosen = next(known, 0)
        for i, left_out in enumerate(containers):
            if i != chosen:
                message = f"container {left_out.name} is not run: one process per pod, here {containers[chosen].name}"
                self._problem(CONTAINER_LEFT_OUT, (*CONTAINERS, i), message, severity=Severity.WARNING)
        return chosen, containers[chosen]

    def _image(self, container: Container, path: Path) -> ImageRun | None:
        image = find(self.images, container.image)
        if self.runtime is None and (image is None or not (image.run or image.attach)):
            message = f"nothing says how to run the image {container.image!r}"
            add = "add to turnout.yaml: images:"
            hint = f"{add} {{{split_image(container.image)[0]}: {{context: ., run: <command>}}}}"
            if image is not None:
                hint += "; or run it as a container, with --runtime podman"
            self._problem(NO_WAY_TO_RUN, (*path, "image"), message, hint)
        return image

    def _workload(
        self, container: Container, image: ImageRun | None, env: tuple[tuple[str, str], ...], source: str
    ) -> Workload:
        template, metadata = self.deployment.spec.template, self.deployment.metadata
        ports = _ports(container)
        workload = Workload(
            namespace=metadata.namespace,
            name=metadata.name,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            replicas=self.deployment.spec.replicas,
            env=env,
            services=_at(self.services, LOOPBACK[self._network(container)]),
            ports=ports,
            readiness=container.readiness_probe,
            liveness=container.liveness_probe,
            startup=container.startup_probe,
            grace_seconds=float(template.spec.termination_grace_period_seconds),
            source=source,
            fault="; ".join(p.message for p in self.problems if p.severity is Severity.ERROR),
        )
        if self.runtime is not None and not (image and image.attach):
            return _as_container(workload, container, image, self.runtime, self._network(container))
        return workload if image is None else _with_image(workload, image, container.args)

    def _network(self, container: Container) -> Network:
        """A container that does not say where it listens can only be reached where it is told to."""
        return self.runtime.network if self.runtime is not None and _ports(container) else "host"

    def _problem(
        self, code: str, path: Path, message: str, hint: str | None = None, severity: Severity = Severity.ERROR
    ) -> None:
        where: Place | ObjectPath | None = self.locate(path) if self.locate else None
        if where is None:
            metadata = self.deployment.metadata
            where = ObjectPath("Deployment", metadata.namespace, metadata.name, _dotted(path))
        self.problems.append(Problem(code, severity, message, where, hint))


def _with_image(workload: Workload, image: ImageRun, args: Sequence[str]) -> Workload:
    known = {name for name, _ in (*workload.services, *workload.env)}
    known |= {port_variable(port, i) for i, port in enumerate(workload.ports)} | {"PORT"}
    run = None if image.attach or not image.run else argv(image.run, args, known)
    return replace(workload, run=run, cwd=image.context, build=image.build, attach=image.attach)


def _at(services: tuple[tuple[str, str], ...], loopback: str) -> tuple[tuple[str, str], ...]:
    """Services' variables, with this machine's loopback as the workload finds it."""
    return tuple((name, loopback if value == LOOPBACK["host"] else value) for name, value in services)


def _as_container(
    workload: Workload, container: Container, image: ImageRun | None, runtime: Runtime, network: Network
) -> Workload:
    """The image as it is; one that has a Dockerfile here is built from it first, and a saved file makes a new one."""
    words = container.command, container.args, container.working_dir
    template = ContainerTemplate(runtime, container.image, *words, network)
    if network == "own":
        workload = replace(workload, ports=(*workload.ports, *_probed(workload)))
    if image is None or image.dockerfile is None:
        return replace(workload, container=template, source="")
    template = replace(template, image=runtime.image_name(container.image))
    build = runtime.build(container.image, image.dockerfile)
    return replace(workload, container=template, cwd=image.context, build=build)


def _probed(workload: Workload) -> tuple[ContainerPort, ...]:
    """Ports that only probes name: those of a network of its own have to be led out of it."""
    probes = (workload.readiness, workload.liveness, workload.startup)
    asked = {probe.http_get.port: None for probe in probes if probe is not None and probe.http_get is not None}
    declared = {port.container_port for port in workload.ports}
    return tuple(ContainerPort(port) for port in asked if isinstance(port, int) and port not in declared)


def egress(port: int, loopback: str = LOOPBACK["host"]) -> tuple[tuple[str, str], ...]:
    """The forward proxy's variables, as the libraries of several languages read them.

    They come after the manifest's own, and win: a process that goes around the mesh would see no routing rule.
    """
    proxy = f"http://{loopback}:{port}"
    local = "localhost,127.0.0.1,::1"
    return (
        ("http_proxy", proxy),
        ("HTTP_PROXY", proxy),
        ("NO_PROXY", local),
        ("no_proxy", local),
        ("NODE_USE_ENV_PROXY", "1"),
    )


def argv(run: str | Sequence[str], args: Sequence[str], known: set[str]) -> tuple[str, ...]:
    """`run` with a Deployment's `args` behind it; a shell comes in only where the words ask for one.

    Without a shell between, a program that is not found is told by name, and signals reach it directly.
    """
    if not isinstance(run, str):
        return (*run, *args)
    if not _needs_shell(run, known):
        return (*shlex.split(run), *args)
    return ("/bin/sh", "-c", f'{run.strip()} "$@"', "sh", *args) if args else ("/bin/sh", "-c", run.strip())


def _needs_shell(run: str, known: set[str]) -> bool:
    plain = run
    for name in references(run) & known:
        plain = plain.replace(f"$({name})", "").replace(f"${{{name}}}", "")
    if _SHELL.search(plain) or _ASSIGNMENT.match(run):
        return True
    try:
        return not shlex.split(run)
    except ValueError:  # a quote without its partner: the shell's message is the best one
        return True


def attached(address: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 address stands in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _ports(container: Container) -> tuple[ContainerPort, ...]:
    """TCP ports, the main one first: the one that the manifest's own PORT names, else the first declared."""
    ports = [port for port in container.ports if port.protocol in {"TCP", ""}]
    named = next((variable.value for variable in container.env if variable.name == "PORT"), "")
    return tuple(sorted(ports, key=lambda port: str(port.container_port) != named))


def _dotted(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".")
