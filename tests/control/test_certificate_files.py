"""Certificates in files: read once, noticed when they change, bounded."""

from __future__ import annotations

import os
from pathlib import Path

from turnout.control.certificate_files import LARGEST_BYTES, CertificateFiles
from turnout.mesh.credential import SYSTEM_AUTHORITIES
from turnout.resources.certificate import authority_fault


def test_what_can_be_read_is_and_relative_paths_count_from_the_project(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("a")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * (LARGEST_BYTES + 1))
    absolute = str(tmp_path / "a.pem")
    paths = ["a.pem", absolute, "missing", "binary", "huge", "\0", str(tmp_path)]
    assert CertificateFiles(tmp_path).read(paths) == {"a.pem": "a", absolute: "a"}


def test_a_file_that_is_written_removed_or_made_is_noticed(tmp_path: Path) -> None:
    files, one, other = CertificateFiles(tmp_path), tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    assert files.read(["one", "other"]) == {"one": "1"}
    assert not files.changed()
    one.write_text("2")
    os.utime(one, ns=(1, 1))
    assert files.changed()
    assert files.read(["one", "other"]) == {"one": "2"}
    other.write_text("3")
    assert files.changed()
    assert files.read(["one", "other"]) == {"one": "2", "other": "3"}
    one.unlink()
    assert files.changed()
    assert files.read(["one", "other"]) == {"other": "3"}
    assert not files.changed()


def test_this_machine_keeps_whom_it_believes_somewhere(tmp_path: Path) -> None:
    found = CertificateFiles(tmp_path).read([SYSTEM_AUTHORITIES])
    assert found.keys() <= {SYSTEM_AUTHORITIES}
    assert authority_fault(found.get(SYSTEM_AUTHORITIES, "")) == "" or not found
