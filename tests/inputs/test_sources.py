"""Which files belong to a workload's sources, and when they count as changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout.inputs.sources import EVERYTHING, fingerprint, is_glob, is_watched, watched_files


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_by_default_everything_counts_but_what_tools_write(tmp_path: Path) -> None:
    tree(tmp_path, "main.go", "pkg/a.go", ".env", ".git/HEAD", "bin/v2", "a/__pycache__/x.pyc", "node_modules/x/y.js")
    tree(tmp_path, "app.log", "data.db", "main.go~", "pkg/.venv/lib/x.py")
    assert list(watched_files(tmp_path)) == [".env", "main.go", "pkg/a.go"]


def test_what_turnout_itself_reads_is_no_source_unless_a_glob_names_it(tmp_path: Path) -> None:
    tree(tmp_path, "app.py", "turnout.yaml", "helm/values.yaml", "helm/templates/a.yaml", "v2/app.py")
    without = {tmp_path / "helm", tmp_path / "turnout.yaml"}
    assert list(watched_files(tmp_path, without=without)) == ["app.py", "v2/app.py"]
    assert list(watched_files(tmp_path, ("**/*.yaml",), without)) == [
        "turnout.yaml", "helm/values.yaml", "helm/templates/a.yaml"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.py", ["a.py"]),
        ("**/*.py", ["a.py", "x/b.py", "x/y/c.py"]),
        ("x/**", ["x/b.py", "x/d.txt", "x/y/c.py"]),
        ("x/", ["x/b.py", "x/d.txt", "x/y/c.py"]),
        ("./x/*.py", ["x/b.py"]),
        ("x/?.py", ["x/b.py"]),
        ("**/[bc].py", ["x/b.py", "x/y/c.py"]),
        ("**/[!bc].py", ["a.py"]),
        ("bin/tool", ["bin/tool"]),
        ("nothing", []),
    ],
)
def test_a_glob_finds_what_a_shell_would_find(tmp_path: Path, glob: str, found: list[str]) -> None:
    tree(tmp_path, "a.py", "x/b.py", "x/d.txt", "x/y/c.py", "bin/tool")
    assert list(watched_files(tmp_path, (glob,))) == found
    assert [name for name in found if not is_watched(tmp_path, tmp_path / name, (glob,))] == []


def test_a_change_elsewhere_is_no_change_of_the_sources(tmp_path: Path) -> None:
    assert is_watched(tmp_path, tmp_path / "gone.py")
    assert not is_watched(tmp_path, tmp_path / "__pycache__" / "gone.pyc")
    assert not is_watched(tmp_path / "app", tmp_path / "other.py")


def test_the_fingerprint_follows_content_and_name_and_not_the_clock(tmp_path: Path) -> None:
    tree(tmp_path, "a.py", "b.py")
    before = fingerprint(tmp_path)
    os.utime(tmp_path / "a.py", (1, 1))
    assert fingerprint(tmp_path) == before
    (tmp_path / "a.py").write_text("other")
    changed = fingerprint(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert len({before, changed, fingerprint(tmp_path)}) == 3


def test_what_a_build_writes_into_its_own_folder_changes_nothing(tmp_path: Path) -> None:
    tree(tmp_path, "main.go")
    before = fingerprint(tmp_path)
    (tmp_path / "server").write_bytes(b"\x7fELF and so on")
    assert fingerprint(tmp_path) == before


def test_large_files_count_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.inputs.sources.CONTENT_BYTES", 4)
    tree(tmp_path, "large.bin")
    before = fingerprint(tmp_path)
    os.utime(tmp_path / "large.bin", (1, 1))
    assert fingerprint(tmp_path) != before


def test_a_missing_folder_a_pipe_and_a_dangling_link_do_no_harm(tmp_path: Path) -> None:
    empty = fingerprint(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert fingerprint(tmp_path) == empty


@pytest.mark.parametrize("glob", ["[z-a]", "", "/etc/*", "../other/*"])
def test_a_glob_that_can_match_nothing_is_none(glob: str) -> None:
    assert not is_glob(glob)
    assert is_glob(EVERYTHING[0])
