"""Meshes and requests by chance: every kind of match and action, and requests of which most meet a rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from turnout.mesh.names import fqdn, host_matches
from turnout.problem import errors
from turnout.resources.interpret import interpret

JSON = dict[str, Any]
Draw = Any

FIXED = """
apiVersion: v1
kind: Service
metadata: {name: c, namespace: other}
spec:
  selector: {app: c}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: http-more, port: 9090, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: c, namespace: other}
spec:
  selector: {matchLabels: {app: c}}
  template:
    metadata: {labels: {app: c}}
    spec: {containers: [{name: c, image: c, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: idle}
spec: {selector: {app: idle}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw2, namespace: other}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 9090, name: http, protocol: HTTP}, hosts: ["*.test", default/www.shop.example, "*.cluster.local"]}
  - {port: {number: 80, name: http-too, protocol: HTTP}, hosts: [shop.test], tls: {httpsRedirect: true}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: api}
spec:
  gatewayClassName: istio
  listeners:
  - {name: all, port: 8090, protocol: HTTP}
  - {name: test, port: 8090, protocol: HTTP, hostname: "*.test"}
"""
"""Besides the compile cases' base: a service in another namespace, one that nothing runs for, a second gateway."""

CALLERS = ("default/app", "default/b", "other/c")
SEGMENTS = ("x", "y", "X", "xy", "v1", "v12", "pre", "a%20b", "..", ".", "", "%78", "a\\b")
HEADER_VALUES = ("1", "12", "ada", "Ada", "x1y", "")
SAMPLES = {
    "/v[0-9]+": ("/v1", "/v12"),
    "/x.*": ("/x", "/xy/a"),
    ".*": ("/", "/y"),
    "/(x|y)/?.*": ("/x", "/y/v1"),
    "(?i)/X": ("/x", "/X"),
    "/[^/]+/y$": ("/v1/y", "/x/y"),
    "[0-9]+": ("1", "12"),
    "a.a": ("ada",),
    "(?i)ADA|": ("ada", "Ada", ""),
    r"\w*\d\w*": ("1", "x1y"),
    "GET|PUT": ("GET", "PUT"),
    "(a|shop)(\\..*)?": ("a", "shop.test"),
}
"""What each regular expression matches."""


ROUND = 20
"""Meshes."""
CATCH_ALL = ({"prefix": "/"}, {"regex": ".*"})


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    return st.fixed_dictionaries({}, optional=fields)


def one_of(kind: str, *texts: str) -> st.SearchStrategy[JSON]:
    return st.sampled_from(texts).map(lambda text: {kind: text})


PATHS = st.lists(st.sampled_from(SEGMENTS), max_size=3).map(lambda segments: "/" + "/".join(segments))
URIS = st.one_of(
    one_of("exact", "/x", "/x/y", "/v1", "/a%20b", "/"),
    one_of("prefix", "/x", "/x/", "/pre", "/v", "/X", "/"),
    one_of("regex", "/v[0-9]+", "/x.*", ".*", "/(x|y)/?.*", "(?i)/X", "/[^/]+/y$"),
)
VALUES: st.SearchStrategy[JSON] = st.one_of(
    one_of("exact", "1", "ada", ""),
    one_of("prefix", "1", "a", "x"),
    one_of("regex", "[0-9]+", "a.a", "(?i)ADA|", r"\w*\d\w*"),
    st.just({}),
)
NAMED_VALUES = st.dictionaries(st.sampled_from(["x-a", "x-b", "X-C"]), VALUES, min_size=1, max_size=2)
LABELS = st.sampled_from([{"app": "app"}, {"tier": "front"}, {"app": "b"}])
NAMESPACES = st.sampled_from(["default", "other"])
GATEWAYS = st.sampled_from([["mesh"], ["default/gw"], ["other/gw2", "mesh"]])
MATCHES = st.one_of(
    *(
        st.fixed_dictionaries({field: values}, optional={"uri": URIS, "ignoreUriCase": st.booleans()})
        for field, values in (
            ("headers", NAMED_VALUES),
            ("withoutHeaders", NAMED_VALUES),
            ("withoutHeaders", st.dictionaries(st.just("x-b"), VALUES, min_size=1)),
            ("queryParams", st.dictionaries(st.sampled_from(["q", "p"]), VALUES, min_size=1, max_size=2)),
            ("method", st.one_of(one_of("exact", "GET", "POST"), one_of("prefix", "P"), one_of("regex", "GET|PUT"))),
            ("authority", one_of("exact", "a:80", "b", "a.default.svc.cluster.local", "shop.test", "legacy.test")),
            ("authority", one_of("exact", "a.default.svc.cluster.local", "b.default.svc.cluster.local", "shop.test")),
            ("authority", one_of("prefix", "a", "b.", "shop", "www.")),
            ("authority", one_of("regex", "(a|shop)(\\..*)?")),
            ("scheme", st.one_of(one_of("exact", "http", "https"), one_of("prefix", "http"))),
        )
    ),
    st.fixed_dictionaries({"uri": URIS}, optional={"ignoreUriCase": st.booleans(), "headers": NAMED_VALUES}),
    st.fixed_dictionaries({"uri": URIS, "port": st.sampled_from([80, 9090])}),
    st.fixed_dictionaries({"uri": URIS, "gateways": GATEWAYS}),
    st.fixed_dictionaries({"uri": URIS, "sourceLabels": LABELS}),
    st.fixed_dictionaries({"uri": URIS, "sourceNamespace": NAMESPACES}, optional={"sourceLabels": LABELS}),
)  # fmt: skip
DESTINATIONS = st.sampled_from(
    [
        {"host": "a"},
        {"host": "a", "subset": "v1"},
        {"host": "a", "subset": "v2"},
        {"host": "b"},
        {"host": "c.other.svc.cluster.local", "port": {"number": 80}},
        {"host": "c.other.svc.cluster.local"},
        {"host": "a", "subset": "nope"},
        {"host": "a.default"},
        {"host": "idle"},
    ]
)
REQUEST_VALUES = st.sampled_from(["1", "set", "%REQ(x-a)%", "%REQ(:path)%-%REQ(:method)%", "100%%", "%REQ(x-none)%"])
REQUEST_OPERATIONS = optional(
    set=st.dictionaries(st.sampled_from(["x-a", "x-b", "x-w"]), REQUEST_VALUES, max_size=2),
    add=st.dictionaries(st.sampled_from(["x-a", "X-C", "x-w"]), REQUEST_VALUES, max_size=2),
    remove=st.lists(st.sampled_from(["x-a", "x-b", "X-C"]), max_size=2, unique=True),
)
HOST_OPERATION = st.sampled_from([{"set": {"Host": "set.test"}}, {"set": {":authority": "other.test"}}])
RESPONSE_OPERATIONS = optional(
    set=st.dictionaries(st.sampled_from(["x-r", "x-upstream"]), st.sampled_from(["1", "2"]), max_size=2),
    add=st.dictionaries(st.sampled_from(["x-r", "x-upstream"]), st.sampled_from(["3", "4"]), max_size=2),
    remove=st.just(["x-upstream"]),
)
HEADERS = optional(request=st.one_of(REQUEST_OPERATIONS, HOST_OPERATION), response=RESPONSE_OPERATIONS)


def choices(weights: st.SearchStrategy[int], least: int, most: int) -> st.SearchStrategy[list[JSON]]:
    choice = st.fixed_dictionaries({"destination": DESTINATIONS, "weight": weights}, optional={"headers": HEADERS})
    return st.lists(choice, min_size=least, max_size=most)


REWRITES = st.sampled_from(
    [
        {"uri": "/"},
        {"uri": "/new"},
        {"uri": "/new/", "authority": "new.test"},
        {"authority": "new.test"},
        {"uriRegexRewrite": {"match": "/v([0-9]+)", "rewrite": "/version-\\1"}},
        {"uriRegexRewrite": {"match": "^/(.*?)/y", "rewrite": "/\\1/\\0"}},
        {"uriRegexRewrite": {"match": "x*", "rewrite": "-"}},
    ]
)
REDIRECTS = st.fixed_dictionaries(
    {"authority": st.sampled_from(["new.test", "new.test:81"])},
    optional={
        "uri": st.sampled_from(["/n", "/n?own=1"]),
        "scheme": st.sampled_from(["http", "https"]),
        "redirectCode": st.sampled_from([302, 303, 307, 308]),
    },
)
OWN_REDIRECTS = st.sampled_from(
    [
        {"uri": "/n"},
        {"scheme": "https"},
        {"port": 8443, "scheme": "https"},
        {"port": 80},
        {"derivePort": "FROM_REQUEST_PORT", "uri": "/z"},
        {"derivePort": "FROM_PROTOCOL_DEFAULT", "scheme": "https"},
    ]
)
OWN_ANSWER = st.just({"status": 299, "body": {"string": "by the proxy"}})
PREFIX_REDIRECT = st.just({"prefixRewrite": "/new"})
MATCHED: dict[str, st.SearchStrategy[Any]] = {"match": st.lists(MATCHES, min_size=1, max_size=2)}
BY_PREFIX = st.lists(
    st.fixed_dictionaries({"uri": one_of("prefix", "/x", "/x/", "/pre", "/v")}, optional={"headers": NAMED_VALUES}),
    min_size=1,
    max_size=2,
)
BOTH = {
    "name": st.sampled_from(["r", "s"]),
    "headers": HEADERS,
}
ABORT = {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}
NO_ABORT = {"abort": {"httpStatus": 418, "percentage": {}}}
CORS = {"allowOrigins": [{"exact": "http://page.test"}, {"prefix": "http://good"}], "allowMethods": ["GET"]}
FORWARDS = st.one_of(
    choices(st.sampled_from([0, 1]), 1, 1), choices(st.sampled_from([1, 3, 0]), 2, 3)
).flatmap(
    lambda chosen: st.fixed_dictionaries(
        {"route": st.just(chosen)} | MATCHED,
        optional=BOTH
        | {
            "rewrite": REWRITES,
            "timeout": st.just("5s"),
            "retries": st.just({"attempts": 1}),
            "mirror": DESTINATIONS,
            "fault": st.sampled_from([NO_ABORT, ABORT, NO_ABORT]),
            "corsPolicy": st.sampled_from([CORS, CORS | {"unmatchedPreflights": "IGNORE"}]),
        },
    )
)  # fmt: skip
ANSWERS = st.one_of(
    *(
        st.fixed_dictionaries({"redirect": redirect} | MATCHED, optional=BOTH)
        for redirect in (REDIRECTS, OWN_REDIRECTS)
    ),
    st.fixed_dictionaries({"redirect": PREFIX_REDIRECT, "match": BY_PREFIX}, optional=BOTH),
    st.fixed_dictionaries({"directResponse": OWN_ANSWER, **MATCHED}, optional=BOTH),
)  # fmt: skip


def for_all(http: JSON) -> JSON:
    """The same without its condition."""
    return {field: value for field, value in http.items() if field != "match"}


def apart(hosts: list[str]) -> bool:
    """A wildcard that covers another host of the same VirtualService is refused."""
    first, last = hosts[0], hosts[-1]
    return first == last or not (host_matches(first, last) or host_matches(last, first) or "*" in first + last)


DELEGATING = st.fixed_dictionaries({"delegate": st.just({"name": "inner", "namespace": "default"}), **MATCHED})
HOSTS = st.sampled_from(
    [
        "a", "b", "a.default.svc.cluster.local", "c.other.svc.cluster.local", "shop.test", "Shop.test", "*.test",
        "www.shop.example", "legacy.test", "*.svc.cluster.local",
    ]
)  # fmt: skip
VIRTUAL_SERVICES = st.builds(
    lambda name, namespace, stamp, spec: {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": stamp},
        "spec": spec,
    },
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from(["default", "default", "other"]),
    st.sampled_from(["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"]),
    st.fixed_dictionaries(
        {
            "hosts": st.lists(HOSTS, min_size=1, max_size=2, unique=True).filter(apart),
            "http": st.builds(
                lambda matched, rest: [*matched, *rest],
                st.lists(st.one_of(FORWARDS, FORWARDS, ANSWERS, DELEGATING), min_size=2, max_size=4),
                st.lists(st.one_of(FORWARDS, ANSWERS).map(for_all), max_size=1),
            ),
        },
        optional={
            "gateways": st.sampled_from(
                [["mesh"], ["default/gw", "mesh"], ["default/gw"], ["other/gw2", "default/gw"], ["other/gw2", "mesh"]]
            ),
            "exportTo": st.sampled_from([["*"], ["*"], ["istio-system", "default"]]),
        },
    ),
)


INNER = st.builds(
    lambda http: {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "inner", "namespace": "default"},
        "spec": {"http": http},
    },
    st.lists(st.one_of(FORWARDS, ANSWERS, FORWARDS.map(for_all)), min_size=1, max_size=3),
)
"""What others delegate to."""
VIRTUAL = st.builds(
    lambda owners, inner: [*owners, *inner],
    st.lists(VIRTUAL_SERVICES, min_size=1, max_size=4),
    st.one_of(st.lists(INNER, min_size=1, max_size=1), st.just([])),
)


def typed(kinds: Mapping[str, Sequence[str]], **more: str) -> st.SearchStrategy[JSON]:
    """A match of Gateway API. `kinds`: the values of each type."""
    return st.sampled_from(
        [{"type": kind, "value": value, **more} for kind, values in kinds.items() for value in values]
    )


API_PATHS = typed(
    {
        "PathPrefix": ["/", "/x", "/pre", "/x/y", "/v1"],
        "Exact": ["/x", "/x/y", "/"],
        "RegularExpression": ["/v[0-9]+", "/x.*"],
    }
)
API_VALUES = {"Exact": ["1", "ada"], "RegularExpression": ["[0-9]+", "a.a"]}
API_MATCHES = st.fixed_dictionaries(
    {"path": API_PATHS},
    optional={
        "headers": st.lists(typed(API_VALUES, name="x-a"), min_size=1, max_size=1),
        "queryParams": st.lists(typed(API_VALUES, name="q"), min_size=1, max_size=1),
        "method": st.sampled_from(["GET", "POST"]),
    },
)
API_NEW_PATHS = st.sampled_from(
    [
        {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"},
        {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"},
        {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new/"},
        {"type": "ReplaceFullPath", "replaceFullPath": "/whole"},
    ]
)
API_HEADERS = st.sampled_from(
    [
        {"set": [{"name": "x-a", "value": "set"}], "remove": ["x-b"]},
        {"add": [{"name": "X-W", "value": "added"}, {"name": "x-a", "value": "more"}]},
    ]
)
API_BACKENDS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b", "gone"]), "port": st.just(80)},
        optional={"weight": st.sampled_from([0, 1, 3])},
    ),
    min_size=1,
    max_size=3,
)
REDIRECT_FILTERS = optional(
    path=API_NEW_PATHS,
    hostname=st.just("new.test"),
    scheme=st.sampled_from(["http", "https"]),
    port=st.sampled_from([80, 8443]),
    statusCode=st.sampled_from([301, 302]),
)
REWRITE_FILTERS = optional(path=API_NEW_PATHS, hostname=st.just("new.test"))


def filters(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[list[JSON]]:
    """One of each kind at most."""
    return optional(**kinds).map(
        lambda found: [
            {"type": kind[0].upper() + kind[1:].replace("rl", "RL", int(kind[0] == "u")), kind: value}
            for kind, value in found.items()
            if value
        ]
    )


API_PREFIXED = st.lists(
    st.fixed_dictionaries({"path": typed({"PathPrefix": ["/", "/x", "/pre", "/x/y"]})}), min_size=1, max_size=1
)
API_RULES = st.one_of(
    st.fixed_dictionaries(
        {"matches": API_PREFIXED, "backendRefs": API_BACKENDS, "filters": filters(urlRewrite=REWRITE_FILTERS)}
    ),
    st.fixed_dictionaries({"matches": API_PREFIXED, "filters": filters(requestRedirect=REDIRECT_FILTERS)}),
    st.fixed_dictionaries(
        {
            "matches": st.lists(API_MATCHES, min_size=1, max_size=2),
            "backendRefs": API_BACKENDS,
            "filters": filters(
                urlRewrite=REWRITE_FILTERS, requestHeaderModifier=API_HEADERS, responseHeaderModifier=API_HEADERS
            ),
        }
    ),
    st.fixed_dictionaries(
        {"matches": st.lists(API_MATCHES, min_size=1, max_size=1), "filters": filters(requestRedirect=REDIRECT_FILTERS)}
    ),
)
API_PARENTS = st.sampled_from(
    [
        {"name": "api"},
        {"name": "api", "sectionName": "test"},
        {"kind": "Service", "group": "", "name": "a"},
        {"kind": "Service", "group": "", "name": "b", "port": 80},
    ]
)
API_HOSTS = st.sampled_from(["shop.test", "*.test", "www.shop.example"])
HTTP_ROUTES = st.builds(
    lambda name, parent, spec: {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"parentRefs": [parent], **spec},
    },
    st.sampled_from(["one", "two"]),
    API_PARENTS,
    st.fixed_dictionaries(
        {"rules": st.lists(API_RULES, min_size=1, max_size=3)},
        optional={"hostnames": st.lists(API_HOSTS, min_size=1, max_size=2, unique=True)},
    ),
)


@dataclass(frozen=True)
class Sent:
    """A generated request. `via`: a caller (`default/app`), or a gateway's port."""

    via: str
    method: str
    host: str
    path: str
    headers: tuple[tuple[str, str], ...]


def valid(objects: list[JSON]) -> list[JSON]:
    """Those that Turnout admits, each name once."""
    found = {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): o for o in objects}
    return [obj for obj in found.values() if not errors(interpret(obj).problems)]


def drawn(meshes: int, requests: int) -> list[tuple[list[JSON], list[Sent]]]:
    """So many worlds, the same ones each time; in rounds, as one long search of hypothesis' keeps to what it has found.

    Drawn beforehand: Envoy is then asked about all of them, and all disagreements are seen together.
    """
    found: list[tuple[list[JSON], list[Sent]]] = []
    for number in range(meshes // ROUND):
        _draw(number, requests, found)
    return found


def _draw(number: int, requests: int, found: list[tuple[list[JSON], list[Sent]]]) -> None:
    @seed(number)
    @given(worlds(requests))
    @settings(
        max_examples=ROUND, derandomize=False, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    def draw(world: tuple[list[JSON], list[Sent]]) -> None:
        found.append(world)

    draw()


def text(objects: list[JSON]) -> str:
    """As manifests: JSON is YAML."""
    return "# JSON\n" + "".join(f"---\n{json.dumps(obj)}\n" for obj in objects)


@st.composite
def worlds(draw: Draw, requests: int) -> tuple[list[JSON], list[Sent]]:
    """VirtualServices and HTTPRoutes, and requests of which most are made to meet one of their rules."""
    routes = st.lists(HTTP_ROUTES, min_size=1, max_size=2)
    kinds = draw(st.sampled_from([VIRTUAL, VIRTUAL, VIRTUAL, routes]))
    objects = valid(draw(kinds))
    return objects, [draw(sent(objects)) for _ in range(requests)]


@st.composite
def sent(draw: Draw, objects: list[JSON]) -> Sent:
    routes = [obj for obj in objects if obj["kind"] == "HTTPRoute"]
    if routes:
        way, host, asked = draw(asked_of(draw(st.sampled_from(routes))))
        for_route: Sent = draw(meeting(asked, way, host, preflight=False))
        return for_route
    owners = [obj for obj in objects if "hosts" in obj["spec"]]
    if not owners or draw(st.integers(0, 29)) == 7:
        anything: Sent = draw(ANY)
        return anything
    owner = draw(st.sampled_from(owners))
    http = draw(st.sampled_from(owner["spec"]["http"]))
    match = draw(st.sampled_from(http.get("match") or [{}]))
    host = fqdn(draw(st.sampled_from(owner["spec"]["hosts"])), owner["metadata"]["namespace"])
    found: Sent = draw(meeting(match, via(draw, owner, match), host, "corsPolicy" in http))
    return found


@st.composite
def asked_of(draw: Draw, route: JSON) -> tuple[str, str, JSON]:
    """A way in, a host, and a match of an HTTPRoute, as one of a VirtualService would have it."""
    (parent,) = route["spec"]["parentRefs"]
    inside = parent.get("kind") == "Service"
    way = draw(st.sampled_from(CALLERS)) if inside else "8090"
    host = draw(st.sampled_from(route["spec"].get("hostnames", ["shop.test"])))
    match = draw(st.sampled_from(draw(st.sampled_from(route["spec"]["rules"]))["matches"]))
    return way, fqdn(parent["name"], "default") if inside else host, as_virtual_service(match)


def as_virtual_service(match: JSON) -> JSON:
    """The match of an HTTPRoute, but for where a prefix ends."""
    kinds = {"PathPrefix": "prefix", "Exact": "exact", "RegularExpression": "regex"}
    found: JSON = {"uri": {kinds[match["path"]["type"]]: match["path"]["value"]}} if "path" in match else {}
    for field in ("headers", "queryParams"):
        if field in match:
            found[field] = {each["name"]: {kinds[each["type"]]: each["value"]} for each in match[field]}
    return found | ({"method": {"exact": match["method"]}} if "method" in match else {})


def via(draw: Draw, owner: JSON, match: JSON) -> str:
    """A way in that the VirtualService is bound to."""
    ways: list[str] = []
    bound = owner["spec"].get("gateways") or ["mesh"]
    for gateway in [each for each in match.get("gateways", bound) if each in bound] or bound:
        ways += {"mesh": list(CALLERS), "default/gw": ["80"], "other/gw2": ["9090"]}[gateway]
    return str(draw(st.sampled_from(ways)))


@st.composite
def meeting(draw: Draw, match: JSON, way: str, host: str, preflight: bool) -> Sent:
    """What a match asks for, now and then with one thing else."""
    services = host.endswith(".cluster.local")
    host = host.replace("*", draw(st.sampled_from(["a.default", "b.default"] if services else ["shop", "x.y"])))
    host = draw(st.sampled_from([host, host, host.upper(), f"{host}:{way if way.isdecimal() else 80}"]))
    authority = match.get("authority")
    if authority and draw(st.booleans()):
        host = draw(fitting(authority))
    path = draw(fitting(match["uri"], rest=PATHS)) if "uri" in match else draw(PATHS)
    if match.get("ignoreUriCase") and draw(st.booleans()):
        path = path.swapcase()
    parameters = [f"{name}={draw(fitting(value))}" for name, value in match.get("queryParams", {}).items()]
    parameters += draw(st.lists(st.sampled_from(["q=1", "p", "z=%20"]), max_size=1))
    path += f"?{'&'.join(parameters)}" if parameters else ""
    headers = {name: draw(fitting(value)) for name, value in match.get("headers", {}).items()}
    headers |= draw(st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from(HEADER_VALUES), max_size=1))
    method = draw(st.sampled_from(["GET", "POST", "PUT"]))
    if "method" in match and "prefix" not in match["method"]:
        method = draw(fitting(match["method"]))
    if preflight and draw(st.booleans()):
        method = "OPTIONS"
        headers["origin"] = draw(st.sampled_from(["http://page.test", "http://good.test", "http://bad.test"]))
        headers["access-control-request-method"] = "GET"
    return Sent(way, method, host, path, tuple(headers.items()))


@st.composite
def fitting(draw: Draw, match: Mapping[str, str], rest: st.SearchStrategy[str] | None = None) -> str:
    """A value that a string match takes. `rest`: what may follow a prefix."""
    if "exact" in match:
        return match["exact"]
    if "prefix" in match:
        more: str = draw(st.sampled_from(["", "1", ".test"]) if rest is None else rest)
        return match["prefix"] + more.removeprefix("/")
    samples = SAMPLES[match["regex"]] if "regex" in match else HEADER_VALUES
    return str(draw(st.sampled_from(samples)))


ANY = st.builds(
    Sent,
    st.sampled_from([*CALLERS, "80", "9090", "8090"]),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["a", "b", "a.default", "c.other", "nobody", "shop.test", "x.y.test", "c.other:9090", "idle"]),
    PATHS,
    st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from(HEADER_VALUES)).map(lambda h: tuple(h.items())),
)
