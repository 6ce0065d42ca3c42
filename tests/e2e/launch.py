"""The dark-launch example as a site, with a candidate that misbehaves when told to."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.site import Site, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "dark-launch"
URL = "http://customer.test/"
CANDIDATE = "recommendation-v2"


class Launch:
    """customer asks preference, that asks recommendation v1, and v2 gets a copy."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="tno-")).resolve()
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        (folder / "manifests").rename(folder / "k8s")
        (folder / "tmp").mkdir()
        self.site = Site(folder)

    def close(self) -> None:
        try:
            self.site.close()
        finally:
            shutil.rmtree(self.site.folder, ignore_errors=True)

    def set_fault(self, fault: str) -> bool:
        """In the candidate's manifest, as the example's README tells to. False: it was there before."""
        file = self.site.folder / "k8s" / f"{CANDIDATE}.yaml"
        before = file.read_text()
        text, count = re.subn(r'(name: FAULT.*\n\s+value: )".*"', rf'\1"{fault}"', before)
        assert count == 1
        self.site.write(f"k8s/{file.name}", text)
        return text != before

    def misbehave(self, fault: str) -> None:
        """The fault is set, and in service: copies go to a new pod that has it, and to no other."""
        old = {pod["name"] for pod in self.site.pods(CANDIDATE)}
        if self.set_fault(fault):
            until(f"a candidate with the fault {fault} is in service", lambda: self._serving() - old)
        until("no other is", lambda: len(self._serving()) == 1 and self.site.status()["up_to_date"])

    def _serving(self) -> set[str]:
        return {pod["name"] for pod in self.site.pods(CANDIDATE) if pod["ready"]}

    def count(self, workload: str) -> dict[str, Any]:
        """What the workload's one pod has counted itself, asked for directly on its port."""
        (pod,) = [pod for pod in self.site.pods(workload) if pod["ready"]]
        connection = http.client.HTTPConnection("127.0.0.1", pod["ports"]["8080"], timeout=20)
        try:
            connection.request("GET", "/count")
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()


def mirror(status: dict[str, Any]) -> dict[str, int]:
    """The one row of `mirrors`."""
    (row,) = status["mirrors"]
    return dict(row)


def copy_cluster(status: dict[str, Any], side: str) -> dict[str, int]:
    """Envoy's own counters of the mirror's `mirror` or `copy` cluster."""
    (name,) = [name for name in status["clusters"] if name.startswith(f"{side}|")]
    return dict(status["clusters"][name])


def hops(status: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By caller and the workload that answered; copies, whose caller nobody knows, have none."""
    return {(hop["source"], hop["workload"]): hop for hop in status["hops"]}
