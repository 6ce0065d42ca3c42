"""The compact view of everything: `turnout status`, and `turnout up` while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

MEGABYTE = 1024 * 1024
_STYLES = {"error": "bold red", "warning": "yellow", "info": "blue"}


def board(status: Mapping[str, Any]) -> RenderableType:
    """From the JSON of `turnout status`."""
    parts: list[RenderableType] = [_head(status), *_gateways(status), *_dashboard(status), _services(status)]
    for section in (_workloads(status), _mirrors(status)):
        parts += [section] if section is not None else []
    parts += list(_drift(status))
    parts += list(_problems(status))
    return Group(*parts)


def _head(status: Mapping[str, Any]) -> Text:
    if cluster := status.get("cluster"):
        return Text(_of_cluster(cluster), style="bold")
    envoy = status["envoy"]
    serving = "serving" if status["serving"] and envoy["connected"] else "starting"
    control = f"control pid {status['pid']} {_megabytes(status['memory']['control'])}"
    return Text(
        f"turnout {status['version']}  {serving}  envoy pid {envoy['pid']} {_megabytes(envoy['rss'])}  {control}",
        style="bold",
    )


def _of_cluster(cluster: Mapping[str, Any]) -> str:
    scope = f"namespace {cluster['namespace']}" if cluster["namespace"] else "all namespaces"
    counted = f"{cluster['window_seconds']:g} s of {cluster['prometheus']}" if cluster["prometheus"] else "not counted"
    return f"context {cluster['context']}  {scope}  traffic: {counted}"


def _megabytes(size: int | None) -> str:
    return f"({size / MEGABYTE:.0f} MB)" if size else ""


def _gateways(status: Mapping[str, Any]) -> Iterator[Text]:
    for gateway in status["gateways"]:
        hosts = ", ".join(gateway["hosts"])
        address = f" → {gateway['protocol']}://127.0.0.1:{gateway['listens']}" if gateway["listens"] else ""
        yield Text(f"gateway {gateway['name']}: {hosts} port {gateway['port']}{address}")


def _dashboard(status: Mapping[str, Any]) -> Iterator[Text]:
    if status["dashboard"]:
        yield Text(f"dashboard: {status['dashboard']}", no_wrap=True, overflow="ignore")


def _services(status: Mapping[str, Any]) -> Table:
    retried = any(service["retries"] for service in status["services"])
    columns = ("VERSION", "WEIGHT", "PODS", "RATE/S", "ERRORS", "P50 MS", "P99 MS", "REQUESTS", "COPIES")
    table = _table("SERVICE", *columns, *(["RETRIES"] if retried else []))
    for service in status["services"]:
        for at, version in enumerate(service["versions"]):
            table.add_row(
                service["name"] if at == 0 else "",
                version["subset"] or version["revision"] or "-",
                weights(service, version["subset"]),
                Text(f"{version['ready']}/{version['pods']}", style="" if _healthy(version) else "bold red"),
                f"{version['rate']:.1f}",
                Text(f"{version['error_share']:.1%}", style="bold red" if version["error_share"] else ""),
                number(version["p50_ms"]),
                number(version["p99_ms"]),
                str(version["requests"]),
                str(version["copies"]),
                *([str(version["retries"])] if retried else []),
            )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at < 2 else "right", no_wrap=True)
    return table


def _healthy(version: Mapping[str, Any]) -> bool:
    return bool(version["ready"]) and version["ready"] == version["pods"]


def weights(service: Mapping[str, Any], subset: str) -> str:
    """The version's share on each route that splits; routes that agree are said once."""
    shares = dict.fromkeys(
        r["weights"][subset] for r in service["routes"] if subset in r["weights"] and len(r["weights"]) > 1
    )
    return " / ".join(f"{share} %" for share in shares) or "-"


def number(value: float | None) -> str:
    """Milliseconds, to as many digits as mean something."""
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _workloads(status: Mapping[str, Any]) -> Table | None:
    """Only those that are not simply running."""
    table = _table("POD", "PHASE", "RESTARTS", "MESSAGE")
    table.columns[3].justify, table.columns[3].no_wrap = "left", False
    for workload in status["workloads"]:
        for pod in workload["pods"]:
            if pod["phase"] != "running" or not pod["ready"] or pod["restarts"]:
                table.add_row(pod["name"], pod["phase"], str(pod["restarts"]), pod["message"])
    return table if table.row_count else None


def _mirrors(status: Mapping[str, Any]) -> Table | None:
    table = _table("MIRROR TO", "", "WANTED", "SENT", "DROPPED", "UNREACHED", "FAILED")
    for mirror in status["mirrors"]:
        counts = (str(mirror[key]) for key in ("wanted", "sent", "dropped", "unreached", "failed"))
        subset = mirror["subset"] if mirror["on"] else f"{mirror['subset']} (off)"
        table.add_row(f"{mirror['host']}:{mirror['port']}", subset, *counts)
    return table if table.row_count else None


def _drift(status: Mapping[str, Any]) -> Iterator[Text]:
    for drift in status["drift"]:
        yield Text(
            f"drift: {drift['kind']} {drift['namespace']}/{drift['name']} {drift['path']}: "
            f"live {drift['live_value']}, file {drift['file_value']}",
            style="cyan",
        )


def _problems(status: Mapping[str, Any]) -> Iterator[Text]:
    for problem in status["problems"]:
        where = f"{problem['where']}: " if problem["where"] else ""
        yield Text(
            f"{where}{problem['severity']}: {problem['message']} [{problem['code']}]", _STYLES[problem["severity"]]
        )
        if problem["hint"]:
            yield Text(f"  hint: {problem['hint']}", "dim")
