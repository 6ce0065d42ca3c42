"""What `turnout check` costs: a whole run of the command, from the shell's point of view."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bench import fleet
from scripts.bench.figure import Figure

SIZES = (100, 1000)
CHECK_SECONDS = 3.0


def figures(folder: Path) -> Iterator[Figure]:
    """The target is for the larger size."""
    for services in SIZES:
        place = folder / str(services)
        fleet.write(place, services)
        target = CHECK_SECONDS if services == max(SIZES) else None
        yield Figure(f"{services} services, {3 * services + 1} objects: checked", _seconds(place), "s", target)


def _seconds(folder: Path) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "turnout", "check", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[:500] + done.stderr[:500]
    return time.perf_counter() - begun
