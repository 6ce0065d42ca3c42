"""`make bench`: the numbers that Turnout is held to, measured in one run, beside peers and baselines of the same run.

Everything happens on loopback, on free ports, in a temporary folder, and ends with the run.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from scripts.bench import (
    checking,
    comparing,
    cost,
    envoy,
    instance,
    looking,
    program,
    project,
    resources,
    retreating,
    scale,
    shifting,
    startup,
)
from scripts.bench.figure import Figure

Section = Callable[[Path], Iterator[Figure]]


def main() -> int:
    """Prints every figure as soon as it is there. Exit status 0; with --strict 1 when a target is missed."""
    options = _options()
    begun = time.monotonic()
    print(_machine())
    missed, count = [], 0
    with tempfile.TemporaryDirectory(prefix="turnout-bench-") as name:
        for title in options.only or SECTIONS:
            print(f"\n{title}", flush=True)
            folder = Path(name, title)
            folder.mkdir()
            for figure in SECTIONS[title](folder):
                print(figure.line(), flush=True)
                count += figure.target is not None
                missed += [figure.name] if figure.missed else []
    print(f"\n{count - len(missed)} of {count} targets met, in {time.monotonic() - begun:.0f} s")
    for figure_name in missed:
        print(f"  MISSED {figure_name}")
    return 1 if missed and options.strict else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description="Measure Turnout on this machine.")
    parser.add_argument("--strict", action="store_true", help="exit status 1 when a target is missed")
    parser.add_argument("only", nargs="*", metavar="PART", help=f"only these of: {', '.join(SECTIONS)}")
    options = parser.parse_args()
    if unknown := set(options.only) - set(SECTIONS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


def _machine() -> str:
    load = os.getloadavg()[0]
    python = platform.python_version()
    return f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, Python {python}, load average {load:.1f}"


def _traffic(folder: Path) -> Iterator[Figure]:
    """Shifts and CPU cost share one instance before servers that cost next to nothing."""
    v1, v2, gateway = program.free_ports(3)
    versions = {"v1": v1, "v2": v2}
    with ExitStack() as stack:
        stack.enter_context(envoy.envoy(folder, "upstreams", v1, envoy.upstreams(versions)))
        running = stack.enter_context(instance.up(project.write_echo(folder / "echo", versions), gateway))
        instance.await_pods(running)
        program.await_ok(gateway, envoy.HOST)
        yield from shifting.figures(folder, running, versions)
        yield from retreating.figures(running)
        yield from cost.figures(folder, running, versions)


SECTIONS: dict[str, Section] = {
    "traffic": _traffic,
    "comparing": comparing.figures,
    "looking": looking.figures,
    "example": startup.figures,
    "scale": scale.figures,
    "checking": checking.figures,
    "resources": resources.figures,
}


if __name__ == "__main__":
    sys.exit(main())
