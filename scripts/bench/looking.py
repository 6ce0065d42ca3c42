"""What it costs to see everything: the control process at 200 kinds of requests, with a dashboard open; the store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from statistics import mean

import psutil
from scripts.bench import answerer, instance, program, project, visitors
from scripts.bench.envoy import HOST
from scripts.bench.figure import Figure
from scripts.bench.instance import Instance

from turnout.database import Database
from turnout.error import TurnoutError
from turnout.process import cpu_seconds, rss_bytes
from turnout.telemetry.series import Series
from turnout.telemetry.store import TELEMETRY, Store
from turnout.telemetry.tiers import HOUR
from turnout.telemetry.traffic import Traffic
from turnout.telemetry.window_row import BUCKETS, bucket_number

ROUTES = 100
SERIES = 2 * ROUTES
"""Each route leads to two versions."""
RATE = 1000
"""Requests per second: each kind is met five times in each."""
BEFORE_SECONDS, OPEN_SECONDS, MEASURED_SECONDS = 8.0, 20.0, 12.0
"""Traffic that flows before anything is measured; how long the dashboard is open before it is; and each measurement."""
WHAT = f"{SERIES} kinds of requests"


def figures(folder: Path) -> Iterator[Figure]:
    """Without a dashboard, then with one, then what the store has."""
    v1, v2, gateway = program.free_ports(3)
    versions = {"v1": v1, "v2": v2}
    with ExitStack() as stack:
        argv = [sys.executable, answerer.__file__, str(v1), str(v2)]
        stack.enter_context(program.started(argv, folder, name="answerer"))
        mesh = project.write_routes(folder / "routes", versions, ROUTES)
        running = stack.enter_context(instance.up(mesh, gateway))
        instance.await_pods(running)
        program.await_ok(gateway, HOST, "/0")
        argv = [sys.executable, visitors.__file__, str(gateway), HOST, str(ROUTES), str(RATE)]
        stack.enter_context(program.started(argv, folder, name="visitors"))
        yield from _control(folder, running)
        row_bytes = _row_bytes(running.state / "telemetry.db")
    yield Figure(f"store: a second of {WHAT}, as it was written", row_bytes, "B")
    yield from _stored(folder / "telemetry.db")


def _control(folder: Path, running: Instance) -> Iterator[Figure]:
    time.sleep(BEFORE_SECONDS)
    control = running.process.pid
    (alone,) = _percent(control)
    with _dashboard_open(folder, running) as (by, dashboards):
        time.sleep(OPEN_SECONDS)
        _assert_all_seen(running)
        watched, *own = _percent(control, *dashboards())
        memory = rss_bytes(control) or 0
    yield Figure(f"CPU of the control process, {WHAT}, nobody looks", alone, "%", None, "of a core")
    yield Figure("… with a dashboard open", watched, "%", 10, f"of a core; {by}")
    yield from (Figure("… and of the dashboard's own process", percent, "%", None, "of a core") for percent in own)
    yield Figure("memory of the control process then (RSS)", memory / 1e6, "MB", 150)


def _assert_all_seen(running: Instance) -> None:
    """What is measured is what is meant."""
    with running.client() as client:
        seen = {(hop["route"], hop["subset"]) for hop in client.view("status")["hops"] if hop["route"] != "default"}
    if len(seen) < SERIES:
        raise program.NotAnswering(f"{len(seen)} kinds of requests where there should be {SERIES}")


def _percent(*pids: int) -> list[float]:
    """Of a core, that each process uses."""
    began, before = time.monotonic(), [cpu_seconds(pid) or 0.0 for pid in pids]
    time.sleep(MEASURED_SECONDS)
    seconds = time.monotonic() - began
    used = [(cpu_seconds(pid) or 0.0) - was for pid, was in zip(pids, before, strict=True)]
    return [one / seconds * 100 for one in used]


@contextmanager
def _dashboard_open(folder: Path, running: Instance) -> Iterator[tuple[str, Callable[[], list[int]]]]:
    """The graph, in a browser; yields which, and the dashboard's process. Without one, somebody asks what it asks."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        with _asked_as_a_dashboard_asks(running):
            yield "no chromium here: only the questions of a dashboard", list
        return
    printed = subprocess.run(running.argv("dashboard", "--no-open"), check=True, capture_output=True, text=True)
    flags = ["--headless", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder / 'browser'}"]
    flags += ["--no-sandbox"] if os.getuid() == 0 else []
    with program.started([chromium, *flags, printed.stdout.strip()], folder, name="browser"):
        yield "in chromium", lambda: [_dashboard(running)]


def _dashboard(running: Instance) -> int:
    """The pid of the process that a browser has open. Raises NotAnswering."""
    children = psutil.Process(running.process.pid).children()
    serving = next((child for child in children if "--serve-fd" in child.cmdline()), None)
    if serving is None or not any(c.status == psutil.CONN_ESTABLISHED for c in serving.net_connections("tcp")):
        raise program.NotAnswering("no browser has the dashboard open")
    return serving.pid


@contextmanager
def _asked_as_a_dashboard_asks(running: Instance) -> Iterator[None]:
    over = threading.Event()

    def ask() -> None:
        with running.client() as client:
            while not over.wait(1.0):
                with suppress(TurnoutError):
                    client.view("graph", seconds="60")
                    client.view("status")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# --- the store


def _row_bytes(path: Path) -> float:
    """How large the row of a second is, in the mean of the last ones."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT length(body) FROM windows WHERE tier = 1 ORDER BY at DESC LIMIT 20").fetchall()
    return mean(float(size) for (size,) in rows)


def _stored(path: Path) -> Iterator[Figure]:
    """An hour of a second each, in as much time as it takes to write."""
    seconds = [_second(Random(number)) for number in range(20)]
    database = Database(path, (TELEMETRY,))
    store, now = Store(database), 1_700_000_000 // HOUR * HOUR
    began = time.process_time()
    for number in range(HOUR):
        store.add(now + number + 1, 1.0, seconds[number % len(seconds)])
    each = (time.process_time() - began) / HOUR
    rows, size = _row_bytes(path), store.size_bytes()
    database.close()
    against = f"a second has {rows:.0f} B; 15 minutes by second, an hour by ten seconds"
    yield Figure(f"store: an hour of {WHAT}, simulated", size / 1e6, "MB", None, against)
    yield Figure("store: … per kind of request", size / 1e3 / SERIES, "kB")
    yield Figure("store: CPU to write a second", each * 1000, "ms")


def _second(chance: Random) -> Mapping[Series, Traffic]:
    return {_series(number): _traffic(chance) for number in range(SERIES)}


def _series(number: int) -> Series:
    version = f"v{number % 2 + 1}"
    return Series(
        source_workload="istio-ingressgateway",
        source_workload_namespace="istio-system",
        upstream_cluster=f"outbound|80|{version}|{project.SERVICE}.default.svc.cluster.local",
        destination_workload=f"{project.SERVICE}-{version}",
        destination_workload_namespace="default",
        destination_subset=version,
        route=f"route-{number // 2}",
        response_code="200",
        response_flags="-",
    )


def _traffic(chance: Random) -> Traffic:
    """As `answerer` answers."""
    requests = RATE // SERIES
    drawn = (answerer.draw(chance) * 1e6 for _ in range(requests))
    durations = Counter(BUCKETS[bucket_number((duration, 0.0))] for duration in drawn)
    return Traffic(requests, 0, 1.0, dict(durations), 150 * requests, 200 * requests)
