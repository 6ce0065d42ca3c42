"""Who may import what, beyond the layers: each library has one home, and the pure core asks nobody for anything."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import turnout

SOURCES = Path(turnout.__file__).parent
MODULES = sorted(SOURCES.rglob("*.py"))
PURE = {"problem", "resources", "mesh", "analysis", "compiler", "simulator", "delivery"}

HOMES = {
    "click": {"cli"},
    # Others' certificates are read here, the API's own is made there.
    "cryptography": {"resources", "apiserver"},
    "fastapi": {"web"},
    "grpc": {"xds"},
    # Of our own API; of a Prometheus, what may go wrong; webhooks; and the client of users' tests.
    "http": {"client", "evidence", "rollout", "testing"},
    "helm_python": {"inputs"},
    "httptools": {"load"},
    "jsonpatch": {"apiserver"},
    "nicegui": {"web"},
    "psutil": {"process"},
    "pytest": {"testing"},
    "rich": {"cli"},
    "sqlite3": {"database"},
    "starlette": {"apiserver"},
    "uvicorn": {"apiserver", "web"},
    "watchfiles": {"inputs"},
    "yaml": {"resources"},
    # Envoy's protobuf messages: built by the compiler, asked by the simulator and of plans, carried by xds.
    "envoy": {"compiler", "delivery", "simulator", "xds"},
    "google": {"compiler", "simulator", "xds"},
    "xds": {"compiler"},
}
"""Every third-party library, and what of the standard library does I/O through a protocol, to its package."""


def package(module: Path) -> str:
    """`resources` for turnout/resources/reader.py, `process` for turnout/process.py."""
    return module.relative_to(SOURCES).parts[0].removesuffix(".py")


@functools.cache
def imports(module: Path) -> frozenset[str]:
    """The top-level names that a module imports."""
    return frozenset(name.partition(".")[0] for name in imported_names(module))


def imported_names(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def calls(module: Path) -> Iterator[str]:
    """What a module calls: `open`, `now`, `print`, a method by its last name."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_is_imported_in_its_home_and_nowhere_else(library: str) -> None:
    found = {package(module) for module in MODULES if library in imports(module)}

    assert found == HOMES[library]


def test_every_third_party_library_has_a_home() -> None:
    ours = sys.stdlib_module_names | {"turnout", "__future__"}
    imported = {name for module in MODULES for name in imports(module)}

    assert imported - ours <= HOMES.keys()


def test_the_pure_core_opens_no_file_prints_nothing_and_asks_no_clock() -> None:
    forbidden = {"open", "print", "input", "now", "utcnow", "today", "uuid4", "getenv"}
    found = {
        f"{module.relative_to(SOURCES)}: {name}()"
        for module in MODULES
        if package(module) in PURE
        for name in set(calls(module)) & forbidden
    }

    assert found == set()
