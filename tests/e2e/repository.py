"""The example that is a repository as it is deployed: Dockerfiles, a chart, skaffold.yaml."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from tests.e2e.site import Site

EXAMPLE = Path(__file__).parents[2] / "examples" / "skaffold"
HOST = "shop.test"


class Repository(Site):
    """A copy of it. `turnout up` is given no path."""

    def lay_out(self) -> None:
        shutil.copytree(EXAMPLE, self.folder, dirs_exist_ok=True)
        (self.folder / ".tmp").mkdir()
        (self.folder / "tmp").symlink_to(".tmp")  # hidden: what is written there is no source
        settings = self.folder / "turnout.yaml"
        settings.write_text(settings.read_text().replace("python3", sys.executable))

    def up_arguments(self, *arguments: str) -> tuple[str, ...]:
        return ("up", "--gateway-port", f"80={self.port}", *arguments)

    def change(self, name: str, old: str, new: str) -> None:
        """Saves a file with a part of it replaced; the part is there once."""
        text = (self.folder / name).read_text()
        assert text.count(old) == 1
        self.write(name, text.replace(old, new))

    def weigh(self, green: int) -> None:
        """As a user edits the weights in the chart's values, and saves."""
        text = (self.folder / "helm/values.yaml").read_text()
        weights = iter((green, 100 - green))
        self.write("helm/values.yaml", re.sub(r"weight: \d+", lambda _: f"weight: {next(weights)}", text))
