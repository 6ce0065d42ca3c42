"""A real Prometheus, on loopback and in a folder of its own, and its query API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from tests.e2e.site import until
from tests.ports import free_port

Labels = frozenset[tuple[str, str]]


def program() -> str:
    """Debian's; a developer may do without."""
    found = shutil.which("prometheus")
    if found is None:
        assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", "prometheus is missing: apt-get install prometheus"
        pytest.skip("prometheus is not installed")
    return found


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Scrapes what `config` says, until it is stopped."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @classmethod
    def start(cls, folder: Path, config: str, port: int = 0) -> Prometheus:
        """On a free port, unless it is to be another."""
        folder.mkdir()
        (folder / "prometheus.yml").write_text(config)
        port, log = port or free_port(), folder / "log"
        arguments = {
            "--config.file": folder / "prometheus.yml",
            "--storage.tsdb.path": folder / "data",
            "--web.listen-address": f"127.0.0.1:{port}",
            "--log.level": "warn",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program(), *(f"{name}={value}" for name, value in arguments.items())],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        started = cls(process, port, log)
        try:
            until("Prometheus scrapes", started.scrapes)
        except BaseException:
            started.stop()
            raise
        return started

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def scrapes(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return any(self.query('up{job="turnout"} == 1'))
        except OSError:
            return False

    def query(self, expr: str, at: float | None = None) -> dict[Labels, float]:
        """An instant query: labels, without the metric's name, to value."""
        found = self.ask("query", {"query": expr, **({"time": f"{at:.3f}"} if at else {})})
        if found["resultType"] == "scalar":
            return {frozenset(): float(found["result"][1])}
        return {_labels(sample): float(sample["value"][1]) for sample in found["result"]}

    def samples(self, selector: str, seconds: float, at: float) -> dict[Labels, list[tuple[float, float]]]:
        """What was scraped within the seconds before: time and value."""
        query = f"{selector}[{round(seconds * 1000)}ms]"
        found = self.ask("query", {"query": query, "time": f"{at:.3f}"})
        return {
            _labels(series): [(time, float(value)) for time, value in series["values"]] for series in found["result"]
        }

    def label_values(self, selector: str, label: str) -> list[str]:
        """As Grafana asks for a variable's values."""
        return list(self.ask(f"label/{label}/values", {"match[]": selector}))

    def ask(self, path: str, query: Mapping[str, str]) -> Any:
        """The `data` of an answer. What Prometheus refuses fails with its reason."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(query)}", timeout=20) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            if error.code == 503:  # not ready yet
                raise
            raise AssertionError(f"{query}: {error.read().decode()}") from error


def _labels(series: Mapping[str, Any]) -> Labels:
    return frozenset((name, value) for name, value in series["metric"].items() if name != "__name__")
