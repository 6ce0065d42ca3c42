"""istioctl's codes: the table, what the rules report, and what the documentation says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.analysis.samples import routes, stock

from turnout.analysis.analyze import CODES_HERE, FAMILIES
from turnout.analysis.istio_codes import ISTIO_CODES
from turnout.analysis.schema import istio_code, schema
from turnout.problem import Problem, Severity

SIDECAR = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s, namespace: default}\n"
OLD = routes("[{route: [{destination: {host: a}}]}]", name="old", head="hosts: [a], gateways: [gw.ns]")
ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (IST\d{4}) \| (\w+) \| \S", re.MULTILINE)


def test_each_code_is_documented_once_with_its_severity() -> None:
    rows = _ROW.findall((ROOT / "docs" / "problems.md").read_text(encoding="utf-8"))
    assert rows == [(code, str(severity)) for code, (severity, _) in ISTIO_CODES.items()]


def test_the_codes_that_are_told_where_objects_run_here_are_marked() -> None:
    text = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    marked = set(re.findall(r"^\| (IST\d{4}) \|.*\| ● \|$", text, re.MULTILINE))
    assert marked == {code for code in CODES_HERE if code.startswith("IST")}


def test_each_code_belongs_to_a_family_of_rules() -> None:
    reported = {code for family in FAMILIES for code in family.codes if code.startswith("IST")}
    assert reported == set(ISTIO_CODES)


def test_each_code_in_the_source_is_in_the_table() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert {code for text in sources for code in re.findall(r'"(IST\d{4})"', text)} == set(ISTIO_CODES)


def test_faults_of_one_object_have_the_code_that_istioctl_has_for_them_all() -> None:
    found = {problem.code for problem in schema(stock(routes("[{timout: 3s}]"), SIDECAR, OLD))}
    assert found == {"IST0106", "IST0133"}
    assert istio_code(Problem("TNO204", Severity.ERROR, "twice")) == ""
