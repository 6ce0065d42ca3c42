"""`make verdicts`: six candidates on a real Envoy, by comparisons and by rollouts: what is made of each, and how soon.

Exit status: 0 when each verdict is right, else 1.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.demo.folder import say
from scripts.demo_rollout.launch import CANDIDATE, SERVICE, STABLE, Launch

from turnout.client import Client

Json = Mapping[str, Any]

HEALTHY = "healthy"
COMPARED = {
    HEALTHY: ("same", ""),
    "errors": ("regression", "status"),
    "slow": ("regression", "latency"),
    "changed": ("difference", "$.price"),
    "missing": ("regression", "$.price"),
    "html": ("regression", "headers.content-type"),
}
"""The right verdict, and what it is to be about."""
WEIGHED = {HEALTHY: ("finished", ""), "errors": ("aborted", "errors: worse"), "slow": ("aborted", "slow: worse")}
SHOWN = {
    HEALTHY: ("finished", ""),
    "changed": ("paused", "different: $.price"),
    "missing": ("aborted", "$.price missing"),
    "html": ("aborted", "headers.content-type"),
}
"""A difference holds: somebody has to say whether it is meant to be."""
WEIGHTS = [{"weight": 5}, {"weight": 25}, {"weight": 100}]
# Of the median: on a busy machine 30 ms more may be less than a tenth of the requests takes anyway.
GUARDS = [{"errors": {"tolerance": 2}}, {"slow": {"quantile": 0.5, "tolerance": 25}}]
COMPARE = {"compare": {"percent": 100}, "maxTime": "45s"}
COMPARE_SECONDS = 60
RATE = 200
LOOK_SECONDS = 0.2
TITLES = ("candidate", "by", "verdict", "about", "seconds", "evidence", "users met", "right")
WIDTHS = (10, 22, 11, 26, 8, 9, 10, 5)


@dataclass(frozen=True, slots=True)
class Row:
    """`evidence`: pairs of answers, or the candidate's requests that the guard in question had counted.

    `seconds`: until the verdict was there. `met`: users whose requests the candidate answered.
    """

    candidate: str
    by: str
    verdict: str
    about: str
    seconds: float
    evidence: int
    met: int
    right: bool

    def line(self) -> str:
        """Of the table."""
        cells = (
            self.candidate, self.by, self.verdict, self.about[: WIDTHS[3]], f"{self.seconds:.1f}", f"{self.evidence:,}",
            f"{self.met:,}", "yes" if self.right else "NO",
        )  # fmt: skip
        return _aligned(cells)


def _aligned(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def main() -> int:
    """The table, row by row."""
    launch = Launch()
    try:
        launch.begin("dark-launch")
        launch.command("mirror", SERVICE, "--off")
        rows = list(_rows(launch))
    finally:
        left = launch.close(keep=False)
    say("\n".join([f"\n{RATE} requests per second through three services:\n", _aligned(TITLES), *map(Row.line, rows)]))
    return 0 if all(row.right for row in rows) and not left else 1


def _rows(launch: Launch) -> Iterator[Row]:
    for fault in COMPARED:
        launch.build("" if fault == HEALTHY else fault)
        with launch.visited(RATE):
            yield _shown(_compared(launch, fault))
            if fault in WEIGHED:
                yield _shown(_rolled_out(launch, fault, "rollout", WEIGHTS, GUARDS, WEIGHED[fault]))
            if fault in SHOWN:
                guards = [*GUARDS, {"regressions": {"tolerance": 5}}]
                yield _shown(
                    _rolled_out(launch, fault, "rollout with compare", [COMPARE, *WEIGHTS], guards, SHOWN[fault])
                )


def _shown(row: Row) -> Row:
    say(row.line() if row.right else f"{row.line()}\n  {row.about}")
    return row


def _compared(launch: Launch, fault: str) -> Row:
    """`turnout compare --until-sure`; the verdict counts from when it was given first."""
    order = ("compare", SERVICE, "--to", CANDIDATE, "--sample", "all", "--until-sure", "--for", f"{COMPARE_SECONDS}s")
    command = threading.Thread(target=launch.run, args=order)
    began, said, before = time.monotonic(), 0.0, launch.answered()
    command.start()
    with Client.from_state(launch.work / ".turnout") as client:
        while command.is_alive():
            told = (client.view("comparison").get("report") or {}).get("verdict", "unsure")
            said = (said or time.monotonic() - began) if told != "unsure" else 0.0
            time.sleep(LOOK_SECONDS)
    view = launch.asked("compare", "report")
    line = view["report"] or {}
    verdict, routes = line.get("verdict", "unsure"), (line.get("report") or {}).get("routes", ())
    fields = [field for route in routes for field in route["fields"] if field["class"] == verdict]
    paths = sorted({field["path"] for field in fields})
    wanted, about = COMPARED[fault]
    right = verdict == wanted and (about in paths if about else not paths)
    pairs = (line.get("pairs") or {}).get("candidate", 0)
    return Row(fault, "compare", verdict, ", ".join(paths), said, pairs, launch.answered() - before, right)


def _rolled_out(
    launch: Launch, fault: str, by: str, steps: list[Any], guards: list[Any], right: tuple[str, str]
) -> Row:
    """`turnout rollout start`, until it has ended or is held."""
    name = f"{fault}-{len(steps)}"
    spec = {"service": SERVICE, "from": STABLE, "to": CANDIDATE, "steps": steps, "guards": guards, "minTime": "2s"}
    rollout = {"apiVersion": "turnout.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": name}}
    file = launch.temporary / "rollout.json"
    file.write_text(json.dumps({**rollout, "spec": {**spec, "expectations": str(launch.work / "expectations.yaml")}}))
    before = launch.answered()
    launch.run("rollout", "start", str(file), "--no-follow")
    with Client.from_state(launch.work / ".turnout") as client:
        while (status := client.view(f"rollouts/default/{name}")["status"])["phase"] == "running":
            time.sleep(LOOK_SECONDS)
    seconds = (status.get("finishedAt") or time.time()) - status["startedAt"]
    met = launch.answered() - before
    if status["phase"] == "paused":
        launch.run("rollout", "abort", name)
    launch.run("shift", SERVICE, f"{STABLE}=100", f"{CANDIDATE}=0")
    judged = max((each["candidate"]["total"] for each in status["verdicts"] if each["kind"] == "worse"), default=0)
    about = "" if status["phase"] == "finished" else status["why"]
    return Row(
        fault,
        by,
        status["phase"],
        about,
        seconds,
        judged or met,
        met,
        status["phase"] == right[0] and right[1] in about,
    )


if __name__ == "__main__":
    sys.exit(main())
