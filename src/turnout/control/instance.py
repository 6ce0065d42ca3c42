"""`turnout up`: everything assembled in one place, and the one loop that moves it.

Files and API clients write objects; workloads report pods. Each only rings a bell. The loop then derives the desired
world anew from all objects and pods, and hands it to the workloads and to Envoy.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from turnout.apiserver import kubeconfig
from turnout.apiserver.server import ApiServer
from turnout.apiserver.store import OBJECTS, Event, Store
from turnout.compiler.compile import compile
from turnout.compiler.config import Config
from turnout.control import views
from turnout.control.changes import OpenChanges
from turnout.control.journal import ChangeHistory, EnvoyRecord, PodJournal
from turnout.control.manifests import Files, apply_files
from turnout.control.ports import EgressPorts, gateway_port, is_free, require_free
from turnout.control.state import StateDir
from turnout.control.strays import end_strays, mark
from turnout.control.world import Resources, World, gateway_ports, proxies, world
from turnout.database import Records
from turnout.error import ApiError, EnvoyFailed, StateBroken, TurnoutError
from turnout.inputs.images import find
from turnout.inputs.sources import fingerprint
from turnout.inputs.watch import changes
from turnout.problem import Problem, Severity
from turnout.process import Identity, port_holder
from turnout.resources.core import Deployment
from turnout.resources.interpret import interpret
from turnout.resources.kinds import DESTINATION_RULE, GATEWAY, KINDS, NAMESPACE, VIRTUAL_SERVICE
from turnout.telemetry.stats import SCRAPE, parse
from turnout.telemetry.window import Window
from turnout.workloads.engine import Workloads
from turnout.workloads.plan import plan
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload
from turnout.xds.ads import AdsServer, Publication
from turnout.xds.envoy import Envoy
from turnout.xds.watch import Rejection

_log = logging.getLogger(__name__)

ACKNOWLEDGE_SECONDS = 15.0
SCRAPE_SECONDS = 1.0
LOOK_SECONDS = 0.1
_CONFIRMED = (VIRTUAL_SERVICE, DESTINATION_RULE, GATEWAY)
"""Kinds whose status says that Envoy serves them."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `turnout up` was told."""

    paths: Sequence[Path]
    state: Path
    gateway_ports: Mapping[int, int] = field(default_factory=dict)
    concurrency: int = 2
    api_port: int = 0
    detached: bool = False
    """Nobody's terminal: that one is closed means nothing."""


@dataclass(frozen=True, slots=True)
class _Served:
    """What a publication carries: the version of the desired world, and the generation of each object in it."""

    version: int
    generations: Mapping[tuple[str, str, str], int]


class Instance:
    """One running Turnout. `run` returns when it is told to stop, and then nothing of it is left."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.state = StateDir(options.state)
        self.files = Files(options.paths)
        self.window = Window()
        self.world = World()
        self.rejections: dict[tuple[str, tuple[str, ...]], Rejection] = {}
        self.plan_problems: tuple[Problem, ...] = ()
        self._unrecorded: tuple[Problem, ...] = ()
        self._bugs: dict[str, Problem] = {}
        self.serving = asyncio.Event()
        self.stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._dirty = asyncio.Event()
        self._resources = Resources()
        self._listen: dict[int, int] = {}
        self._published: dict[Publication, _Served] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._sources: dict[str, str] = {}
        self._generations: dict[tuple[str, str, str], int] = {}
        self._wanted_version = 0
        self._served_version = 0
        self._settled = asyncio.Condition()
        self._changes = OpenChanges()

    # --- life

    async def run(self, ready: Callable[[Instance], None] = lambda _: None) -> None:
        """Raises TurnoutError before anything was started; afterwards problems are shown, not raised."""
        self.state.create()
        self.state.lock()
        self._open()
        self._heed_signals()
        try:
            self._read_files()
            if await self._started():
                ready(self)
                await self._until_stopped()
        finally:
            await self._stop()

    def _heed_signals(self) -> None:
        """From the first moment: a signal that comes during the start must leave nothing behind either.

        A handler that does nothing, unlike a signal ignored, is not inherited by the programs we start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, (lambda: None) if self.options.detached else self.stop)

    def stop(self) -> None:
        """Everything is to end; asked for again, without waiting for requests and grace periods."""
        if self.stopping.is_set():
            self._hurry.set()
        self.stopping.set()

    async def _started(self) -> bool:
        """Whether it runs; False when it was told to stop meanwhile."""
        with self.state.usable():
            return await self._started_or_stopped()

    async def _started_or_stopped(self) -> bool:
        starting = asyncio.create_task(self._start())
        stopped = asyncio.create_task(self.stopping.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
            return False
        starting.result()
        return True

    def _open(self) -> None:
        database = self.state.database(OBJECTS)
        self._database = database
        records = Records(database)
        self.history = ChangeHistory(records)
        self._envoy_record = EnvoyRecord(records)
        self.egress = EgressPorts(records)
        self.store = Store(database, admit=lambda obj: interpret(obj).problems, now=lambda: datetime.now(UTC))
        self.ads = AdsServer(self.state.runtime / "ads.sock", on_rejection=self._rejected)
        self.envoy = Envoy(
            ads_socket=self.state.runtime / "ads.sock",
            runtime=self.state.runtime,
            log=self.state.logs / "envoy.log",
            concurrency=self.options.concurrency,
            node="turnout",
            on_respawn=self._remember_envoy,
            environment=mark(self.state),
        )
        self.workloads = Workloads(
            journal=PodJournal(records),
            logs=self.state.logs,
            mesh=_MeshView(self),
            changed=self.ring,
            environment=os.environ | mark(self.state),
        )
        token = secrets.token_urlsafe(24)
        self.api = ApiServer(self.store, token, views.table(self))
        self._token = token

    def _read_files(self) -> None:
        """The first reading must be right; later ones leave the last good state in force."""
        if not self.files.read():
            raise InvalidFiles(self.files.problems)
        self._read_sources()
        _ensure_namespaces(self.files, self.store)
        try:
            apply_files(self.files, self.store)
        except ApiError as error:
            raise TurnoutError(f"cannot apply the files: {error.message}", error.hint) from error

    async def _start(self) -> None:
        known = self._envoy_record.load()
        adopted = known is not None and await self.envoy.adopt(known)
        await self.workloads.adopt()
        await self._end_strays()
        await self.ads.start()
        self._derive()
        if not adopted:
            require_free(sorted(self._listen.items()))
            await self.envoy.start()
        assert self.envoy.identity is not None
        self._envoy_record.save(self.envoy.identity)
        self.store.subscribe(self._object_changed)
        port = await self.api.start(self.options.api_port)
        kubeconfig.write(self.state.kubeconfig, f"http://127.0.0.1:{port}", self._token)
        self.url = f"http://127.0.0.1:{port}"
        self._tasks = [asyncio.create_task(task) for task in (self._loop(), self._watch(), self._scrape())]
        self.ring()
        await self._first_config()

    async def _end_strays(self) -> None:
        """What runs for this state directory and was not adopted would be in the way, of ports for one."""
        envoy = [self.envoy.identity.pid] if self.envoy.identity else []
        await end_strays(self.state, envoy, [pod.name for pod in self.pods()])

    async def _first_config(self) -> None:
        """Envoy listens: from here on a request gets an answer."""
        settled = asyncio.create_task(self.settled())
        done, _ = await asyncio.wait(
            [settled, *self._tasks], timeout=ACKNOWLEDGE_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        settled.cancel()
        for task in done:  # a task of ours ends only by a bug: that is what to say then
            task.result()
        if not done:
            raise EnvoyFailed("Envoy does not take its configuration", f"see {self.state.logs / 'envoy.log'}")
        self.serving.set()

    async def _until_stopped(self) -> None:
        stopped = asyncio.create_task(self.stopping.wait())
        done, _ = await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()

    async def _stop(self) -> None:
        """In reverse: no new traffic, then no workloads, then nothing."""
        for task in getattr(self, "_tasks", []):
            task.cancel()
        await asyncio.gather(*getattr(self, "_tasks", []), return_exceptions=True)
        had_envoy = self.envoy.identity is not None
        with suppress(TurnoutError):
            await asyncio.gather(self.envoy.stop(), self._end_workloads())
        if had_envoy:  # else an earlier one may still run, and only its record finds it again
            await end_strays(self.state)
            with suppress(StateBroken):
                self._envoy_record.clear()
        await self.ads.stop()
        await self.api.stop()
        self.state.kubeconfig.unlink(missing_ok=True)
        self._database.close()
        self.state.unlock()

    async def _end_workloads(self) -> None:
        ending = asyncio.create_task(self.workloads.stop())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait([ending, hurried], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await self.workloads.stop(0.0)
        hurried.cancel()
        await ending

    # --- bells

    def ring(self) -> None:
        """Something changed: the desired world is to be derived anew."""
        self._wanted_version += 1
        self._dirty.set()

    def _object_changed(self, event: Event) -> None:
        if event.status_only:
            return
        self._changes.seen(event.change, asyncio.get_running_loop().time())
        self.ring()

    async def _watch(self) -> None:
        """Saved files: manifests are applied, sources roll their workload."""
        while True:
            watched = self.files.watched
            async for _ in changes(watched, self.stopping):
                with self._surviving("the saved file"):
                    self._reload()
                if self.files.watched != watched:
                    break
            if self.stopping.is_set():
                return

    def _reload(self) -> None:
        sound = self.files.read()
        self._read_sources()  # after turnout.yaml: it may name other images now
        if sound:
            try:
                _ensure_namespaces(self.files, self.store)
                apply_files(self.files, self.store)
            except (ApiError, StateBroken) as error:
                self.files.problems = (Problem("TNO401", Severity.ERROR, error.message, None, error.hint),)
        for problem in self.files.problems:
            _log.warning("%s", problem)
        self.ring()

    # --- the loop

    async def _loop(self) -> None:
        while True:
            await self._dirty.wait()
            await self._changes.complete()
            self._dirty.clear()
            version = self._wanted_version
            with self._surviving("the change"):
                self._derive()
                self.workloads.reconcile(self._plan())
                self._publish(version)

    def _publish(self, version: int) -> None:
        """A publication that is still under way takes the newer config in, and then answers for it as well."""
        publication = self.ads.publish(self._config())
        if publication not in self._published:
            task = asyncio.create_task(self._follow(publication))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        self._published[publication] = _Served(version, dict(self._generations))

    def _derive(self) -> None:
        objects = [obj for kind in KINDS for obj in self.store.list(kind)]
        resources, problems = self._resources.read(objects)
        self.world = world(resources, self.workloads.pods(), problems)
        self._generations = {_key(obj): obj["metadata"].get("generation", 1) for obj in objects}
        chosen = {**self.files.settings.gateway_ports, **self.options.gateway_ports}
        self._listen = {port: gateway_port(port, chosen) for port in gateway_ports(self.world.mesh)}

    def _config(self) -> Config:
        egress = {name: self.egress.of(*name) for name in self.world.callers}
        return compile(self.world.mesh, proxies(self.world, self._listen, egress))

    def _egress_port(self, deployment: Deployment) -> int:
        return self.egress.of(deployment.metadata.namespace, deployment.metadata.name)

    def _plan(self) -> list[Workload]:
        """Every Deployment as processes; what cannot be run is a problem, and the rest runs."""
        planned, problems = [], []
        for deployment in self.world.deployments:
            workload, found = plan(
                deployment,
                self.world.config_maps,
                self.world.secrets,
                self.files.settings.images,
                self._egress_port(deployment),
                source=self._source(deployment),
            )
            problems += found
            planned += [workload] if workload else []
        self.plan_problems = tuple(problems)
        self.egress.keep(self.world.callers)
        return planned

    def _source(self, deployment: Deployment) -> str:
        """The hash of what the workload is made from; read from disk only when files were saved."""
        containers = deployment.spec.template.spec.containers
        images = (find(self.files.settings.images, container.image) for container in containers)
        return next((self._sources.get(image.image, "") for image in images if image), "")

    def _read_sources(self) -> None:
        images = [image for image in self.files.settings.images if not image.attach]
        self._sources = {image.image: fingerprint(image.context, image.watch) for image in images}

    @contextmanager
    def _surviving(self, what: str) -> Iterator[None]:
        """A bug of ours inside must not end anybody's traffic: the last good state stays, and the bug is shown."""
        try:
            yield
        except Exception as error:
            if not self.serving.is_set():
                raise
            _log.exception("a bug in Turnout")
            message = f"a bug in Turnout keeps it from taking {what} in: {type(error).__name__}: {error}"
            hint = f"the last good state stays in force; please report it, with {self.state.crash_log}"
            self._bugs[what] = Problem("TNO405", Severity.ERROR, message, None, hint)
        else:
            self._bugs.pop(what, None)

    # --- acknowledgement

    async def _follow(self, publication: Publication) -> None:
        """Once Envoy has everything: who waits is told, and the objects' status says so."""
        rejections = await publication.acknowledged()
        served = self._published.pop(publication)
        self.rejections = {(r.type_url, r.names): r for r in rejections}
        async with self._settled:
            self._served_version = max(self._served_version, served.version)
            self._settled.notify_all()
        with self._recording():
            self._confirm(served.generations, ok=not rejections)

    def _confirm(self, generations: Mapping[tuple[str, str, str], int], *, ok: bool) -> None:
        """`status.observedGeneration` and a condition, as Istio writes them."""
        for kind in _CONFIRMED:
            for obj in self.store.list(kind):
                status = _status(generations.get(_key(obj), 0), ok=ok)
                if obj.get("status") != status:
                    meta = obj["metadata"]
                    self.store.write_status(kind, meta.get("namespace", ""), meta["name"], status)

    @property
    def up_to_date(self) -> bool:
        """Whether Envoy serves what is known now: every pod that is ready gets its requests."""
        return self._served_version >= self._wanted_version

    def _remember_envoy(self, identity: Identity) -> None:
        with self._recording():
            self._envoy_record.save(identity)

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Traffic does not depend on what is written inside: that a disk is full is shown, and nothing more."""
        try:
            yield
        except StateBroken as error:
            if not self._unrecorded:
                _log.error("%s", error)
            self._unrecorded = (Problem("TNO404", Severity.ERROR, error.message, None, error.hint),)
        else:
            self._unrecorded = ()

    async def settled(self) -> None:
        """Until Envoy serves what is known now."""
        wanted = self._wanted_version
        async with self._settled:
            await self._settled.wait_for(lambda: self._served_version >= wanted)

    def _rejected(self, rejection: Rejection) -> None:
        _log.error("Envoy rejected %s: %s", ", ".join(rejection.names), rejection.detail)
        self.rejections[rejection.type_url, rejection.names] = rejection

    # --- what is going on

    async def look(self) -> None:
        """Has the counters as they are now, unless Envoy was asked a moment ago."""
        clock = asyncio.get_running_loop().time
        if clock() - self.window.latest.at < LOOK_SECONDS:
            return
        with suppress(EnvoyFailed):
            envoy = self.envoy.identity
            status, body = await self.envoy.admin("GET", SCRAPE)
            if status == 200 and envoy == self.envoy.identity:
                self.window.add(parse(body, clock()), str(envoy))

    async def _scrape(self) -> None:
        while True:
            with self._surviving("the counters"):
                await self.look()
            if self._unrecorded:  # there may be room by now
                self.ring()
            await asyncio.sleep(SCRAPE_SECONDS)

    def pods(self) -> tuple[PodStatus, ...]:
        return self.workloads.pods()

    @property
    def listen(self) -> Mapping[int, int]:
        """Gateway port → where it listens."""
        return self._listen

    def problems(self) -> list[Problem]:
        """All that is wrong now, with its place in the files where it has one."""
        found = [*self.files.problems, *self.world.problems, *self.plan_problems]
        found += [*self._rejection_problems(), *self._unrecorded, *self._bugs.values()]
        return list(dict.fromkeys(self.files.locate(problem) for problem in found))

    def _rejection_problems(self) -> list[Problem]:
        return [_rejection(r, self._listen) for r in self.rejections.values()]


def _key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    meta = obj["metadata"]
    return obj["kind"], meta.get("namespace", ""), meta["name"]


def _status(generation: int, *, ok: bool) -> dict[str, Any]:
    condition = {
        "type": "Reconciled",
        "status": "True" if ok else "False",
        "reason": "EnvoyAcknowledged" if ok else "EnvoyRejected",
    }
    return {"observedGeneration": generation, "conditions": [condition]}


def _rejection(rejection: Rejection, listen: Mapping[int, int]) -> Problem:
    names = ", ".join(rejection.names)
    for port, real in listen.items():
        if f"gateway|{port}" in rejection.names and not is_free(real):
            holder = port_holder(real)
            message = f"port {real} (for the Gateway's port {port}) is taken" + (f" by {holder}" if holder else "")
            return Problem("TNO402", Severity.ERROR, message, None, f"choose another: --gateway-port {port}=<port>")
    hint = "the last good configuration stays in force; please report this as a bug of Turnout"
    return Problem("TNO403", Severity.ERROR, f"Envoy rejected {names}: {rejection.detail}", None, hint)


def _ensure_namespaces(files: Files, store: Store) -> None:
    """A namespace that objects live in exists, as on a cluster where somebody made it."""
    wanted = {manifest.obj["metadata"].get("namespace", "") for manifest in files.manifests.objects}
    declared = {m.obj["metadata"]["name"] for m in files.manifests.objects if m.kind is NAMESPACE}
    for name in sorted({"default", *wanted} - {""} - declared):
        if store.get(NAMESPACE, "", name) is None:
            store.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


class InvalidFiles(TurnoutError):
    """The files given to `turnout up` have errors; nothing was started."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = "\n".join(str(problem) for problem in problems)
        super().__init__(f"nothing was started, because of what the files say:\n{lines}")
        self.problems = tuple(problems)


class _MeshView:
    """What rolling restarts ask of the mesh (`workloads.MeshView`)."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def settled(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._instance.settled()

    async def active_requests(self, address: str) -> int:
        return await self._instance.envoy.active_requests(address)
