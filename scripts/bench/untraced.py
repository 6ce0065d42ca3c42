"""What a running Turnout has told its Envoy, for an Envoy of its own: all metrics, and no traces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from scripts.bench.instance import Instance

from turnout.xds.admin import Admin

JSON = dict[str, Any]
_ADMIN = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
"""Nobody asks it anything. Without one, Envoy 1.40 crashes over a listener with a tap."""


def untraced(instance: Instance, port: int) -> Mapping[str, Any]:
    """The gateway's listener as it is now, on another port, with its routes and clusters, as a static configuration."""
    dump = _dump(instance)
    bootstrap = dump["BootstrapConfigDump"]["bootstrap"]
    listener = _listener(dump, instance.gateway_port)
    listener["address"]["socket_address"]["port_value"] = port
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["tracing"]
    manager["route_config"] = _routes(dump)[manager.pop("rds")["route_config_name"]]
    clusters = [*_clusters(dump), *bootstrap["static_resources"]["clusters"]]
    kept = {key: bootstrap[key] for key in ("layered_runtime", "stats_flush_on_admin")}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}, "admin": _ADMIN, **kept}


def _dump(instance: Instance) -> dict[str, JSON]:
    """Envoy's whole configuration, by the last word of each part's type."""
    admin = Admin(instance.state / "run" / "admin.sock")
    _, body = asyncio.run(admin.request("GET", "/config_dump?include_eds"))
    return {part["@type"].rpartition(".")[2]: part for part in json.loads(body)["configs"]}


def _listener(dump: Mapping[str, JSON], port: int) -> JSON:
    listeners = (found["active_state"]["listener"] for found in dump["ListenersConfigDump"]["dynamic_listeners"])
    wanted = (
        found for found in listeners if found.get("address", {}).get("socket_address", {}).get("port_value") == port
    )
    return _untyped(next(wanted))


def _routes(dump: Mapping[str, JSON]) -> dict[str, JSON]:
    tables = (_untyped(found["route_config"]) for found in dump["RoutesConfigDump"]["dynamic_route_configs"])
    return {table["name"]: table for table in tables}


def _clusters(dump: Mapping[str, JSON]) -> list[JSON]:
    """Those whose endpoints Turnout tells, with the ones that they have now."""
    assignments = (found["endpoint_config"] for found in dump["EndpointsConfigDump"]["dynamic_endpoint_configs"])
    endpoints = {
        found["cluster_name"]: [{"lb_endpoints": group["lb_endpoints"]} for group in found["endpoints"]]
        for found in assignments
    }
    active = (_untyped(found["cluster"]) for found in dump["ClustersConfigDump"]["dynamic_active_clusters"])
    clusters = [cluster for cluster in active if "eds_cluster_config" in cluster]
    for cluster in clusters:
        name = cluster.pop("eds_cluster_config").get("service_name", cluster["name"])
        cluster["type"] = "STATIC"
        cluster["load_assignment"] = {"cluster_name": cluster["name"], "endpoints": endpoints[name]}
    return clusters


def _untyped(resource: JSON) -> JSON:
    """In a dump each says what it is; in a configuration its place does."""
    return {key: value for key, value in resource.items() if key != "@type"}
