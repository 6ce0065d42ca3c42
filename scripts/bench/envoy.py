"""Bare Envoys to compare with: the same program as Turnout's, with a static configuration and nothing else in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from scripts.bench.program import await_ok, started

from turnout.compiler import access_log
from turnout.mesh.proxy import Ingress
from turnout.process import Process
from turnout.xds.binary import command, find_envoy

WORKERS = 2
HOST = "bench.test"
VERSION_HEADER = "x-bench-version"
_TYPE = "type.googleapis.com/envoy"

Message = Mapping[str, Any]


@contextmanager
def envoy(folder: Path, name: str, port: int, config: Message) -> Iterator[Process]:
    """A running Envoy that answers on `port`."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config))
    with started(command(find_envoy(), file, WORKERS), folder, name=name) as process:
        await_ok(port, HOST)
        yield process


def upstreams(ports: Mapping[str, int]) -> Message:
    """The cheapest servers there are: each version answers at once, from its own port, naming itself."""
    return _config([_listener(port, _answer(version)) for version, port in ports.items()], [])


def split(port: int, versions: Mapping[str, int], *, mirror: str = "", metrics: bool = False) -> Message:
    """A gateway: weighted clusters, all versions alike. `mirror`: that one gets copies, and the others all requests."""
    real = [version for version in versions if version != mirror]
    action: dict[str, Any] = {"weighted_clusters": {"clusters": [{"name": v, "weight": 1} for v in real]}}
    if mirror:
        action["request_mirror_policies"] = [{"cluster": mirror}]
    clusters = [_cluster(version, to) for version, to in versions.items()]
    return _config([_listener(port, {"route": action}, metrics=metrics)], clusters)


def forward(port: int, to: int) -> Message:
    """The first hop of a sidecar mesh: everything to the next proxy, counted."""
    return _config([_listener(port, {"route": {"cluster": "next"}}, metrics=True)], [_cluster("next", to)])


def _config(listeners: Sequence[Message], clusters: Sequence[Message]) -> Message:
    return {"static_resources": {"listeners": list(listeners), "clusters": list(clusters)}}


def _address(port: int) -> Message:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _answer(version: str) -> Message:
    header = {"header": {"key": VERSION_HEADER, "value": version}}
    return {
        "direct_response": {"status": 200, "body": {"inline_string": f"{version}\n"}},
        "response_headers_to_add": [header],
    }


def _listener(port: int, action: Message, *, metrics: bool = False) -> Message:
    hosts = [{"name": "bench", "domains": ["*"], "routes": [{"name": "split", "match": {"prefix": "/"}, **action}]}]
    router = {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"}
    manager: dict[str, Any] = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": f"listener-{port}",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    if metrics:
        manager["access_log"] = [MessageToDict(access_log.requests(Ingress(80, port)))]
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"address": _address(port), "filter_chains": [chain], "enable_reuse_port": False}


def _cluster(name: str, port: int) -> Message:
    endpoint = {"endpoint": {"address": _address(port), "hostname": f"{name},default,{name},{name},-"}}
    return {
        "name": name,
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
