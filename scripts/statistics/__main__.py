"""`make statistics`: simulates rollouts under three rules, and writes what they did to docs/statistics.md.

A few minutes; the same seed gives the same page.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.statistics import peeking, product
from scripts.statistics.page import minutes, number, page, percent, table, with_interval
from scripts.statistics.rules import ALPHA, Evidence, Flagger, Rule, ZTest
from scripts.statistics.service import Scenario
from scripts.statistics.simulation import Outcome, shares, simulate

from turnout.delivery.guard import Guard, Levels, requests_needed

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
SEED = 20240229

EQUAL = {
    "0.1 % fail": Scenario(0.001),
    "1 % fail": Scenario(0.01),
    "10 % fail": Scenario(0.1, tolerance=0.05),
    "0.1 % fail, but 20 % of both for 30 s every 5 min": Scenario(0.001, outages=True),
    "0.1 % fail, looked at every 15 s": Scenario(0.001, look_seconds=15),
}
AT_TOLERANCE = {
    "0.1 % → 1.1 %": Scenario(0.001, (0.01, 0.0, 0.0)),
    "1 % → 2 %": Scenario(0.01, (0.01, 0.0, 0.0)),
    "10 % → 15 %": Scenario(0.1, (0.05, 0.0, 0.0), tolerance=0.05),
}
WORSE = {
    "errors 0.1 % → 0.6 %, half the tolerance": Scenario(0.001, (0.005, 0.0, 0.0)),
    "errors 0.1 % → 1.1 %, the tolerance": Scenario(0.001, (0.01, 0.0, 0.0)),
    "**errors 0.1 % → 2 %**": Scenario(0.001, (0.019, 0.0, 0.0)),
    "errors 0.1 % → 5 %": Scenario(0.001, (0.049, 0.0, 0.0)),
    "errors 0.1 % → 100 %": Scenario(0.001, (0.999, 0.0, 0.0)),
    "errors 1 % → 4 %": Scenario(0.01, (0.03, 0.0, 0.0)),
    "errors 10 % → 25 %": Scenario(0.1, (0.15, 0.0, 0.0), tolerance=0.05),
    "10 % → 30 % slower than p90": Scenario(0.001, (0.0, 0.2, 0.0)),
    "1 % → 5 % slower than p99": Scenario(0.001, (0.0, 0.04, 0.04)),
}
THE_BUG = WORSE["**errors 0.1 % → 2 %**"]


def main() -> int:
    """Prints each row as soon as it is there."""
    options = _options()
    many, some, few = options.rollouts, max(1, options.rollouts // 2), max(1, options.rollouts // 50)
    begun = time.monotonic()
    bug, equal = product.simulate(THE_BUG, 4 * few, SEED), product.simulate(EQUAL["0.1 % fail"], few, SEED)
    numbers = {
        "many": f"{many:,}",
        "some": f"{some:,}",
        "total": f"{_total(many, some, few):,}",
        "false_aborts": _false_aborts(many),
        "peeking": _peeking(some),
        "false_fine": _false_fine(many, some),
        "power": _power(some),
        "needed": _needed(),
        "product": _product(bug, equal),
    }
    options.page.write_text(page(numbers), encoding="utf-8")
    print(f"{options.page} written in {time.monotonic() - begun:.0f} s")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.statistics", description="Simulate rollouts.")
    parser.add_argument("--rollouts", type=int, default=2500, help="of a row (2500); some rows take half of it")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write (docs/statistics.md)")
    return parser.parse_args()


def _total(many: int, some: int, few: int) -> int:
    rules = 3
    peeked = some * (3 + len(AT_TOLERANCE))
    return rules * (many * (len(EQUAL) + len(AT_TOLERANCE)) + some * len(WORSE)) + peeked + 5 * few


def _rules(scenario: Scenario, rollouts: int) -> Iterator[Rule]:
    yield Evidence(scenario, rollouts)
    yield Flagger(rollouts)
    yield ZTest(rollouts)


def _outcomes(scenario: Scenario, rollouts: int) -> list[Outcome]:
    return [simulate(rule, scenario, rollouts, SEED) for rule in _rules(scenario, rollouts)]


def _false_aborts(rollouts: int) -> str:
    rows = []
    for name, scenario in EQUAL.items():
        ours, flagger, z_test = _outcomes(scenario, rollouts)
        told = (with_interval(*shares(each.aborted)) for each in (ours, flagger, z_test))
        promoted = f"{percent(ours.promoted.mean())}, {minutes(ours.median_seconds(ours.promoted))}"
        rows.append([name, *told, promoted])
        _say(f"as good: {rows[-1]}")
    return table(["", "Turnout: back", "Flagger's rule: back", "z-test: back", "Turnout: promoted, median time"], rows)


def _peeking(rollouts: int) -> str:
    rows = []
    for name, scenario in list(EQUAL.items())[:3]:
        evidence, z_tests = peeking.said_worse(scenario, rollouts, SEED)
        rows.append([name, with_interval(*shares(evidence)), with_interval(*shares(z_tests))])
        _say(f"peeking: {rows[-1]}")
    return table(["", "Turnout", "z-test"], rows)


def _false_fine(many: int, some: int) -> str:
    rows = []
    for name, scenario in AT_TOLERANCE.items():
        ours, flagger, z_test = _outcomes(scenario, many)
        ever = peeking.said_fine(scenario, some, SEED)
        told = (with_interval(*shares(which)) for which in (ours.fine, ever))
        rows.append([name, *told, *(percent(each.promoted.mean()) for each in (ours, flagger, z_test))])
        _say(f"at the tolerance: {rows[-1]}")
    promoted = (f"{rule}: promoted" for rule in ("Turnout", "Flagger's rule", "z-test"))
    return table(["errors", "Turnout: fine, in a rollout", "ever within an hour", *promoted], rows)


def _power(rollouts: int) -> str:
    rows = []
    for name, scenario in WORSE.items():
        told = []
        for outcome in _outcomes(scenario, rollouts):
            told += [percent(outcome.aborted.mean()), number(outcome.median_requests())]
        rows.append([name, *told])
        _say(f"worse: {rows[-1]}")
    header = [""]
    for rule in ("Turnout", "Flagger's rule", "z-test"):
        header += [f"{rule}: back", "requests"]
    return table(header, rows)


def _needed() -> str:
    weights = (0.01, 0.1, 0.5)
    kinds = [(0.001, 0.01), (0.001, 0.005), (0.01, 0.01), (0.1, 0.05), (0.5, 0.1)]
    levels = Levels(ALPHA / 3, ALPHA)
    rows = [
        [
            f"{100 * share:g} %",
            f"{100 * tolerance:g} point{'s' if tolerance != 0.01 else ''}",
            *(number(requests_needed(Guard("", "errors", tolerance), levels, share, weight)) for weight in weights),
        ]
        for share, tolerance in kinds
    ]
    return table(["stable's share", "tolerance", *(f"at {100 * weight:g} %" for weight in weights)], rows)


def _product(bug: Outcome, equal: Outcome) -> str:
    rows = [
        ["errors 0.1 % → 2 %", number(bug.rollouts), percent(bug.aborted.mean()), number(bug.median_requests()), ""],
        [
            "as good",
            number(equal.rollouts),
            percent(equal.aborted.mean()),
            "",
            minutes(equal.median_seconds(equal.promoted)),
        ],
    ]
    return table(["", "rollouts", "back", "requests until then, median", "promoted, median time"], rows)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
