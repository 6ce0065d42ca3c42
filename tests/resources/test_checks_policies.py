"""DestinationRules, Gateways and ServiceEntries that make no sense, one rule at a time."""

from __future__ import annotations

from typing import Any

import pytest
from tests.resources import samples
from tests.resources.samples import changed, codes, destination_rule, gateway, service_entry


def _rule(**spec: Any) -> dict[str, Any]:
    obj = destination_rule(tls={"mode": "DISABLE"})
    obj["spec"] |= spec
    return obj


def _balancer(**settings: Any) -> dict[str, Any]:
    return destination_rule(loadBalancer=settings, outlierDetection={})


def _locality(**settings: Any) -> dict[str, Any]:
    return _balancer(localityLbSetting=settings)


def _maglev(size: int) -> dict[str, Any]:
    return _balancer(consistentHash={"useSourceIp": True, "maglev": {"tableSize": size}})


def _pool(**http: Any) -> dict[str, Any]:
    return destination_rule(connectionPool={"http": http})


def _https(**tls: Any) -> dict[str, Any]:
    return gateway(port={"number": 443, "name": "https", "protocol": "HTTPS"}, tls=tls)


def _port(**port: Any) -> dict[str, Any]:
    return gateway(port={"number": 80, "name": "http", "protocol": "HTTP", **port})


def _ports(*numbers: int, protocol: str = "HTTP") -> list[dict[str, Any]]:
    return [{"number": number, "name": f"p{number}", "protocol": protocol} for number in numbers]


FILES = {"serverCertificate": "a", "privateKey": "b"}

VALID = {
    "a rule without policy": changed(_rule(), ("spec", "trafficPolicy"), ...),
    "an outlier detection of defaults": destination_rule(outlierDetection={}),
    "idle for ever": destination_rule(connectionPool={"tcp": {"idleTimeout": "0s"}}),
    "keep-alive": _pool(http2KeepAlive={"interval": "10s", "timeout": "1s"}),
    "warm-up": _balancer(simple="ROUND_ROBIN", warmup={"duration": "10s", "minimumPercent": 10, "aggression": 1}),
    "a prime table": _maglev(65537),
    "weights of localities": _locality(distribute=[{"from": "a/b/*", "to": {"a/b/*": 80, "a/c/*": 20}}]),
    "failover": _locality(failover=[{"from": "a", "to": "b"}]),
    "mutual tls from a secret": destination_rule(tls={"mode": "MUTUAL", "credentialName": "a"}),
    "subsets of equal labels": _rule(
        subsets=[{"name": "a", "labels": {"v": "1"}}, {"name": "b", "labels": {"v": "1"}}]
    ),
    "a wildcard host": _rule(host="*.example.com"),
    "a selector for its own namespace": _rule(workloadSelector={"matchLabels": {"a": "b"}}, exportTo=["."]),
    "hosts of namespaces": gateway(hosts=["./a.com", "*/b.com", "ns/*.c.com", "*"]),
    "an address as a gateway's host": gateway(hosts=["10.0.0.1"]),
    "a redirect to https": gateway(tls={"httpsRedirect": True}),
    "passthrough": _https(mode="PASSTHROUGH"),
    "https from a secret": _https(mode="SIMPLE", credentialName="a"),
    "https from files": _https(mode="MUTUAL", caCertificates="c", **FILES),
    "two certificates": _https(mode="SIMPLE", tlsCertificates=[FILES, FILES]),
    "a socket": gateway(bind="unix:///a/b", port={"number": 0, "name": "a", "protocol": "tcp"}),
}

INVALID = {
    "a rule of no host": (_rule(host=""), ["TNO103"]),
    "an empty policy": (destination_rule(), ["TNO140"]),
    "an empty pool": (destination_rule(connectionPool={}), ["TNO140"]),
    "an empty policy of a port": (destination_rule(portLevelSettings=[{"port": {"number": 80}}]), ["TNO140"]),
    "a policy of no port": (destination_rule(portLevelSettings=[{"tls": {}}]), ["TNO104"]),
    "subsets of one name": (_rule(subsets=[{"name": "a"}, {"name": "a"}]), ["TNO105"]),
    "a subset of no name": (_rule(subsets=[{}]), ["TNO101"]),
    "a subset of a bad label": (_rule(subsets=[{"name": "a", "labels": {"v": "a b"}}]), ["TNO102"]),
    "a bad policy of a subset": (_rule(subsets=[{"name": "a", "trafficPolicy": {}}]), ["TNO140"]),
    "a cookie of no name": (_balancer(consistentHash={"httpCookie": {"ttl": "1s"}}), ["TNO142"]),
    "two hashes": (_balancer(consistentHash={"httpHeaderName": "a", "useSourceIp": True}), ["TNO018"]),
    "an empty table": (_maglev(0), ["TNO142"]),
    "a table that is no prime": (_maglev(65536), ["TNO142"]),
    "a table too large": (_maglev(5000011), ["TNO142"]),
    "two kinds of locality": (_balancer(localityLbSetting={}, zoneAwareLbSetting={}), ["TNO142"]),
    "distribute and failover": (
        _locality(distribute=[{"from": "a", "to": {"b": 100}}], failover=[{"from": "a", "to": "b"}]),
        ["TNO143"],
    ),
    "weights that sum to 90": (_locality(distribute=[{"from": "a", "to": {"b": 90}}]), ["TNO143"]),
    "a weight of 0": (_locality(distribute=[{"from": "a", "to": {"b": 100, "c": 0}}]), ["TNO143"]),
    "regions that overlap": (_locality(distribute=[{"from": "a", "to": {"a/*": 50, "a/b": 50}}]), ["TNO143"]),
    "a wildcard in the middle": (_locality(distribute=[{"from": "a/*/b", "to": {"b": 100}}]), ["TNO143"]),
    "failover to itself": (_locality(failover=[{"from": "a", "to": "a"}]), ["TNO143"]),
    "failover to a zone": (_locality(failover=[{"from": "a", "to": "b/c"}]), ["TNO143"]),
    "warm-up for no time": (_balancer(warmup={"aggression": 1}), ["TNO144"]),
    "warm-up too slow": (_balancer(warmup={"duration": "1s", "aggression": 0.5}), ["TNO144"]),
    "negative connections": (destination_rule(connectionPool={"tcp": {"maxConnections": -1}}), ["TNO108"]),
    "upgrade and the client's protocol": (_pool(h2UpgradePolicy="UPGRADE", useClientProtocol=True), ["TNO145"]),
    "keep-alive without interval": (_pool(http2KeepAlive={"timeout": "1s"}), ["TNO145"]),
    "a percentage above 100": (destination_rule(outlierDetection={"maxEjectionPercent": 101}), ["TNO107"]),
    "local errors that are not split": (
        destination_rule(outlierDetection={"consecutiveLocalOriginFailures": 1}),
        ["TNO146"],
    ),
    "mutual tls without files": (destination_rule(tls={"mode": "MUTUAL"}), ["TNO147", "TNO147"]),
    "a secret and files": (
        destination_rule(tls={"mode": "SIMPLE", "credentialName": "a", "caCertificates": "b"}),
        ["TNO147"],
    ),
    "names of what is not verified": (
        destination_rule(tls={"mode": "SIMPLE", "insecureSkipVerify": True, "subjectAltNames": ["a"]}),
        ["TNO147"],
    ),
    "a selector of wildcards": (_rule(workloadSelector={"matchLabels": {"a": "*"}}), ["TNO148"]),
    "a selector exported": (_rule(workloadSelector={"matchLabels": {"a": "b"}}, exportTo=["*"]), ["TNO128"]),
    "a tunnel beside the proxy protocol": (
        destination_rule(tunnel={"targetHost": "a.b", "targetPort": 80}, proxyProtocol={}),
        ["TNO151"],
    ),
    "no servers": (changed(gateway(), ("spec", "servers"), []), ["TNO155"]),
    "no hosts": (gateway(hosts=[]), ["TNO155"]),
    "a short host": (gateway(hosts=["a"]), ["TNO103"]),
    "a partial wildcard": (gateway(hosts=["*a.com"]), ["TNO103"]),
    "a host of a bad namespace": (gateway(hosts=["a.b/c.com"]), ["TNO103"]),
    "no port": (gateway(port=None), ["TNO156"]),
    "an unknown protocol": (_port(protocol="HTPP"), ["TNO156"]),
    "a port of no name": (_port(name=""), ["TNO156"]),
    "a target port": (_port(targetPort=80), ["TNO156"]),
    "port 0": (_port(number=0), ["TNO104"]),
    "ports of one name": (changed(gateway(), ("spec", "servers"), gateway()["spec"]["servers"] * 2), ["TNO105"]),
    "https without tls": (gateway(port={"number": 443, "name": "a", "protocol": "HTTPS"}), ["TNO157"]),
    "certificates for http": (gateway(tls={"mode": "SIMPLE", "credentialName": "a"}), ["TNO157"]),
    "tls for tcp": (gateway(port={"number": 1, "name": "a", "protocol": "TCP"}, tls={}), ["TNO157"]),
    "simple tls without files": (_https(mode="SIMPLE"), ["TNO158", "TNO158"]),
    "mutual tls without authority": (_https(mode="MUTUAL", **FILES), ["TNO158"]),
    "two sources": (_https(mode="SIMPLE", credentialName="a", **FILES), ["TNO158"]),
    "the mesh's certificates and others": (_https(mode="ISTIO_MUTUAL", credentialName="a"), ["TNO158"]),
    "revocations with simple tls": (_https(mode="SIMPLE", caCrl="a", **FILES), ["TNO158"]),
    "bound to a name": (gateway(bind="localhost"), ["TNO160"]),
    "bound to a socket and a port": (gateway(bind="unix:///a"), ["TNO160"]),
    "a gateway of a dotted name": (changed(gateway(), ("metadata", "name"), "a.b"), ["TNO101"]),
}

WARNED = {
    "failover without outlier detection": (
        destination_rule(loadBalancer={"localityLbSetting": {"failover": [{"from": "a", "to": "b"}]}}),
        ["TNO150"],
    ),
    "consecutiveErrors": (destination_rule(outlierDetection={"consecutiveErrors": 5}), ["TNO131"]),
    "a selector of everything": (_rule(workloadSelector={}), ["TNO149"]),
    "certificates with passthrough": (_https(mode="PASSTHROUGH", credentialName="a"), ["TNO159"]),
    "an unknown cipher suite": (
        _https(mode="SIMPLE", credentialName="a", cipherSuites=["A", "-B", "AES128-SHA"]),
        ["TNO159"],
    ),
    "a redirect on https": (_https(httpsRedirect=True), ["TNO161"]),
}

ENTRIES = {
    "a good one": (service_entry(), []),
    "no hosts": (service_entry(hosts=[]), ["TNO165"]),
    "every host": (service_entry(hosts=["*"], endpoints=[{"address": "1.1.1.1"}]), ["TNO103"]),
    "a block of addresses with DNS": (service_entry(addresses=["10.0.0.0/8"]), ["TNO166"]),
    "ports twice": (service_entry(ports=_ports(80, 80)), ["TNO105", "TNO105"]),
    "endpoints of NONE": (service_entry(resolution="NONE", endpoints=[{"address": "1.1.1.1"}]), ["TNO167"]),
    "a host name of STATIC": (service_entry(resolution="STATIC", endpoints=[{"address": "a.com"}]), ["TNO168"]),
    "a wildcard of DNS": (service_entry(hosts=["*.a.com"]), ["TNO167"]),
    "two endpoints of one": (
        service_entry(resolution="DNS_ROUND_ROBIN", endpoints=[{"address": "a.com"}, {"address": "b.com"}]),
        ["TNO167"],
    ),
    "several hosts on a tcp port": (
        service_entry(hosts=["a.com", "b.com"], ports=_ports(80, protocol="TCP"), addresses=["1.1.1.1"]),
        ["TNO166"],
    ),
    "an unknown port": (service_entry(endpoints=[{"address": "a.com", "ports": {"x": 80}}]), ["TNO168"]),
    "a selector and endpoints": (
        service_entry(endpoints=[{"address": "a.com"}], workloadSelector={"labels": {"a": "b"}}),
        ["TNO111"],
    ),
    "a socket with two ports": (
        service_entry(resolution="STATIC", ports=_ports(1, 2), endpoints=[{"address": "unix:///a"}]),
        ["TNO168"],
    ),
    "one host of DYNAMIC_DNS": (service_entry(resolution="DYNAMIC_DNS"), ["TNO166"]),
}


@pytest.mark.parametrize("name", VALID)
def test_a_good_policy_or_gateway_has_no_problem(name: str) -> None:
    assert [str(problem) for problem in samples.problems(VALID[name])] == []


@pytest.mark.parametrize("name", INVALID)
def test_a_bad_policy_or_gateway_is_refused_for_its_one_reason(name: str) -> None:
    obj, expected = INVALID[name]
    assert codes(obj) == expected


@pytest.mark.parametrize("name", WARNED)
def test_an_odd_policy_or_gateway_is_accepted_with_a_warning(name: str) -> None:
    obj, expected = WARNED[name]
    assert codes(obj) == expected
    assert all(problem.severity == "warning" for problem in samples.problems(obj))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_service_entry_is_judged(name: str) -> None:
    obj, expected = ENTRIES[name]
    assert codes(obj) == expected
