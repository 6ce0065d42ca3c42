"""What Grafana is given to import; the queries themselves are asked of a real Prometheus in tests/e2e."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from turnout.telemetry import exposition
from turnout.telemetry.dashboards import all_dashboards
from turnout.telemetry.exposition import Scrape
from turnout.telemetry.grafana import COLUMNS, Dashboard, Panel, Query, Row, document

EVERY = pytest.mark.parametrize("dashboard", all_dashboards(), ids=lambda dashboard: dashboard.uid)
BUILT_IN = {"datasource", "__rate_interval"}


def panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    return list(document(dashboard)["panels"])


def queries(dashboard: Dashboard) -> list[str]:
    return [target["expr"] for panel in panels(dashboard) for target in panel.get("targets", ())]


def test_there_is_one_for_the_mesh_a_service_a_workload_and_a_rollout() -> None:
    uids = [dashboard.uid for dashboard in all_dashboards()]
    assert uids == ["turnout-mesh", "turnout-service", "turnout-workload", "turnout-rollout"]


@EVERY
def test_panels_have_a_place_of_their_own(dashboard: Dashboard) -> None:
    taken = set[tuple[int, int]]()
    for panel in panels(dashboard):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        cells = set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )
        assert not taken & cells, panel["title"]
        taken |= cells


@EVERY
def test_panels_and_queries_can_be_told_apart(dashboard: Dashboard) -> None:
    numbers = [panel["id"] for panel in panels(dashboard)]
    assert len(set(numbers)) == len(numbers)
    for panel in panels(dashboard):
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters)


@EVERY
def test_every_query_asks_the_datasource_that_was_chosen(dashboard: Dashboard) -> None:
    found = document(dashboard)
    variables = {variable["name"]: variable for variable in found["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for asking in [*(p for p in found["panels"] if p["type"] != "row"), *variables.values()]:
        if asking.get("name") not in ("datasource", "reporter"):
            assert asking["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, asking


@EVERY
def test_a_query_uses_only_variables_that_the_dashboard_has(dashboard: Dashboard) -> None:
    known = BUILT_IN | {variable.name for variable in dashboard.variables}
    asked = [*queries(dashboard), *(variable.label_values for variable in dashboard.variables)]
    assert {name for text in asked for name in re.findall(r"\$\{?(\w+)", text)} <= known


@EVERY
def test_a_query_asks_only_for_metrics_that_there_are(dashboard: Dashboard) -> None:
    text = b"".join(exposition.pieces(Scrape(), exposition.TEXT)).decode()
    metrics = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    asked = {name for query in queries(dashboard) for name in re.findall(r"\b(?:istio|turnout)_\w+", query)}
    assert {name.removesuffix("_bucket") for name in asked} <= metrics


@EVERY
def test_a_legend_names_only_labels_that_its_query_keeps(dashboard: Dashboard) -> None:
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            named = re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))
            kept = re.search(r"by \(([^)]*)\)", target["expr"])
            assert set(named) <= set(kept[1].split(", ") if kept else ()), panel["title"]


def test_a_table_joins_its_queries_and_names_their_columns() -> None:
    columns = (Query("sum by (a) (x)", "X", "reqps"), Query("sum by (a) (y)", "Y", "ms"))
    table = Panel("Table", columns, "short", kind="table")
    _, panel = document(Dashboard("uid", "title", "", (), (Row("row", (table,)),)))["panels"]
    assert [(target["format"], target["instant"]) for target in panel["targets"]] == [("table", True)] * 2
    organize = panel["transformations"][1]["options"]
    assert organize["renameByName"] == {"Value #A": "X", "Value #B": "Y"}
    units = {o["matcher"]["options"]: o["properties"][0]["value"] for o in panel["fieldConfig"]["overrides"]}
    assert units == {"X": "reqps", "Y": "ms"}


@EVERY
def test_a_dashboard_is_json(dashboard: Dashboard) -> None:
    assert json.loads(json.dumps(document(dashboard)))["schemaVersion"] == 41
