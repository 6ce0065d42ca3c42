"""`turnout controller` beside a running instance, which it knows as the API of a cluster alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.prometheus import Prometheus
from tests.e2e.site import Site, until

from turnout.cli.export import scrape_config
from turnout.client.state import read_address

SCRAPE = "1s"


@dataclass(frozen=True, slots=True)
class Controlling:
    """One controller process."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def leads(self) -> bool:
        assert self.process.poll() is None, self.said
        return self.said.rstrip().endswith("leading")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def scraped(site: Site) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the site each second."""
    exported = scrape_config(f"127.0.0.1:{read_address(site.state).port}", site.state / "token")
    config = exported.replace("scrape_interval: 5s", f"scrape_interval: {SCRAPE}")
    started = Prometheus.start(site.folder / "prometheus", config)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def controlling(
    site: Site, prometheus: Prometheus, *arguments: str, kubeconfig: Path | None = None
) -> Iterator[Controlling]:
    """Waited for by nobody; ended with the block."""
    number = len(list(site.folder.glob("controller-*.log")))
    log = site.folder / f"controller-{number}.log"
    where = ("--kubeconfig", str(kubeconfig or site.state / "kubeconfig"))
    what = ("--prometheus", f"http://127.0.0.1:{prometheus.port}", "--every", SCRAPE)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnout", "controller", *where, *what, *arguments],
            cwd=site.folder,
            env=site.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = Controlling(process, log)
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        started.end()


def until_leading(*several: Controlling) -> Controlling:
    """The one of them that leads, once one does."""
    return until("a controller leads", lambda: next((each for each in several if each.leads()), None))
