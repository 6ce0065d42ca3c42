"""What a container engine says, and what is made of it. The engine is a script here, that says what podman says."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import pytest

from turnout.error import ContainersFailed
from turnout.process import namespace_ports
from turnout.workloads.container_cli import ContainerCli, network, outer_environment, refusal, require, ulimits
from turnout.workloads.containers import environment_file
from turnout.workloads.launcher import Ledger


def engine(folder: Path, script: str) -> dict[str, str]:
    """An environment whose podman is this script."""
    program = folder / "podman"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


async def test_an_engine_on_this_machine_will_do(tmp_path: Path) -> None:
    await require("podman", engine(tmp_path, f"printf '{platform.release()}\\tfalse\\n'"))


@pytest.mark.parametrize("said", [f"{platform.release()}\\ttrue", "5.15.0-vm\\tfalse"], ids=["remote", "kernel"])
async def test_containers_in_another_machine_are_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(ContainersFailed, match="its containers run in another machine"):
        await require("podman", engine(tmp_path, f"printf '{said}\\n'"))


async def test_an_engine_that_is_missing_is_told_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ContainersFailed) as caught:
        await require("podman", {"PATH": str(tmp_path)})
    assert caught.value.message == "--runtime podman: podman is not installed"
    assert caught.value.hint is not None
    assert "apt-get install podman" in caught.value.hint


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ContainersFailed, match="`podman info` has not ended in 0 s"):
        await ContainerCli("podman", engine(tmp_path, "exec sleep 60"))("info", within_seconds=0.1)


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("Error: runc: error setting rlimit type 7: operation not permitted", "error setting rlimit type 7", "ulimits"),
        ('Trying to pull\nError: short-name "x" did not resolve', 'short-name "x" did not resolve', "registry"),
        ("Error: initializing: pinging container registry x: dial", "pinging container registry x", "build or load it"),
        ("Error: x: attempted to invoke a command that was not found", "was not found", "ENTRYPOINT"),
        ('Error: default OCI runtime "crun" not found: invalid argument', "not found", "apt-get install runc"),
        ("", "it does not say why", None),
    ],
)
def test_a_refusal_is_told_in_the_engines_last_line_with_a_remedy(said: str, message: str, hint: str | None) -> None:
    error = refusal("podman", said)
    assert message in error.message
    assert (error.hint is None) if hint is None else (error.hint is not None and hint in error.hint)


def test_values_of_several_lines_do_not_go_through_the_file() -> None:
    """Nor does anything stand on a command line, where every user could read it."""
    with environment_file({"PASSWORD": "a 'b' # c", "SEVERAL": "1\n2"}) as (file, inherited):
        assert file.read_text() == "PASSWORD=a 'b' # c\n"
        assert file.stat().st_mode & 0o077 == 0
        assert inherited == {"SEVERAL": "1\n2"}
    assert not file.exists()


def test_an_engines_helpers_do_not_carry_the_mark_of_our_own_programs() -> None:
    assert outer_environment({"PATH": "/bin", "TURNOUT_OWNER": "/x"}) == {"PATH": "/bin"}


def test_podman_gets_limits_that_this_machine_allows_and_docker_knows_by_itself() -> None:
    assert [limit.partition("=")[0] for limit in ulimits("podman")] == ["nofile", "nproc"]
    assert ulimits("docker") == ()


def test_only_podman_with_slirp4netns_gives_containers_a_network_of_their_own(tmp_path: Path) -> None:
    assert network("podman", {"PATH": str(tmp_path)}) == "host"
    assert network("docker", os.environ) == "host"


def test_listeners_are_seen_in_a_network_and_those_on_loopback_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as inner, socket.create_server(("0.0.0.0", 0)) as outer:
        mine = {inner.getsockname()[1], outer.getsockname()[1]}
        assert namespace_ports(os.getpid()) & mine == {outer.getsockname()[1]}
        assert namespace_ports(os.getpid(), loopback=True) & mine == {inner.getsockname()[1]}


async def test_an_engine_is_asked_for_what_is_left_only_where_it_was_used(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "engines", "abc")
    assert await ledger.end_strays() == []
    ledger.note("podman")
    ledger.note("podman")
    assert (tmp_path / "engines").read_text() == "podman\n"
