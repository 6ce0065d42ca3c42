"""What the observer sees, from this side."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bench import observer
from scripts.bench.envoy import HOST, VERSION_HEADER
from scripts.bench.program import NotAnswering

WITHIN_SECONDS = 10.0
SETTLED_SECONDS = 0.5


class Sight:
    """Changes of the version that answers, in order."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._last = ""

    def first(self, version: str, since: float) -> float:
        """Seconds from `since` (`time.monotonic`) to the first answer of this version. Raises NotAnswering."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while time.monotonic() < deadline:
            seen = self._line(deadline - time.monotonic())
            if seen is None:
                break
            self._last = seen[0]
            if seen[0] == version and seen[1] >= since:
                return seen[1] - since
        raise NotAnswering(f"no answer of {version} within {WITHIN_SECONDS:g} s")

    def settle(self, version: str) -> None:
        """Until this version answers, and no other for a while. Raises NotAnswering."""
        self.settled(version)

    def settled(self, version: str) -> float:
        """Since when this version answers, and no other for a while (`time.monotonic`). Raises NotAnswering."""
        deadline, at = time.monotonic() + WITHIN_SECONDS, 0.0
        while time.monotonic() < deadline:
            seen = self._line(SETTLED_SECONDS)
            if seen is None and self._last == version:
                return at
            self._last, at = seen or (self._last, at)
        raise NotAnswering(f"{version} does not answer alone after {WITHIN_SECONDS:g} s")

    def _line(self, within_seconds: float) -> tuple[str, float] | None:
        output = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], max(within_seconds, 0.0))
        words = output.readline().split() if ready else []
        return (words[0].decode(), float(words[1])) if words else None


@contextmanager
def observed(port: int) -> Iterator[Sight]:
    """A gateway under observation."""
    argv = [sys.executable, str(Path(observer.__file__)), str(port), HOST, VERSION_HEADER]
    # Unbuffered, so that `select` sees every line that is there.
    with subprocess.Popen(argv, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            yield Sight(process)
        finally:
            process.kill()
