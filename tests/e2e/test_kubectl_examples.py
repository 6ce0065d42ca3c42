"""The examples, applied by kubectl to a Turnout that has nothing: the same as `turnout up` makes of their files."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kubectl import Kubectl
from tests.e2e.launch import EXAMPLE
from tests.e2e.numbers import RANDOM_NUMBER
from tests.e2e.site import Site, is_ready, until

from turnout.inputs.apply import content
from turnout.resources.kinds import WANTED

pytestmark = pytest.mark.e2e

REQUESTS = 10


def dark_launch(folder: Path) -> None:
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)


def random_number(folder: Path) -> None:
    """Blue alone, and green beside it as blue's program."""
    for phase in ("phase-1", "phase-2"):
        shutil.copytree(RANDOM_NUMBER / phase, folder, dirs_exist_ok=True)
    for name in ("cluster.yaml", "ingress.yaml", "subsets.yaml"):
        shutil.copy(RANDOM_NUMBER / "phase-3" / "manifests" / name, folder / "manifests")
    blue = (folder / "manifests" / "blue.yaml").read_text()
    (folder / "manifests" / "green.yaml").write_text(blue.replace("blue", "green"))
    settings = (folder / "turnout.yaml").read_text()
    (folder / "turnout.yaml").write_text(settings.replace("python3", sys.executable))
    app = (folder / "app" / "app.py").read_text()
    (folder / "app" / "app.py").write_text(app.replace("time.sleep(random.randint(0, 1))", "time.sleep(0)"))


@contextmanager
def running(lay_out: Any, *, empty: bool) -> Iterator[Site]:
    """A site of an example, about to start; `empty`: its manifests are not given to `turnout up`."""
    folder = Path(tempfile.mkdtemp(prefix="tno-")).resolve()
    (folder / "tmp").mkdir()
    site = Site(folder)
    try:
        lay_out(folder)
        if empty:
            (folder / "k8s").mkdir()
        else:
            (folder / "manifests").rename(folder / "k8s")
        site.start()
        yield site
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def objects(site: Site) -> dict[str, Any]:
    """What somebody wrote, without what servers and clients note on it."""
    with site.client() as client:
        found = [item for kind in WANTED for item in client.list(kind)["items"]]
    return {f"{obj['kind']} {obj['metadata']['name']}": content(obj) for obj in found}


def routes(site: Site) -> Any:
    """In words, without the files that they stand in."""
    with site.client() as client:
        return _unplaced(client.view("routes"))


def _unplaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unplaced(item) for key, item in value.items() if key not in ("place", "where", "file", "line")}
    return [_unplaced(item) for item in value] if isinstance(value, list) else value


def answers(site: Site, host: str) -> Counter[int]:
    return Counter(site.get(host=host).status for _ in range(REQUESTS))


def hops(site: Site) -> set[tuple[str, str, bool]]:
    """Who called whom, and whose calls were copies."""
    return {(hop["source"], hop["workload"], hop["mirrored"]) for hop in site.status()["hops"]}


@pytest.mark.parametrize(
    ("lay_out", "host"), [(dark_launch, "customer.test"), (random_number, "rewrite-app-with-istio.test")]
)
def test_applying_an_example_is_the_same_as_bringing_it_up(lay_out: Any, host: str) -> None:
    with running(lay_out, empty=False) as up, running(lay_out, empty=True) as bare:
        bare.until_status("it serves", lambda status: status["serving"], seconds=60)
        Kubectl(bare)("apply", "-f", "manifests")
        for site in (up, bare):
            site.until_status("all of it runs", lambda s: is_ready(s) and len(s["workloads"]) > 1, seconds=60)
        assert objects(bare) == objects(up)
        assert routes(bare) == routes(up)
        assert answers(bare, host) == answers(up, host) == {200: REQUESTS}
        until("the same calls are counted", lambda: hops(bare) == hops(up) and len(hops(up)) > 1)
