"""Each folder of `cases` is a story: manifests in, Envoy configuration and problems out.

`TURNOUT_UPDATE_GOLDEN=1 pytest tests/compiler` writes the outputs anew; read the difference before you commit it.
The names of folders whose output is unabridged start with `full-`. A case without Services of its own has those of
`base.yaml`: its objects are then those of both files, and its own win.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.compiler import golden
from tests.compiler.world import World, world

from turnout.compiler.config import EMPTY, Config

FOLDER = Path(__file__).parent / "cases"
BASE = FOLDER / "base.yaml"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())


@dataclass(frozen=True)
class Case:
    """`base`: what is the same there is not worth repeating."""

    built: World
    base: Config


def case(path: Path) -> Case:
    """The world of one folder."""
    own = ("input.yaml", (path / "input.yaml").read_text(encoding="utf-8"))
    if "kind: Service\n" in own[1]:
        return Case(world(own), EMPTY)
    shared = ("base.yaml", BASE.read_text(encoding="utf-8"))
    return Case(world(shared, own), world(shared).config)


def rendered(path: Path) -> dict[str, str]:
    """The outputs by file name."""
    found = case(path)
    config = found.built.config
    dump = golden.full(config) if path.name.startswith("full-") else golden.short(config, found.base)
    return {"envoy.yaml": dump, "problems.txt": "".join(f"{problem}\n" for problem in found.built.problems)}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_manifests_become_this_configuration(path: Path) -> None:
    for name, text in rendered(path).items():
        file = path / name
        if os.environ.get("TURNOUT_UPDATE_GOLDEN"):
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text, f"{file} differs; see the module's docstring"
