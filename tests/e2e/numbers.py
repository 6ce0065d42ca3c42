"""The first article's application as a site, each number at once."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.site import Site

RANDOM_NUMBER = Path(__file__).parents[2] / "examples" / "random-number"
NUMBERS = "rewrite-app-with-istio"


@contextmanager
def random_numbers() -> Iterator[Site]:
    """It runs: blue asks itself and green, which is the same program."""
    folder = Path(tempfile.mkdtemp(prefix="tno-")).resolve()
    for phase in ("phase-1", "phase-2"):
        shutil.copytree(RANDOM_NUMBER / phase, folder, dirs_exist_ok=True)
    for name in ("cluster.yaml", "ingress.yaml", "subsets.yaml"):
        shutil.copy(RANDOM_NUMBER / "phase-3" / "manifests" / name, folder / "manifests")
    (folder / "manifests").rename(folder / "k8s")
    (folder / "tmp").mkdir()
    blue = (folder / "k8s" / "blue.yaml").read_text()
    (folder / "k8s" / "green.yaml").write_text(blue.replace("blue", "green"))
    settings = (folder / "turnout.yaml").read_text()
    (folder / "turnout.yaml").write_text(settings.replace("python3", sys.executable))
    app = (folder / "app" / "app.py").read_text()
    (folder / "app" / "app.py").write_text(app.replace("time.sleep(random.randint(0, 1))", "time.sleep(0)"))
    site = Site(folder)
    try:
        site.up(seconds=60)
        yield site
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
