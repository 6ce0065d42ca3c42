"""`turnout up`: everything assembled in one place, and the one loop that moves it.

Files and API clients write objects; workloads report pods. Each only rings a bell. The loop then derives the desired
world anew from all objects and pods, and hands it to the workloads and to Envoy.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from turnout.apiserver.server import ApiServer
from turnout.apiserver.store import OBJECTS, Event, Store
from turnout.control import views
from turnout.control.access import AccessLog
from turnout.control.acknowledgement import Acknowledgement
from turnout.control.certificate_files import CertificateFiles
from turnout.control.changes import OpenChanges
from turnout.control.comparison import comparisons
from turnout.control.consequences import Consequences
from turnout.control.dashboard import Dashboard
from turnout.control.desired import Desired
from turnout.control.doors import open_api, open_dashboard
from turnout.control.inside import inside
from turnout.control.journal import ChangeHistory, EnvoyRecord, PodJournal
from turnout.control.manifests import Files, InvalidFiles, apply_files, ensure_namespaces
from turnout.control.mesh_view import ACKNOWLEDGE_SECONDS, MeshView
from turnout.control.metrics import Metrics
from turnout.control.milestones import Milestones
from turnout.control.mishaps import Mishaps
from turnout.control.options import Options
from turnout.control.ports import EgressPorts, LastPorts, require_free
from turnout.control.reported.report import Report
from turnout.control.rollouts import Rollouts
from turnout.control.state import StateDir
from turnout.control.strays import end_strays, mark
from turnout.control.telemetry import Telemetry
from turnout.control.traces import Traces
from turnout.control.world import World
from turnout.database import Records
from turnout.error import ApiError, EnvoyFailed, StateBroken, TurnoutError
from turnout.inputs.watch import changes
from turnout.problem import Problem, Severity
from turnout.process import Identity
from turnout.resources.interpret import interpret
from turnout.workloads.container_cli import outer_environment, require, runtime_here
from turnout.workloads.engine import Workloads
from turnout.workloads.ports import Ports
from turnout.workloads.status import PodStatus
from turnout.xds.access import AccessLogService
from turnout.xds.envoy import Envoy

_log = logging.getLogger(__name__)

SCRAPE_SECONDS = 1.0


class Instance:
    """One running Turnout. `run` returns when it is told to stop, and then nothing of it is left."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.state = StateDir(options.state)
        self.files = Files(options.paths, options.release)
        self.mishaps = Mishaps(self.state)
        self.epoch = uuid.uuid4().hex
        """Sums of counters begin with this process."""
        self.serving = asyncio.Event()
        self.stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._dirty = asyncio.Event()
        self._changes = OpenChanges()
        self._wanted_version = 0
        self._tasks: list[asyncio.Task[None]] = []

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
        stopped = asyncio.create_task(self.stopping.wait())
        with self.state.usable():
            starting = asyncio.create_task(self._start())
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
        self.store = Store(database, admit=lambda obj: interpret(obj).problems, now=lambda: datetime.now(UTC))
        requests = AccessLogService()
        services = [requests.handler()]
        self.acknowledgement = Acknowledgement(self.state.runtime / "ads.sock", self.store, self.mishaps, services)
        self.ads = self.acknowledgement.ads
        ports = Ports()
        self.egress = EgressPorts(records, ports)
        options, certificates = self.options, CertificateFiles(self.state.path.parent)
        engine = options.engine
        runtime = runtime_here(engine, self.state.digest, os.environ) if engine else None
        self.desired = Desired(
            self.files,
            self.store,
            self.egress,
            options.gateway_ports,
            options.trace_sampling_percent,
            certificates,
            runtime,
        )
        self.envoy = Envoy(
            ads_socket=self.state.runtime / "ads.sock",
            runtime=self.state.runtime,
            log=self.state.logs / "envoy.log",
            concurrency=self.options.concurrency,
            node="turnout",
            on_respawn=self._remember_envoy,
            environment=mark(self.state),
        )
        self.access = AccessLog(self.envoy, requests)
        self.telemetry = Telemetry(self.envoy, self.state.path / "telemetry.db", self.mishaps)
        self.traces = Traces(self.state, self.mishaps, self.options.collector)
        self.milestones = Milestones(self.telemetry.mark)
        self.workloads = Workloads(
            journal=PodJournal(records),
            logs=self.state.logs,
            mesh=MeshView(self),
            changed=self.ring,
            ports=ports,
            environment=os.environ | mark(self.state),
            ledger=self.state.ledger,
        )
        chosen = self.desired.container_index
        self.report = Report(self.store, self.workloads, self.mishaps, chosen, lambda: datetime.now(UTC))
        self.comparisons = comparisons(self.state, self.store, self.history, self.mishaps, MeshView(self).settled)
        self.rollouts = Rollouts(self.state, self.store, self.mishaps, requests, self.envoy)
        self.consequences = Consequences(self.desired.consider, lambda: self._wanted_version)
        told = views.table(self), Metrics(self.envoy, self.telemetry), self.consequences, inside(self)
        self.api = ApiServer(self.store, self.state.token(), *told)
        self.dashboard = Dashboard(self.state)
        self._ports = LastPorts(records)

    def _read_files(self) -> None:
        """The first reading must be right; later ones leave the last good state in force."""
        if not self.files.read():
            raise InvalidFiles(self.files.problems)
        self.desired.read_sources()
        ensure_namespaces(self.files, self.store)
        try:
            apply_files(self.files, self.store)
        except ApiError as error:
            raise TurnoutError(f"cannot apply the files: {error.message}", error.hint) from error

    async def _start(self) -> None:
        if self.options.engine:
            await require(self.options.engine, outer_environment())
        known = self._envoy_record.load()
        adopted = known is not None and await self.envoy.adopt(known)
        await self.workloads.adopt()
        await self._end_strays()
        await self.ads.start()
        await self.traces.start()
        self.desired.derive(self.pods())
        if not adopted:
            if not self.pods():
                self.egress.renew()
            places = self.desired.gateway_places
            require_free(self.desired.listen, lambda port: self.files.place(places[port]))
            await self.envoy.start()
            assert self.envoy.identity is not None
            self.telemetry.started(self.envoy.identity)
        assert self.envoy.identity is not None
        self._envoy_record.save(self.envoy.identity)
        self.store.subscribe(self._object_changed)
        await open_api(self.api, self.state, self._ports, self.options.api_port)
        await open_dashboard(self.dashboard, self._ports, self.options.dashboard_port)
        for_ever = (self._loop(), self._watch(), self._scrape(), self.access.keep(), self.rollouts.run(self.serving))
        self._tasks = [asyncio.create_task(task) for task in for_ever]
        self.ring()
        await self._first_config()
        await self.comparisons.resume()

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
        # What is there now stays: among 1,000 services, looking through it for cycles would stop everything for 0.2 s.
        gc.collect()
        gc.freeze()
        self.serving.set()

    async def _until_stopped(self) -> None:
        stopped = asyncio.create_task(self.stopping.wait())
        done, _ = await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()

    async def _stop(self) -> None:
        """First what would start things anew, then Envoy and the workloads side by side, then the rest."""
        await self.comparisons.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rollouts.close()
        await self.dashboard.stop()
        had_envoy = self.envoy.identity is not None
        with suppress(TurnoutError):
            await asyncio.gather(self.envoy.stop(), self._end_workloads())
        if had_envoy:  # else an earlier one may still run, and only its record finds it again
            await end_strays(self.state)
            with suppress(StateBroken):
                self._envoy_record.clear()
        await self.ads.stop()
        await self.api.stop()
        await self.telemetry.close()
        await self.traces.close()
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
        if event.status_only or self.report.writing:
            return
        self.report.seen(event)
        if event.kind.use == "idle":
            return
        self.milestones.written(event)
        self._changes.seen(event.change, asyncio.get_running_loop().time())
        self.ring()

    async def _watch(self) -> None:
        """Saved files: manifests are applied, sources roll their workload. Also what was saved before the watch."""
        while True:
            watched = self.files.watched
            async for _ in changes(watched, self.stopping, says_ready=True):
                with self.mishaps.surviving("the saved file", fatal=not self.serving.is_set()):
                    await self._reload()
                if self.files.watched != watched:
                    break
            if self.stopping.is_set():
                return

    async def _reload(self) -> None:
        known = set(self.files.problems)
        sound = self.files.take(await asyncio.to_thread(self.files.look))
        self.desired.read_sources()  # after turnout.yaml: it may name other images now
        if sound:
            try:
                ensure_namespaces(self.files, self.store)
                apply_files(self.files, self.store)
            except (ApiError, StateBroken) as error:
                self.files.problems = (Problem("TNO401", Severity.ERROR, error.message, None, error.hint),)
        for problem in self.files.problems:
            if problem not in known:  # else a log that is written into a watched folder would never end
                _log.warning("%s", problem)
        self.ring()

    # --- the loop

    async def _loop(self) -> None:
        while True:
            await self._dirty.wait()
            await self._changes.complete()
            self._dirty.clear()
            version = self._wanted_version
            with self.mishaps.surviving("the change", fatal=not self.serving.is_set()):
                self.desired.derive(self.pods())
                # Traffic first: what workloads shall do takes them longer anyway.
                desired = self.desired
                self.acknowledgement.publish(
                    desired.config(), version, desired.generations, self.listen, desired.statuses
                )
                planned = self.desired.workloads()
                self.workloads.reconcile(planned)
                self.milestones.planned(planned)
                self.report.write(planned)
            self.consequences.derived(version)

    @property
    def up_to_date(self) -> bool:
        """Whether Envoy serves what is known now: every pod that is ready gets its requests."""
        return self.acknowledgement.served_version >= self._wanted_version

    async def settled(self) -> None:
        """Until Envoy serves what is known now."""
        await self.acknowledgement.served(self._wanted_version)

    def _remember_envoy(self, identity: Identity) -> None:
        with self.mishaps.recording():
            self._envoy_record.save(identity)

    # --- what is going on

    async def _scrape(self) -> None:
        while True:
            with self.mishaps.surviving("the counters", fatal=False):
                await self.telemetry.look()
                await self.telemetry.record()
            room = self.mishaps.unrecorded or self.acknowledgement.freed(self.listen)  # there may be some by now
            if room or self.desired.certificates.changed():
                self.ring()
            # On whole seconds, so that each of the store's has its look, whatever one takes.
            await asyncio.sleep(SCRAPE_SECONDS - time.time() % SCRAPE_SECONDS)

    def pods(self) -> tuple[PodStatus, ...]:
        return self.workloads.pods()

    @property
    def world(self) -> World:
        return self.desired.world

    @property
    def listen(self) -> Mapping[int, int]:
        """Gateway port → where it listens."""
        return self.desired.listen

    async def considered(self) -> None:
        """Until it is known what does not fit: among 1,000 services a tenth of a second, in which others are served."""
        await asyncio.to_thread(self.desired.consider)

    def problems(self) -> list[Problem]:
        """All that is wrong now, with its place in the files where it has one."""
        found = [*self.files.problems, *self.desired.problems(), *self.traces.problems()]
        found += self.acknowledgement.problems(self.listen, self.desired.gateway_places)
        found += [*self.telemetry.problems(), *self.mishaps.problems()]
        return list(dict.fromkeys(self.files.locate(problem) for problem in found))
