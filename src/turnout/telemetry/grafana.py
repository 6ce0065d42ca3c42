"""Grafana's dashboards as values, and the JSON that it imports (schema of Grafana 11 and 12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA_VERSION = 41
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""Chosen in the dashboard itself, so that it can be imported anywhere."""

REQUESTS_PER_SECOND = "reqps"
SHARE = "percentunit"
MILLISECONDS = "ms"
BYTES = "bytes"
COUNT = "short"

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """`legend`: in a chart the name of each line, with `{{label}}`; in a table the name of the column."""

    expr: str
    legend: str = ""
    unit: str = ""
    """Of a table's column; elsewhere the panel has one."""


@dataclass(frozen=True, slots=True)
class Panel:
    """`width` of 24 columns."""

    title: str
    queries: Sequence[Query]
    unit: str
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    description: str = ""
    width: int = 12
    height: int = 8


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading, from left to right and then below."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """Its values are those of a metric's label, `label_values(metric{…}, label)`, or the ones that are listed."""

    name: str
    label_values: str = ""
    listed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`uid`: what Grafana knows it by, also when it is imported anew."""

    uid: str
    title: str
    description: str
    variables: Sequence[Variable]
    rows: Sequence[Row]


def document(dashboard: Dashboard) -> JSON:
    """What Grafana imports."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["turnout", "istio"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-15m", "to": "now"},
        "refresh": "10s",
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), *map(_variable, dashboard.variables)]},
        "panels": list(_panels(dashboard.rows)),
    }


def _datasource() -> JSON:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> JSON:
    if variable.listed:
        options = [{"text": value, "value": value, "selected": not at} for at, value in enumerate(variable.listed)]
        query = ",".join(variable.listed)
        return {"name": variable.name, "type": "custom", "query": query, "options": options, "current": options[0]}
    return {
        "name": variable.name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": variable.label_values, "refId": variable.name},
        "refresh": 2,  # whenever the time range changes: services come and go
        "sort": 1,
    }


def _panels(rows: Sequence[Row]) -> Iterator[JSON]:
    number, top = 0, 0
    for row in rows:
        number += 1
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        top += 1
        left, height = 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top, height = 0, top + height, 0
            number += 1
            yield _panel(panel, number, {"h": panel.height, "w": panel.width, "x": left, "y": top})
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel, number: int, place: JSON) -> JSON:
    built: JSON = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "targets": [_target(query, at, table=panel.kind == "table") for at, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": _OPTIONS[panel.kind],
    }
    if panel.kind == "table":
        built["transformations"] = _one_table(panel.queries)
        built["fieldConfig"]["overrides"] = [_column(query) for query in panel.queries]
    return built


_OPTIONS: dict[str, JSON] = {
    "timeseries": {
        "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"},
    "table": {"showHeader": True},
}


def _target(query: Query, at: int, *, table: bool) -> JSON:
    built: JSON = {"refId": _letter(at), "datasource": DATASOURCE, "editorMode": "code", "expr": query.expr}
    if table:
        return built | {"format": "table", "instant": True, "range": False}
    return built | {"legendFormat": query.legend or "__auto", "instant": False, "range": True}


def _one_table(queries: Sequence[Query]) -> list[JSON]:
    """The queries side by side, joined by their labels."""
    renamed = {f"Value #{_letter(at)}": query.legend for at, query in enumerate(queries)}
    organized = {"excludeByName": {"Time": True}, "renameByName": renamed, "indexByName": {}}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": organized}]


def _column(query: Query) -> JSON:
    return {
        "matcher": {"id": "byName", "options": query.legend},
        "properties": [{"id": "unit", "value": query.unit}],
    }


def _letter(at: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at]
