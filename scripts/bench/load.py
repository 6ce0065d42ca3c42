"""Load on a proxy, from a process of its own: `turnout load`."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scripts.bench.envoy import HOST
from scripts.bench.instance import turnout

UNTOLD = ("-H", "x-turnout-load:")
"""Real clients do not ask which version answers, so these do not either."""


@dataclass(frozen=True, slots=True)
class Load:
    """`rate`: requests per second, whatever the proxy does; None: as many as the clients get answered."""

    rate: int | None = None
    clients: int = 16

    def command(self, port: int, seconds: float) -> list[str]:
        own = turnout("load", f"http://{HOST}/", "--json", "--connect", f"127.0.0.1:{port}", *UNTOLD)
        pace = [] if self.rate is None else ["--rate", str(self.rate)]
        return [*own, *pace, "-c", str(self.clients), "-t", f"{seconds:g}s"]


def apply(load: Load, port: int, seconds: float) -> dict[str, Any]:
    """Runs it to its end; returns the report of `turnout load --json`."""
    done = subprocess.run(load.command(port, seconds), stdout=subprocess.PIPE, check=False, timeout=seconds + 60)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


class Running:
    """Load that goes on meanwhile; `report` is there once it has ended."""

    def __init__(self) -> None:
        self.report: dict[str, Any] = {}


@contextmanager
def applied(load: Load, port: int, at_most_seconds: float = 120.0) -> Iterator[Running]:
    """Load while the context lasts."""
    running = Running()
    with subprocess.Popen(load.command(port, at_most_seconds), stdout=subprocess.PIPE) as process:
        try:
            yield running
        finally:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
    running.report = json.loads(output)
