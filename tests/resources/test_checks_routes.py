"""VirtualServices that make no sense, one rule at a time."""

from __future__ import annotations

from typing import Any

import pytest
from tests.resources import samples
from tests.resources.samples import changed, codes, virtual_service

TO_A = {"destination": {"host": "a"}}
TO_B = {"destination": {"host": "b"}}


def _spec(**spec: Any) -> dict[str, Any]:
    obj = virtual_service()
    obj["spec"] |= spec
    return obj


def _match(**match: Any) -> dict[str, Any]:
    return virtual_service(match=[match])


def _headers(**operations: Any) -> dict[str, Any]:
    return virtual_service(headers={"request": operations})


def _redirect(**redirect: Any) -> dict[str, Any]:
    return virtual_service(route=None, redirect=redirect)


def _retries(**retries: Any) -> dict[str, Any]:
    return virtual_service(retries={"attempts": 2, **retries})


def _tls(hosts: list[str], sni: list[str], gateways: list[str]) -> dict[str, Any]:
    match = [{"sniHosts": sni}]
    return _spec(hosts=hosts, http=[], gateways=gateways, tls=[{"match": match, "route": [TO_A]}])


VALID = {
    "one destination takes all whatever its weight": virtual_service(route=[{**TO_A, "weight": 0}]),
    "weights need not sum to 100": virtual_service(route=[{**TO_A, "weight": 1}, {**TO_B, "weight": 3}]),
    "an empty uri prefix matches everything": _match(uri={"prefix": ""}),
    "a header match of nothing means presence": _match(headers={"x": {}}),
    "a header is absent": _match(withoutHeaders={"x": {"regex": "*"}}),
    "a claim at a gateway": changed(
        _match(headers={"@request.auth.claims.group": {"exact": "a"}}), ("spec", "gateways"), ["gw"]
    ),
    "a null match": virtual_service(match=[None]),
    "host may be set on the request": _headers(
        set={"Host": "a", "x": '%REQ(x)% 100%% %UPSTREAM_METADATA(["a", "b"])%'}
    ),
    "retries switched off": virtual_service(retries={"attempts": 0}),
    "retries on a list of conditions": _retries(retryOn="5xx,503,connect-failure"),
    "redirect of a part of the path": _redirect(prefixRewrite="/b"),
    "redirect to the default port": _redirect(derivePort="FROM_PROTOCOL_DEFAULT"),
    "direct response": virtual_service(route=None, directResponse={"status": 599}),
    "a fault with no percentage": virtual_service(fault={"delay": {"fixedDelay": "1s"}}),
    "mirroring nothing": virtual_service(mirror={"host": "b"}, mirrorPercentage={}),
    "a delegate": _spec(hosts=[]),
    "a route that delegates": virtual_service(route=None, delegate={"name": "a"}),
    "an address as host": _spec(hosts=["10.0.0.1"]),
    "everything, at a gateway": _spec(hosts=["*"], gateways=["gw"]),
    "gateways in three forms": _spec(gateways=["gw", "ns/gw", "./gw", "mesh"]),
    "tcp": _spec(http=[], tcp=[{"match": [{"destinationSubnets": ["10.0.0.0/8"], "port": 80}], "route": [TO_A]}]),
    "sni of a wildcard": _tls(["*.a.com"], ["*.b.a.com", "c.a.com"], ["gw"]),
    "exported to its own and another namespace": _spec(exportTo=[".", "other"]),
    "cors": virtual_service(corsPolicy={"allowOrigins": [{"regex": ".*"}], "allowHeaders": ["*"], "maxAge": "24h"}),
}

INVALID = {
    "a negative weight": (virtual_service(route=[{**TO_A, "weight": -1}, {**TO_B, "weight": 3}]), ["TNO112"]),
    "nobody has any weight": (virtual_service(route=[TO_A, TO_B]), ["TNO112"]),
    "no destination": (virtual_service(route=[{"weight": 1}]), ["TNO113"]),
    "destination everything": (virtual_service(route=[{"destination": {"host": "*"}}]), ["TNO113"]),
    "destination of no name": (virtual_service(route=[{"destination": {"host": ""}}]), ["TNO113"]),
    "destination of a bad name": (virtual_service(route=[{"destination": {"host": "a_b"}}]), ["TNO113"]),
    "destination with a bad subset": (virtual_service(mirror={"host": "a", "subset": "v_1"}), ["TNO101"]),
    "destination port 0": (virtual_service(mirror={"host": "a", "port": {}}), ["TNO104"]),
    "an empty regex": (_match(uri={"regex": ""}), ["TNO114"]),
    "lookahead": (_match(uri={"regex": "a(?=b)"}), ["TNO114"]),
    "a star is no regex": (_match(headers={"x": {"regex": "*"}}), ["TNO114"]),
    "a long regex": (_match(uri={"regex": "a" * 1025}), ["TNO114"]),
    "an empty prefix of a method": (_match(method={"prefix": ""}), ["TNO115"]),
    "a claim inside the mesh": (_match(headers={"@request.auth.claims[a]": {"exact": "a"}}), ["TNO115"]),
    "a header of no name": (_match(headers={"": {"exact": "a"}}), ["TNO116"]),
    "a header of a bad name": (_match(withoutHeaders={"a b": {"exact": "a"}}), ["TNO116"]),
    "a port out of range": (_match(port=70000), ["TNO104"]),
    "a bad source label": (_match(sourceLabels={"a b": "c"}), ["TNO102"]),
    "a bad source namespace": (_match(sourceNamespace="a.b"), ["TNO101"]),
    "a bad gateway in a match": (_match(gateways=["a/b/c"]), ["TNO129"]),
    "a pseudo header": (_headers(set={":path": "/"}), ["TNO116"]),
    "removing host": (_headers(remove=["Host"]), ["TNO116"]),
    "host on the response": (virtual_service(headers={"response": {"add": {"host": "a"}}}), ["TNO116"]),
    "a percent sign alone": (_headers(add={"a": "100%"}), ["TNO117"]),
    "a variable that does not end": (_headers(add={"a": "%REQ(x"}), ["TNO117"]),
    "a control character": (_headers(add={"a": "b\n"}), ["TNO117"]),
    "authority twice": (
        virtual_service(rewrite={"authority": "a"}, headers={"request": {"set": {"host": "b"}}}),
        ["TNO118"],
    ),
    "an empty redirect": (_redirect(), ["TNO119"]),
    "a redirect code of another kind": (_redirect(uri="/a", redirectCode=400), ["TNO119"]),
    "a redirect code that Envoy refuses": (_redirect(uri="/a", redirectCode=304), ["TNO119"]),
    "redirect both ways": (_redirect(uri="/a", prefixRewrite="/b"), ["TNO119"]),
    "redirect to another scheme": (_redirect(scheme="ftp"), ["TNO119"]),
    "prefixRewrite of an exact match": (
        virtual_service(route=None, redirect={"prefixRewrite": "/b"}, match=[{"uri": {"exact": "/a"}}]),
        ["TNO119"],
    ),
    "an empty rewrite": (virtual_service(rewrite={}), ["TNO120"]),
    "rewrite both ways": (
        virtual_service(rewrite={"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}),
        ["TNO120"],
    ),
    "half a regex rewrite": (virtual_service(rewrite={"uriRegexRewrite": {"match": "a"}}), ["TNO120"]),
    "a status that Envoy refuses": (virtual_service(route=None, directResponse={"status": 600}), ["TNO121"]),
    "a fault's status that Envoy refuses": (virtual_service(fault={"abort": {"httpStatus": 600}}), ["TNO121"]),
    "a large body": (
        virtual_service(route=None, directResponse={"status": 200, "body": {"string": "a" * 2**20 + "a"}}),
        ["TNO132"],
    ),
    "negative attempts": (_retries(attempts=-1), ["TNO122"]),
    "a policy without attempts": (_retries(attempts=0, retryOn="5xx"), ["TNO122"]),
    "conditions with spaces": (_retries(retryOn="503, reset"), ["TNO122"]),
    "an unknown condition": (_retries(retryOn="5x"), ["TNO122"]),
    "a status that does not exist": (_retries(retryOn="999"), ["TNO122"]),
    "no timeout at all": (virtual_service(timeout="0s"), ["TNO106"]),
    "a timeout below a millisecond": (virtual_service(timeout="1.0000001s"), ["TNO106"]),
    "an empty fault": (virtual_service(fault={}), ["TNO123"]),
    "an unknown grpc status": (virtual_service(fault={"abort": {"grpcStatus": "NOTFOUND"}}), ["TNO123"]),
    "a share too small": (
        virtual_service(fault={"delay": {"fixedDelay": "1s", "percentage": {"value": 0.00001}}}),
        ["TNO107"],
    ),
    "an exponential delay": (virtual_service(fault={"delay": {"exponentialDelay": "1s"}}), ["TNO123"]),
    "mirroring more than everything": (
        virtual_service(mirror={"host": "b"}, mirrorPercentage={"value": 100.1}),
        ["TNO107"],
    ),
    "mirrors without destination": (virtual_service(mirrors=[{"percentage": {"value": 1}}]), ["TNO113"]),
    "mirror and mirrors": (virtual_service(mirror={"host": "a"}, mirrors=[TO_B]), ["TNO111"]),
    "route and redirect": (virtual_service(redirect={"uri": "/"}), ["TNO111"]),
    "fault and direct response": (
        virtual_service(route=None, directResponse={"status": 200}, fault={"abort": {"httpStatus": 500}}),
        ["TNO111"],
    ),
    "redirect and direct response": (
        virtual_service(route=None, redirect={"uri": "/"}, directResponse={"status": 200}),
        ["TNO111"],
    ),
    "no action": (virtual_service(route=None), ["TNO110"]),
    "no routes": (_spec(http=[]), ["TNO110"]),
    "route and delegate": (virtual_service(delegate={"name": "a"}), ["TNO125"]),
    "a delegate that delegates": (changed(virtual_service(delegate={"name": "a"}), ("spec", "hosts"), []), ["TNO125"]),
    "a delegate at a gateway": (_spec(hosts=[], gateways=["gw"]), ["TNO125"]),
    "an unknown method": (virtual_service(corsPolicy={"allowMethods": ["GTE"]}), ["TNO124"]),
    "an empty origin": (virtual_service(corsPolicy={"allowOrigins": [{"exact": ""}]}), ["TNO124"]),
    "maxAge of half a second": (virtual_service(corsPolicy={"maxAge": "1.5s"}), ["TNO106"]),
    "a bad host": (_spec(hosts=["a.*.b"]), ["TNO103"]),
    "a host that ends in a number": (_spec(hosts=["a.80"]), ["TNO103"]),
    "a long host": (_spec(hosts=["a." * 128 + "com"]), ["TNO103"]),
    "everything inside the mesh": (_spec(hosts=["*"]), ["TNO126"]),
    "hosts twice": (_spec(hosts=["a", "b", "a"]), ["TNO126"]),
    "a wildcard over a host": (_spec(hosts=["a.b.com", "*.com"]), ["TNO126"]),
    "a wildcard over a wildcard": (_spec(hosts=["*.com", "*.b.com"]), ["TNO126"]),
    "exported twice": (_spec(exportTo=[".", "default"]), ["TNO128"]),
    "exported to everybody and others": (_spec(exportTo=["*", "a"]), ["TNO128"]),
    "exported to nobody": (_spec(exportTo=["~"]), ["TNO128"]),
    "an unnamed gateway": (_spec(gateways=[""]), ["TNO129"]),
    "no sni": (_tls(["a.com"], [], ["gw"]), ["TNO127"]),
    "sni of another host": (_tls(["a.com"], ["b.com"], ["gw"]), ["TNO127"]),
    "tls without match": (_spec(http=[], tls=[{"route": [TO_A]}]), ["TNO127"]),
    "tcp without route": (_spec(http=[], tcp=[{}]), ["TNO110"]),
    "a bad subnet": (
        _spec(http=[], tcp=[{"match": [{"destinationSubnets": ["10.0.0.0/33"]}], "route": [TO_A]}]),
        ["TNO103"],
    ),
}

WARNED = {
    "a gateway named in the old way": (_spec(gateways=["gw.ns"]), ["TNO130"]),
    "mirrorPercent": (virtual_service(mirror={"host": "b"}, mirrorPercent=50), ["TNO131"]),
    "an abort of nothing": (virtual_service(fault={"abort": {}}), ["TNO134"]),
    "a body that every change carries": (
        virtual_service(route=None, directResponse={"status": 200, "body": {"string": "a" * 102_401}}),
        ["TNO133"],
    ),
    "an address as sni": (_tls(["a.com"], ["10.0.0.1"], ["gw"]), ["TNO135"]),
}


@pytest.mark.parametrize("name", VALID)
def test_a_good_virtual_service_has_no_problem(name: str) -> None:
    assert [str(problem) for problem in samples.problems(VALID[name])] == []


@pytest.mark.parametrize("name", INVALID)
def test_a_bad_virtual_service_is_refused_for_its_one_reason(name: str) -> None:
    obj, expected = INVALID[name]
    assert sorted(codes(obj)) == sorted(expected)


@pytest.mark.parametrize("name", WARNED)
def test_an_odd_virtual_service_is_accepted_with_a_warning(name: str) -> None:
    obj, expected = WARNED[name]
    assert codes(obj) == expected
    assert all(problem.severity == "warning" for problem in samples.problems(obj))


def test_weights_are_refused_in_istios_words() -> None:
    [nobody] = samples.problems(virtual_service(route=[TO_A, TO_B]))
    [negative] = samples.problems(virtual_service(route=[{**TO_A, "weight": -5}, {**TO_B, "weight": 6}]))
    assert nobody.message == "total destination weight = 0"
    assert negative.message == "weight -5 < 0"


def test_many_hosts_are_compared_in_little_time() -> None:
    assert codes(_spec(hosts=[f"*.h{i}.com" for i in range(3000)])) == []


def test_what_a_split_may_be_a_function_of_is_checked() -> None:
    def sticky(text: str) -> dict[str, Any]:
        return changed(virtual_service(), ("metadata", "annotations"), {"turnout.dev/sticky": text})

    assert [codes(sticky(text)) for text in ("header:x-user", "cookie:session", "request")] == [[], [], []]
    assert [codes(sticky(text)) for text in ("", "header", "header:", "user", "header:a b")] == [["TNO015"]] * 5
