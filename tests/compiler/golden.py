"""A Config as YAML that people can read: what every resource has in common is left out, unless asked for."""

from __future__ import annotations

import json
from typing import Any

import yaml
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from turnout.compiler.config import CLUSTER, ENDPOINTS, LISTENER, ROUTES, Config

JSON = dict[str, Any]

_DEFAULT_RETRIES = {
    "retryOn": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
    "numRetries": 2,
    "retryHostPredicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typedConfig": {
                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    "hostSelectionRetryMaxAttempts": "5",
}
_NO_LIMIT = {
    "maxConnections": 4294967295,
    "maxPendingRequests": 4294967295,
    "maxRequests": 4294967295,
    "maxRetries": 4294967295,
    "trackRemaining": True,
}
_HTTP1 = {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "explicitHttpConfig": {"httpProtocolOptions": {}},
}
_MAPS = ("filterMetadata", "typedPerFilterConfig", "typedExtensionProtocolOptions")
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def full(config: Config) -> str:
    """Everything but the listeners inside, of mirrors and tunnels, which are long and all alike."""
    return _yaml(
        {
            "listeners": [
                _plain(r.message) for name, r in config.resources[LISTENER].items() if not name.startswith("inside|")
            ],
            "routes": [_plain(r.message) for r in config.resources[ROUTES].values()],
            "clusters": [_plain(r.message) for r in config.resources[CLUSTER].values()],
            "endpoints": [_plain(r.message) for r in config.resources[ENDPOINTS].values()],
        }
    )


def short(config: Config, base: Config) -> str:
    """Listeners by port and route table; of routes and clusters what differs from the defaults.

    What is the same in `base` is left out, and so are tunnels, which every way out has.
    """
    return _yaml(
        {
            "listeners": {name: _listener(_plain(r)) for name, r in _new(config, base, LISTENER)},
            "routes": {name: _table(_plain(r)) for name, r in _new(config, base, ROUTES)},
            "clusters": {name: _cluster(_plain(r)) for name, r in _new(config, base, CLUSTER)},
            "endpoints": {name: _endpoints(_plain(r)) for name, r in _new(config, base, ENDPOINTS)},
        }
    )


def _new(config: Config, base: Config, type_url: str) -> list[tuple[str, Message]]:
    known = base.resources[type_url]
    return [
        (name, resource.message)
        for name, resource in config.resources[type_url].items()
        if (name not in known or known[name].version != resource.version) and not name.startswith("inside|")
    ]


def _plain(message: Message) -> JSON:
    plain: JSON = _ordered(json.loads(MessageToJson(message)))
    return plain


def _ordered(value: Any, *, is_map: bool = False) -> Any:
    """Fields as protobuf declares them; protobuf's maps, which have no order, by key."""
    if isinstance(value, list):
        return [_ordered(item, is_map=is_map) for item in value]
    if isinstance(value, dict):
        keys = sorted(value) if is_map else value
        return {key: _ordered(value[key], is_map=is_map or key in _MAPS) for key in keys}
    return value


def _yaml(value: object) -> str:
    return yaml.dump(value, Dumper=_NoAlias, sort_keys=False, width=110)


class _NoAlias(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _listener(listener: JSON) -> Any:
    manager = listener["filterChains"][0]["filters"][0]["typedConfig"]
    if "internalListener" in listener:
        cluster = manager["routeConfig"]["virtualHosts"][0]["routes"][0]["route"]["cluster"]
        return f"internal -> {cluster}"
    port = listener["address"]["socketAddress"]["portValue"]
    if "rds" in manager:
        return f"{port} -> {manager['rds']['routeConfigName']}"
    return {port: [_passed_on(chain["filters"][0]["typedConfig"]) for chain in listener["filterChains"]]}


def _passed_on(proxy: JSON) -> JSON:
    """Where connections go that nobody reads."""
    where: JSON = {"cluster": proxy["cluster"]} if "cluster" in proxy else {}
    if "weightedClusters" in proxy:
        where["clusters"] = {each["name"]: each["weight"] for each in proxy["weightedClusters"]["clusters"]}
    return {proxy["statPrefix"]: where}


def _table(table: JSON) -> Any:
    """A table in which no VirtualService has a say is one word."""
    hosts = {host["name"]: _host(host) for host in table.get("virtualHosts", ())}
    if hosts and set(map(str, hosts.values())) <= {"default", "502"}:
        return "default"
    return hosts


def _host(host: JSON) -> Any:
    """A service that no VirtualService speaks for is one word."""
    routes = [_route(route) for route in host.get("routes", ()) if route.get("name") != "tunnel"]
    if routes == [{"name": "default", "match": {"prefix": "/"}, "cluster": _own_cluster(host["name"])}]:
        return "default"
    if host["name"] == "block_all":
        return "502"
    shown: JSON = {"domains": ", ".join(host["domains"])}
    if "requireTls" in host:
        shown["requireTls"] = host["requireTls"]
    return shown | {"routes": routes}


def _own_cluster(host: str) -> str:
    name, _, port = host.rpartition(":")
    return f"outbound|{port}||{name}"


def _route(route: JSON) -> JSON:
    """Without a name that only says where it stands."""
    route = {key: value for key, value in route.items() if key != "name" or not value.endswith("]")}
    action = route.get("route")
    if action is None:
        return route
    if "connectMatcher" in route["match"]:
        return {"tunnel": _choices(action)}
    _drop(action, "maxGrpcTimeout", action["timeout"])
    _drop(action, "timeout", "0s")
    if action.get("retryPolicy") == _DEFAULT_RETRIES:
        del action["retryPolicy"]
    elif "retryPolicy" not in action:
        action["retryPolicy"] = None
    if set(action) == {"cluster"}:
        del route["route"]
        route["cluster"] = action["cluster"]
    return route


def _choices(action: JSON) -> str:
    """Where connections go."""
    weighted = action.get("weightedClusters", {}).get("clusters", ())
    return action.get("cluster") or ", ".join(f"{each['weight']} {each['name']}" for each in weighted)


def _cluster(cluster: JSON) -> JSON:
    for key in ("name", "metadata"):
        cluster.pop(key, None)
    cluster.setdefault("lbPolicy", "ROUND_ROBIN")
    for key, default in (
        ("type", "EDS"),
        ("connectTimeout", "10s"),
        ("lbPolicy", "LEAST_REQUEST"),
        ("commonLbConfig", {"healthyPanicThreshold": {}}),
        ("circuitBreakers", {"thresholds": [_NO_LIMIT]}),
    ):
        _drop(cluster, key, default)
    if cluster.get("edsClusterConfig", {}).keys() <= {"edsConfig", "serviceName"}:
        cluster.pop("edsClusterConfig", None)
    options = cluster.pop("typedExtensionProtocolOptions")[_OPTIONS]
    if options != _HTTP1:
        cluster["httpOptions"] = {key: value for key, value in options.items() if key != "@type"}
    return cluster


def _endpoints(assignment: JSON) -> list[str]:
    return [_endpoint(e) + _place(group) for group in assignment.get("endpoints", ()) for e in group["lbEndpoints"]]


def _place(group: JSON) -> str:
    """How near an endpoint is, and what share its place has; nothing where all are alike."""
    locality = "/".join(group.get("locality", {}).values())
    found = {"priority": group.get("priority"), "share": group.get("loadBalancingWeight"), "in": locality}
    return "".join(f", {name} {value}" for name, value in found.items() if value)


def _endpoint(endpoint: JSON) -> str:
    address = endpoint["endpoint"]["address"]["socketAddress"]
    workload, _, _, _, subset = endpoint["endpoint"]["hostname"].split(",")
    health = "" if endpoint["healthStatus"] == "HEALTHY" else f" {endpoint['healthStatus']}"
    return f"{address['address']}:{address['portValue']} {workload}, subset {subset}{health}"


def _drop(values: JSON, key: str, default: object) -> None:
    if values.get(key) == default:
        del values[key]
