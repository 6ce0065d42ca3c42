"""For each kind an object that is valid without the field in question, and values where a type does not say much."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

ROUTE: JSON = {"route": [{"destination": {"host": "a"}}]}
SPLIT: JSON = {"route": [{"destination": {"host": "a"}, "weight": 1}, {"destination": {"host": "b"}, "weight": 1}]}


def _http(**route: Any) -> JSON:
    return {"hosts": ["a", "shop.test"], "gateways": ["gw", "mesh"], "http": [route]}


_TLS_ROUTE: JSON = {
    "hosts": ["*.test"],
    "gateways": ["tls"],
    "tls": [{"match": [{"sniHosts": ["t.test"]}], "route": [{"destination": {"host": "t"}}]}],
}
_S = "s.default.svc.cluster.local"
_TLS_INSIDE: JSON = {
    "hosts": [_S],
    "tls": [{"match": [{"sniHosts": [_S]}], "route": [{"destination": {"host": "t"}}]}],
}
_TCP_ROUTE: JSON = {"hosts": ["t"], "gateways": ["mesh", "tls"], "tcp": [{"route": [{"destination": {"host": "t"}}]}]}


def _policy(**policy: Any) -> JSON:
    return {"host": "a", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 5}}, **policy}}


def _on_port(**policy: Any) -> JSON:
    pool = {"connectionPool": {"tcp": {"maxConnections": 5}}}
    return {"host": "a", "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}, **pool, **policy}]}}


def _at(path: str, spec: JSON) -> JSON:
    """Only of a host whose endpoints are in several places can be told what counts there."""
    return {**spec, "host": "far.test"} if "localityLbSetting" in path else spec


def _server(protocol: str = "HTTP", number: int = 81, **server: Any) -> JSON:
    port = {"number": number, "name": "probed", "protocol": protocol}
    return {"selector": {"istio": "ingressgateway"}, "servers": [{"port": port, "hosts": ["*"], **server}]}


FILES = {"/cert.pem", "/key.pem", "/ca.pem", "/other.pem", "/other-key.pem"}
"""Files that can be read: those with `key` in their name hold the key of context.yaml, the others its certificate."""


def _entry(**spec: Any) -> JSON:
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    plain = {"hosts": ["ext.test"], "ports": ports, "resolution": "STATIC", "endpoints": [{"address": "10.0.0.1"}]}
    return {**plain, **spec}


_WARM = {"simple": "ROUND_ROBIN", "warmup": {"duration": "10s"}}
_HTTP2 = {"h2UpgradePolicy": "UPGRADE", "http2KeepAlive": {"interval": "5s", "timeout": "5s"}}
_CLIENT = {"mode": "MUTUAL", "clientCertificate": "/cert.pem", "privateKey": "/key.pem", "caCertificates": "/ca.pem"}
_BLOCKS: dict[str, JSON] = {
    "loadBalancer.consistentHash": {"loadBalancer": {"consistentHash": {"httpHeaderName": "y"}}},
    "loadBalancer.consistentHash.httpCookie": {"loadBalancer": {"consistentHash": {"httpCookie": {"name": "y"}}}},
    "loadBalancer.localityLbSetting": {
        "outlierDetection": {"interval": "1s"},
        "loadBalancer": {"localityLbSetting": {"enabled": True}},
    },
    "loadBalancer.localityLbSetting.distribute": {
        "loadBalancer": {"localityLbSetting": {"distribute": [{"from": "r1/*", "to": {"r2/*": 100}}]}}
    },
    "loadBalancer.localityLbSetting.failover": {
        "outlierDetection": {"interval": "1s"},
        "loadBalancer": {"localityLbSetting": {"failover": [{"from": "r1", "to": "r3"}]}},
    },
    "loadBalancer.warmup": {"loadBalancer": _WARM},
    "loadBalancer.warmupDurationSecs": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
    "connectionPool.tcp.tcpKeepalive": {"connectionPool": {"tcp": {"tcpKeepalive": {"probes": 3}}}},
    "connectionPool.http": {"connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE"}}},
    "connectionPool.http.useClientProtocol": {"connectionPool": {"http": {"http1MaxPendingRequests": 5}}},
    "connectionPool.http.h2UpgradePolicy": {"connectionPool": {"http": {"http1MaxPendingRequests": 5}}},
    "connectionPool.http.http2KeepAlive": {"connectionPool": {"http": _HTTP2}},
    "outlierDetection": {"outlierDetection": {"interval": "1s", "splitExternalLocalOriginErrors": True}},
    "outlierDetection.splitExternalLocalOriginErrors": {"outlierDetection": {"interval": "1s"}},
    "tls": {"tls": {"mode": "SIMPLE", "caCertificates": "/ca.pem"}},
    "tls.credentialName": {"tls": {"mode": "SIMPLE"}},
    "tls.insecureSkipVerify": {"tls": {"mode": "SIMPLE"}},
    "tls.mode": {"tls": {}},
    "tls.clientCertificate": {"tls": _CLIENT},
    "tls.privateKey": {"tls": _CLIENT},
    "tunnel": {"tunnel": {"targetHost": "y.test", "targetPort": 81}},
}

_FAULT = {"delay": {"fixedDelay": "1s", "percentage": {"value": 10}}}
_ABORT = {"abort": {"httpStatus": 500, "percentage": {"value": 10}}}
_SIMPLE = {"mode": "SIMPLE", "credentialName": "cert"}
_FILES = {"mode": "SIMPLE", "serverCertificate": "/cert.pem", "privateKey": "/key.pem"}
_MUTUAL_FILES = {**_FILES, "mode": "MUTUAL", "caCertificates": "/ca.pem"}
_PAIR = {"serverCertificate": "/cert.pem", "privateKey": "/key.pem"}
_PAIRS = {"mode": "SIMPLE", "tlsCertificates": [_PAIR]}
_MUTUAL = {"mode": "MUTUAL", "credentialName": "cert"}

_BACKEND: JSON = {"backendRefs": [{"name": "a", "port": 80}]}


def _attached(**rule: Any) -> JSON:
    return {"parentRefs": [{"name": "front", "sectionName": "http"}], "rules": [{**_BACKEND, **rule}]}


def _forwarding(listener: str) -> JSON:
    return {"parentRefs": [{"name": "front", "sectionName": listener}], "rules": [_BACKEND]}


def _filter(type_: str, field: str, /, **value: Any) -> JSON:
    return _attached(filters=[{"type": type_, field: value}])


def _redirect(**value: Any) -> JSON:
    rule = {"matches": [{"path": {"value": "/p"}}], "filters": [{"type": "RequestRedirect", "requestRedirect": value}]}
    return {"parentRefs": [{"name": "front"}], "rules": [rule]}


def _rewrite(**value: Any) -> JSON:
    path = [{"path": {"value": "/p"}}]
    return _attached(matches=path, filters=[{"type": "URLRewrite", "urlRewrite": value}])


_MODIFIER = {"set": [{"name": "y", "value": "y"}], "add": [{"name": "z", "value": "z"}]}
_ROUTE_FILTERS: dict[str, JSON] = {
    "extensionRef": _filter("ExtensionRef", "extensionRef", group="y", kind="y", name="y"),
    "requestHeaderModifier": _filter("RequestHeaderModifier", "requestHeaderModifier", **_MODIFIER),
    "responseHeaderModifier": _filter("ResponseHeaderModifier", "responseHeaderModifier", **_MODIFIER),
    "requestMirror": _filter("RequestMirror", "requestMirror", backendRef={"name": "b", "port": 80}),
}


BASES: dict[str, dict[str, JSON]] = {
    "VirtualService": {
        "": _http(**ROUTE),
        "http[].match[]": _http(match=[{}], **ROUTE),
        "http[].match[].ignoreUriCase": _http(match=[{"uri": {"prefix": "/y"}}], **ROUTE),
        "http[].match[].port": _http(match=[{"uri": {"prefix": "/y"}}], **ROUTE),
        "http[].match[].sourceNamespace": _http(match=[{"uri": {"prefix": "/y"}}], **ROUTE),
        "http[].route[].weight": _http(**SPLIT),
        "http[].route[].destination.port": {
            **_http(route=[{"destination": {"host": "two"}}]),
        },
        "http[].redirect": _http(match=[{"uri": {"prefix": "/p"}}], redirect={"authority": "y.test"}),
        "http[].redirect.authority": _http(redirect={"uri": "/y"}),
        "http[].redirect.derivePort": {"hosts": ["two"], "http": [{"redirect": {"uri": "/y"}}]},
        "http[].directResponse": _http(directResponse={"status": 200}),
        "http[].delegate.name": _http(delegate={"name": "y"}),
        "http[].delegate.namespace": _http(delegate={"name": "x"}),
        "http[].rewrite": _http(match=[{"uri": {"prefix": "/p"}}], **ROUTE),
        "http[].rewrite.uriRegexRewrite": _http(rewrite={"uriRegexRewrite": {"match": "y", "rewrite": "z"}}, **ROUTE),
        "http[].retries": _http(retries={"attempts": 3}, **ROUTE),
        "http[].fault.delay": _http(fault=_FAULT, **ROUTE),
        "http[].fault.delay.percent": _http(fault={"delay": {"fixedDelay": "1s"}}, **ROUTE),
        "http[].fault.abort": _http(fault=_ABORT, **ROUTE),
        "http[].mirror": _http(mirror={"host": "a", "subset": "v1"}, **ROUTE),
        "http[].mirror.port": _http(mirror={"host": "two"}, **ROUTE),
        "http[].mirrors": _http(mirrors=[{"destination": {"host": "two"}}], **ROUTE),
        "http[].mirrors[].destination.subset": _http(mirrors=[{"destination": {"host": "a"}}], **ROUTE),
        "http[].mirrorPercent": _http(mirror={"host": "b"}, **ROUTE),
        "http[].mirrorPercentage": _http(mirror={"host": "b"}, **ROUTE),
        "http[].corsPolicy": _http(corsPolicy={"allowOrigins": [{"exact": "https://y"}]}, **ROUTE),
        "http[].corsPolicy.allowOrigin": _http(corsPolicy={"maxAge": "1s"}, **ROUTE),
        "tls[]": _TLS_ROUTE,
        "tls[].match[].destinationSubnets": _TLS_INSIDE,
        "tls[].match[].sourceLabels": _TLS_INSIDE,
        "tls[].match[].sourceNamespace": _TLS_INSIDE,
        "tcp[]": _TCP_ROUTE,
        "tls[].route[].weight": {
            **_TLS_ROUTE,
            "tls": [{"match": [{"sniHosts": ["t.test"]}], **SPLIT}],
        },
        "tcp[].route[].weight": {**_TCP_ROUTE, "tcp": [SPLIT]},
    },
    "DestinationRule": {
        "": _policy(),
        "subsets[]": {"host": "a", "subsets": [{"name": "y", "labels": {"version": "v1"}}]},
        "trafficPolicy": _policy(),
        "trafficPolicy.portLevelSettings[]": _on_port(),
        **{f"trafficPolicy.{path}": _at(path, _policy(**block)) for path, block in _BLOCKS.items()},
        **{
            f"trafficPolicy.portLevelSettings[].{path}": _at(path, _on_port(**block)) for path, block in _BLOCKS.items()
        },
    },
    "Gateway": {
        "": _server(),
        "servers[].tls": _server("HTTPS", 443, tls=_SIMPLE),
        "servers[].tls.httpsRedirect": _server(),
        "servers[].tls.serverCertificate": _server("HTTPS", 443, tls=_FILES),
        "servers[].tls.privateKey": _server("HTTPS", 443, tls=_FILES),
        "servers[].tls.credentialNames": _server("HTTPS", 443, tls={"mode": "SIMPLE", "credentialNames": ["other"]}),
        "servers[].tls.tlsCertificates": _server("HTTPS", 443, tls=_PAIRS),
        "servers[].tls.caCertificates": _server("HTTPS", 443, tls=_MUTUAL_FILES),
        "servers[].tls.subjectAltNames": _server("HTTPS", 443, tls=_MUTUAL),
        "servers[].tls.verifyCertificateSpki": _server("HTTPS", 443, tls=_MUTUAL),
        "servers[].tls.verifyCertificateHash": _server("HTTPS", 443, tls=_MUTUAL),
        "servers[].tls.caCrl": _server("HTTPS", 443, tls=_MUTUAL_FILES),
        "servers[].tls.caCertCredentialName": _server("HTTPS", 443, tls={"mode": "MUTUAL", "credentialName": "cert"}),
    },
    "HTTPRoute": {
        "": _attached(),
        "rules[].matches[].headers": _attached(matches=[{"headers": [{"name": "y", "value": "y"}]}]),
        "rules[].matches[].queryParams": _attached(matches=[{"queryParams": [{"name": "y", "value": "y"}]}]),
        **{f"rules[].filters[].{path}": base for path, base in _ROUTE_FILTERS.items()},
        "rules[].filters[].requestMirror.fraction": _filter(
            "RequestMirror", "requestMirror", backendRef={"name": "b", "port": 80}, fraction={"numerator": 9}
        ),
        "rules[].filters[].requestRedirect": _redirect(hostname="y.test"),
        "rules[].filters[].requestRedirect.path": _redirect(path={"type": "ReplaceFullPath", "replaceFullPath": "/y"}),
        "rules[].filters[].requestRedirect.path.replacePrefixMatch": _redirect(
            path={"type": "ReplacePrefixMatch", "replacePrefixMatch": "/y"}
        ),
        "rules[].filters[].urlRewrite": _rewrite(hostname="y.test"),
        "rules[].filters[].urlRewrite.path": _rewrite(path={"type": "ReplaceFullPath", "replaceFullPath": "/y"}),
        "rules[].filters[].urlRewrite.path.replacePrefixMatch": _rewrite(
            path={"type": "ReplacePrefixMatch", "replacePrefixMatch": "/y"}
        ),
        "rules[].filters[].cors": _filter("CORS", "cors", allowOrigins=["https://y"]),
    },
    "GRPCRoute": {
        "rules[].filters[].requestMirror.fraction": _filter(
            "RequestMirror", "requestMirror", backendRef={"name": "b", "port": 80}, fraction={"numerator": 9}
        ),
        "": _attached(),
        "rules[].matches[].method": _attached(matches=[{"method": {"service": "y"}}]),
        "rules[].matches[].headers": _attached(matches=[{"headers": [{"name": "y", "value": "y"}]}]),
        **{f"rules[].filters[].{path}": base for path, base in _ROUTE_FILTERS.items()},
    },
    "TLSRoute": {"": _forwarding("tls")},
    "TCPRoute": {"": _forwarding("tcp")},
    "ServiceEntry": {
        "": _entry(),
        "addresses": _entry(ports=[{"number": 81, "name": "tcp", "protocol": "TCP"}]),
        "resolution": _entry(endpoints=[]) | {"resolution": "NONE"},
        "subjectAltNames": _entry() | {"hosts": ["secure.test"]},
        "workloadSelector": {key: value for key, value in _entry().items() if key != "endpoints"},
        "endpoints[].ports": _entry(endpoints=[{"address": "10.0.0.1", "ports": {}}])
        | {"ports": [{"number": 80, "name": "x-key", "protocol": "HTTP"}]},
    },
}

_POLICY_SAMPLES: dict[str, list[Any]] = {
    "loadBalancer.localityLbSetting.distribute[].from": ["*"],
    "loadBalancer.localityLbSetting.distribute[].to{}": [100],
    "loadBalancer.localityLbSetting.failoverPriority[]": ["topology.kubernetes.io/region"],
    "tls.clientCertificate": ["/other.pem"],
    "tls.privateKey": ["/other-key.pem"],
    "tls.caCertificates": ["/other.pem"],
    "tls.caCrl": ["/other.pem"],
}
SAMPLES: dict[str, dict[str, list[Any]]] = {
    "VirtualService": {
        "http[].match[].gateways[]": ["mesh", "gw"],
        "http[].match[].sourceLabels{}": ["x"],
        "http[].redirect.prefixRewrite": ["/x"],
        "http[].directResponse.body.bytes": ["eHg="],
        "http[].retries.retryOn": ["503", "reset"],
        "http[].fault.abort.grpcStatus": ["UNAVAILABLE"],
        "http[].fault.abort.http2Error": ["x"],
        "http[].headers.request.set{}": ["x"],
        "tls[].match[].sniHosts[]": ["u.test"],
        "exportTo[]": ["x", "."],
        "tls[].match[].destinationSubnets[]": ["10.0.0.0/8"],
        "tcp[].match[].destinationSubnets[]": ["10.0.0.0/8"],
        "tcp[].match[].sourceSubnet": ["10.0.0.0/8"],
    },
    "DestinationRule": {
        "exportTo[]": ["x", "."],
        "host": ["b"],
        "subsets[].name": ["z"],
        **{
            f"{policy}.{path}": values
            for policy in ("trafficPolicy", "trafficPolicy.portLevelSettings[]")
            for path, values in _POLICY_SAMPLES.items()
        },
        "trafficPolicy.tunnel.protocol": ["POST"],
    },
    "Gateway": {
        "servers[].bind": ["127.0.0.5"],
        "servers[].defaultEndpoint": ["127.0.0.1:80"],
        "servers[].tls.serverCertificate": ["/other.pem"],
        "servers[].tls.privateKey": ["/other-key.pem"],
        "servers[].tls.caCertificates": ["/other.pem"],
        "servers[].tls.tlsCertificates[].serverCertificate": ["/other.pem"],
        "servers[].tls.tlsCertificates[].privateKey": ["/other-key.pem"],
        "servers[].tls.cipherSuites[]": ["ECDHE-RSA-AES128-GCM-SHA256"],
        "servers[].port.protocol": ["TCP", "HTTPS", "HTTP2"],
        "servers[].hosts[]": ["shop.test", "x.test"],
    },
    "HTTPRoute": {
        "rules[].filters[].requestRedirect.statusCode": [301],
        "rules[].timeouts.request": ["7s"],
        "rules[].timeouts.backendRequest": ["7s"],
        "rules[].retry.backoff": ["7s"],
    },
    "ServiceEntry": {
        "addresses[]": ["10.9.9.9"],
        "ports[].protocol": ["HTTP2", "TCP"],
        "endpoints[].labels{}": ["x"],
    },
}

FOLDED: dict[str, str] = {
    "subsets[].trafficPolicy": "as `trafficPolicy`; it overrides block by block",
    "rules[].backendRefs[].filters[]": "as `rules[].filters[]`, for the requests that this backend gets",
}
"""What has the fields of something else again, and is one row. The second is tried as a whole by tests of its own."""

SILENT: dict[str, dict[str, str]] = {
    "HTTPRoute": {
        "rules[].filters[].type": "says which of the others is given",
        "rules[].filters[].requestRedirect.path.type": "says which of the others is given",
        "rules[].filters[].urlRewrite.path.type": "says which of the others is given",
    },
    "TLSRoute": {"rules[].name": "a name, for people"},
    "TCPRoute": {"rules[].name": "a name, for people"},
    "GRPCRoute": {
        "rules[].filters[].type": "says which of the others is given",
    },
    "VirtualService": {},
    "DestinationRule": {
        "trafficPolicy.loadBalancer.localityLbSetting.distribute[].to": "all of them together are 100",
        "trafficPolicy.portLevelSettings[].loadBalancer.localityLbSetting.distribute[].to": "as `trafficPolicy`",
    },
    "Gateway": {
        "servers[].port.name": "a name, for people",
        "servers[].port.targetPort": "Istio passes over it, too",
        "servers[].name": "a name, for people",
        "servers[].tls.tlsCertificates[].caCertificates": "that of the server counts",
        "selector": "one Envoy plays every gateway",
    },
    "ServiceEntry": {"ports[].name": "a name, which `endpoints[].ports` refers to"},
}
"""Fields that change nothing by themselves, and why that is as it should be."""
