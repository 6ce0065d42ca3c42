"""Helm: charts to manifests, in this process by Helm's own library, or by a `helm` on the PATH."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from turnout.error import ProgramNotFound, TurnoutError
from turnout.inputs.chart import Release, archived
from turnout.resources.kinds import KINDS

LIBRARY: Final = "helm_python"
PROGRAM: Final = "helm"
MISSING: Final = "Helm is needed to render a chart, and it is not installed"
INSTALL: Final = "pip install 'turnout[helm]', or put a `helm` on the PATH"
PROGRAM_SECONDS: Final = 20.0
OVERRIDES: Final = "turnout-overrides.json"

API_VERSIONS: Final = tuple(
    dict.fromkeys(
        name
        for kind in KINDS
        for version in kind.versions
        for group in [f"{kind.group}/{version}" if kind.group else version]
        for name in (group, f"{group}/{kind.kind}")
    )
)
"""What `.Capabilities.APIVersions.Has` knows beside Kubernetes' own: charts ask whether Istio is there."""

_SOURCE: Final = re.compile(r"^---\n# Source: (.+)\n", re.MULTILINE)

Output = dict[str, str]
"""What came of each template, by its name: `shop/templates/route.yaml`."""


class Engine(Protocol):
    """Renders charts."""

    def render(self, files: Mapping[str, bytes], name: str, release: Release) -> Output:
        """`files` by path inside the chart, `name` of the release. Raises TurnoutError, with what Helm says."""

    def values(self, files: Mapping[str, bytes], release: Release) -> dict[str, Any]:
        """What the templates get to see as `.Values`, as far as this engine can tell."""


def engine() -> Engine:
    """Helm's library where it is installed, else the program. Raises ProgramNotFound."""
    why = MISSING
    try:
        import_module(LIBRARY)
        return Library()
    except ModuleNotFoundError:
        pass
    except Exception as error:  # noqa: BLE001 - it is there, and not for this machine: the loader says why
        why = f"Helm's library cannot be loaded: {error}"
    program = shutil.which(PROGRAM)
    if program is None:
        raise ProgramNotFound(why, INSTALL)
    return Program(program)


class Library:
    """Helm's Go code in this process: under a millisecond for a small chart."""

    def render(self, files: Mapping[str, bytes], name: str, release: Release) -> Output:
        from helm_python import Chart, HelmError, _native

        options = {
            "name": name,
            "namespace": release.namespace,
            "is_install": True,
            # `Chart.render` does not hand this on, though the library takes it.
            "api_versions": list(API_VERSIONS),
        }
        try:
            with Chart.load_archive(archived(dict(files))) as chart:
                given = json.dumps(_overrides(release))
                return _output(json.loads(_native.call_string("helm_render", chart._raw(), given, json.dumps(options))))  # noqa: SLF001 - as above
        except HelmError as error:
            raise TurnoutError(str(error)) from error

    def values(self, files: Mapping[str, bytes], release: Release) -> dict[str, Any]:
        from helm_python import Chart, HelmError

        try:
            with Chart.load_archive(archived(dict(files))) as chart:
                return chart.merge_values(_overrides(release))
        except HelmError as error:
            raise TurnoutError(str(error)) from error


class Program:
    """`helm template`, in a folder of its own that ends with it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def render(self, files: Mapping[str, bytes], name: str, release: Release) -> Output:
        with tempfile.TemporaryDirectory(prefix="turnout-chart-") as folder:
            for file, content in files.items():
                target = Path(folder, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            own = Path(folder, OVERRIDES)
            own.write_text(release.overrides or "{}")
            return _output(_by_source(self._run("template", name, folder, *_arguments(release, own))))

    def values(self, files: Mapping[str, bytes], release: Release) -> dict[str, Any]:
        return {}

    def _run(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                [self.path, *arguments], capture_output=True, timeout=PROGRAM_SECONDS, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TurnoutError(f"{self.path}: {error}") from error
        if done.returncode:
            raise TurnoutError(done.stderr.strip().removeprefix("Error: "))
        return done.stdout


def _arguments(release: Release, overrides: Path) -> Iterator[str]:
    yield from ("--namespace", release.namespace, "--skip-tests")
    for file in (*release.values, overrides):
        yield from ("--values", str(file))
    for text in release.sets:
        yield from ("--set", text)
    for version in API_VERSIONS:
        yield from ("--api-versions", version)


def _by_source(output: str) -> Output:
    """`helm template` sorts documents by kind, and says before each where it is from."""
    found: Output = {}
    _, *rest = _SOURCE.split(output)
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        found[name] = f"{found[name]}---\n{text}" if name in found else text
    return found


def _output(rendered: Mapping[str, str]) -> Output:
    """Without what is no manifest: notes, partials, and what came out empty."""
    return {
        name: text
        for name, text in sorted(rendered.items())
        if name.endswith((".yaml", ".yml")) and _says_something(text)
    }


def _says_something(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return any(line and line != "---" and not line.startswith("#") for line in lines)


# --- values, as Helm puts them together


def _overrides(release: Release) -> dict[str, Any]:
    """Files first, then `--set`. Raises TurnoutError where one cannot be read."""
    from helm_python import HelmError, parse_set_string, values_from_yaml

    values: dict[str, Any] = {}
    for file in release.values:
        try:
            values = _merged(values, values_from_yaml(file.read_text(encoding="utf-8")) or {})
        except OSError as error:
            raise TurnoutError(f"cannot read {file}: {error.strerror}", "check the path") from error
        except (HelmError, UnicodeDecodeError) as error:
            raise TurnoutError(f"{file}: {error}") from error
    if release.overrides:
        values = _merged(values, json.loads(release.overrides))
    for text in release.sets:
        try:
            values = _set(values, parse_set_string(text), is_indexed="[" in text)
        except HelmError as error:
            raise TurnoutError(f"--set {text}: {error}", "write it like `--set weights.v2=10`") from error
    return values


def _merged(base: Any, over: Any) -> Any:
    """Mappings are merged, everything else is replaced; a null takes a default away, which Helm does at the end."""
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {key: _merged(base.get(key), value) for key, value in over.items()}
    return over


def _set(base: Any, over: Any, *, is_indexed: bool) -> Any:
    """`a[1].b=c` changes one item of a list; the parser gives None for those before it."""
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {key: _set(base.get(key), value, is_indexed=is_indexed) for key, value in over.items()}
    if is_indexed and isinstance(base, list) and isinstance(over, list):
        changed = [
            old if new is None else _set(old, new, is_indexed=True) for old, new in zip(base, over, strict=False)
        ]
        return [*changed, *base[len(changed) :], *over[len(changed) :]]
    return over
