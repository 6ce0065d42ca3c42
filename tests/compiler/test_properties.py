"""What holds for every valid mesh, whatever is in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.compiler.world import instances, proxies

from turnout.analysis.analyze import findings
from turnout.compiler.compile import compile
from turnout.compiler.config import CLUSTER, ENDPOINTS, LISTENER, ROUTES, Config
from turnout.memo import Memo
from turnout.mesh import mesh
from turnout.problem import Problem, errors
from turnout.resources.core import Deployment
from turnout.resources.interpret import interpret

JSON = dict[str, Any]

NAMESPACES = st.sampled_from(["default", "other", "istio-system"])
NAMES = st.sampled_from(["a", "b", "c"])
LABELS = st.dictionaries(st.sampled_from(["app", "version"]), st.sampled_from(["a", "b", "v1", "v2"]), min_size=1)
HOSTS = st.sampled_from(
    ["a", "b", "gone", "a.default", "a.other.svc.cluster.local", "b.default.svc.cluster.local", "A.test", "a.test"]
)
WILD_HOSTS = st.one_of(HOSTS, st.sampled_from(["*.test", "*.svc.cluster.local", "*.default.svc.cluster.local"]))
PORTS = st.sampled_from([80, 8080, 9090])
SUBSETS = st.sampled_from(["v1", "v2"])
DURATIONS = st.sampled_from(["1s", "0.25s", "5m"])
PERCENT = st.fixed_dictionaries({}, optional={"value": st.sampled_from([0, 0.001, 12.5, 100])})
STRINGS = st.one_of(
    st.just({}),
    st.builds(
        lambda kind, text: {kind: text},
        st.sampled_from(["exact", "prefix", "regex"]),
        st.sampled_from(["/", "/x", ".*"]),
    ),
)
EXPORT = {"exportTo": st.sampled_from([["*"], ["."], ["other"], ["istio-system", "."]])}


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    return st.fixed_dictionaries({}, optional=fields)


DESTINATIONS = st.fixed_dictionaries(
    {"host": HOSTS}, optional={"subset": SUBSETS, "port": st.builds(lambda number: {"number": number}, PORTS)}
)
OPERATIONS = optional(
    set=st.dictionaries(st.sampled_from(["x-a", "Host"]), st.sampled_from(["1", "%%"])),
    add=st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.just("2")),
    remove=st.just(["x-c"]),
)
HEADERS = optional(request=OPERATIONS, response=optional(add=st.just({"x-r": "1"})))
CHOICES = st.fixed_dictionaries(
    {"destination": DESTINATIONS}, optional={"weight": st.sampled_from([0, 1, 99, 2**31 - 1]), "headers": HEADERS}
)
MATCHES = optional(
    uri=STRINGS,
    method=st.just({"exact": "GET"}),
    headers=st.dictionaries(st.sampled_from(["x-a", "x-b"]), STRINGS, max_size=2),
    withoutHeaders=st.dictionaries(st.just("x-c"), STRINGS),
    queryParams=st.dictionaries(st.just("q"), STRINGS),
    ignoreUriCase=st.booleans(),
    port=PORTS,
    sourceLabels=LABELS,
    sourceNamespace=NAMESPACES,
    gateways=st.sampled_from([["mesh"], ["gw"], ["default/gw"]]),
    name=st.just("m"),
)
FAULTS = optional(
    delay=st.fixed_dictionaries({"fixedDelay": DURATIONS}, optional={"percentage": PERCENT}),
    abort=optional(httpStatus=st.just(503), percentage=PERCENT),
)
ROUTES_OF_A_HOST = st.fixed_dictionaries(
    {"route": st.lists(CHOICES, min_size=1, max_size=3)},
    optional={
        "name": st.just("r"),
        "match": st.lists(MATCHES, max_size=3),
        "mirror": DESTINATIONS,
        "mirrorPercentage": PERCENT,
        "timeout": DURATIONS,
        "retries": optional(attempts=st.integers(0, 3), backoff=DURATIONS, retryIgnorePreviousHosts=st.booleans()),
        "rewrite": st.sampled_from([{"uri": "/"}, {"authority": "x.test"}]),
        "fault": FAULTS,
        "headers": HEADERS,
        "corsPolicy": optional(allowOrigins=st.lists(STRINGS, max_size=2), maxAge=st.just("24h")),
    },
)
ANSWERS = st.one_of(
    st.builds(
        lambda redirect: {"redirect": redirect}, st.sampled_from([{"uri": "/n"}, {"port": 80, "scheme": "http"}])
    ),
    st.just({"directResponse": {"status": 418, "body": {"bytes": "YQ"}}}),
    st.just({"delegate": {"name": "other"}}),
)
POLICIES = optional(
    loadBalancer=st.sampled_from(
        [
            {"simple": "RANDOM"},
            {"simple": "PASSTHROUGH"},
            {"consistentHash": {"httpHeaderName": "x-a"}},
            {"consistentHash": {"useSourceIp": True, "maglev": {"tableSize": 101}}},
            {"warmup": {"duration": "30s"}},
        ]
    ),
    connectionPool=st.sampled_from([{"tcp": {"maxConnections": 1}}, {"http": {"h2UpgradePolicy": "UPGRADE"}}]),
    outlierDetection=st.sampled_from([{}, {"consecutive5xxErrors": 0}]),
)
LAYERED = st.builds(
    lambda policy, port: {**policy, **({"portLevelSettings": [{"port": {"number": 80}, **port}]} if port else {})},
    POLICIES,
    POLICIES,
)


def istio(kind: str, spec: st.SearchStrategy[JSON]) -> st.SearchStrategy[JSON]:
    stamps = st.sampled_from(["", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"])
    return st.builds(
        lambda name, namespace, stamp, body: {
            "apiVersion": "networking.istio.io/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": stamp},
            "spec": body,
        },
        NAMES,
        NAMESPACES,
        stamps,
        spec,
    )


VIRTUAL_SERVICES = istio(
    "VirtualService",
    st.fixed_dictionaries(
        {
            "hosts": st.lists(WILD_HOSTS, min_size=1, max_size=2),
            "http": st.lists(st.one_of(ROUTES_OF_A_HOST, ANSWERS), min_size=1, max_size=3),
        },
        optional={"gateways": st.sampled_from([["mesh"], ["default/gw"], ["gw", "mesh"], ["default/gw", "other/gw2"]])}
        | EXPORT,
    ),
)
DESTINATION_RULES = istio(
    "DestinationRule",
    st.fixed_dictionaries(
        {"host": WILD_HOSTS},
        optional={
            "trafficPolicy": LAYERED,
            "subsets": st.lists(
                st.fixed_dictionaries({"name": SUBSETS}, optional={"labels": LABELS, "trafficPolicy": LAYERED}),
                max_size=2,
            ),
        }
        | EXPORT,
    ),
)
SERVERS = st.fixed_dictionaries(
    {
        "port": st.builds(lambda n: {"number": n, "name": f"http-{n}", "protocol": "HTTP"}, PORTS),
        "hosts": st.sampled_from([["*"], ["a.test", "*.local"], ["./A.test"], ["default/*"]]),
    },
    optional={"tls": st.just({"httpsRedirect": True})},
)


def gateway(name: str, namespace: str, servers: list[JSON]) -> JSON:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"servers": servers},
    }


def service(name: str, namespace: str, ports: list[int], cluster_ip: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"app": name},
            "clusterIP": cluster_ip,
            "ports": [{"name": f"http-{port}", "port": port} for port in ports],
        },
    }


def deployment(name: str, namespace: str, labels: dict[str, str]) -> JSON:
    container = {"name": "main", "image": "x", "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


OBJECTS = st.builds(
    lambda *lists: [obj for found in lists for obj in found],
    st.lists(VIRTUAL_SERVICES, max_size=4),
    st.lists(DESTINATION_RULES, max_size=3),
    st.lists(st.builds(gateway, st.sampled_from(["gw", "gw2"]), NAMESPACES, st.lists(SERVERS, min_size=1, max_size=2))),
    st.lists(
        st.builds(
            service,
            NAMES,
            NAMESPACES,
            st.lists(PORTS, min_size=1, max_size=2, unique=True),
            st.sampled_from(["", "None", "10.0.0.1"]),
        ),
        max_size=4,
    ),
    st.lists(st.builds(deployment, NAMES, NAMESPACES, LABELS), max_size=4),
)


def valid(objects: list[JSON]) -> list[Any]:
    """The resources that a live instance could hold: each name once, nothing that is refused."""
    found: dict[tuple[str, str, str], Any] = {}
    for obj in objects:
        interpreted = interpret(obj)
        if not errors(interpreted.problems):
            found[obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]] = interpreted.resource
    return list(found.values())


class Kept:
    """What two worlds have in common is made once."""

    def __init__(self) -> None:
        self.mesh, self.config = Memo(), Memo()


def served(resources: list[Any], kept: Kept | None = None) -> tuple[Config, list[Problem]]:
    kept = kept or Kept()
    deployments = tuple(
        sorted(
            (r for r in resources if isinstance(r, Deployment)), key=lambda d: (d.metadata.namespace, d.metadata.name)
        )
    )
    built = mesh.build(resources, instances(deployments), memo=kept.mesh)
    return compile(built, proxies(built, deployments), kept.config), findings(resources, built)


def messages(config: Config, type_url: str) -> Iterator[Any]:
    return (resource.message for resource in config.resources[type_url].values())


def routes(config: Config) -> Iterator[Route]:
    table: RouteConfiguration
    for table in messages(config, ROUTES):
        for host in table.virtual_hosts:
            yield from host.routes


def destinations(route: Route) -> Iterator[str]:
    if route.route.cluster:
        yield route.route.cluster
    yield from (cluster.name for cluster in route.route.weighted_clusters.clusters)
    yield from (policy.cluster for policy in route.route.request_mirror_policies)


def missing(problems: list[Problem]) -> bool:
    return any(problem.code == "IST0101" for problem in problems)


RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@given(OBJECTS)
@RELAXED
def test_every_cluster_of_a_route_exists_or_is_reported(objects: list[JSON]) -> None:
    config, problems = served(valid(objects))
    dangling = {c for route in routes(config) for c in destinations(route)} - config.resources[CLUSTER].keys()
    assert not dangling or missing(problems), dangling


@given(OBJECTS)
@RELAXED
def test_every_route_does_something_that_envoy_accepts(objects: list[JSON]) -> None:
    config, _ = served(valid(objects))
    for route in routes(config):
        action = route.WhichOneof("action")
        assert action is not None
        if action == "route":
            assert route.route.WhichOneof("cluster_specifier") is not None
            assert all(cluster.weight.value for cluster in route.route.weighted_clusters.clusters)


@given(OBJECTS)
@RELAXED
def test_names_and_domains_are_unique_in_each_route_table(objects: list[JSON]) -> None:
    config, _ = served(valid(objects))
    table: RouteConfiguration
    for table in messages(config, ROUTES):
        names = [host.name for host in table.virtual_hosts]
        domains = [domain.lower() for host in table.virtual_hosts for domain in host.domains]
        assert len(names) == len(set(names))
        assert len(domains) == len(set(domains))
        assert all(host.domains for host in table.virtual_hosts)


@given(OBJECTS)
@RELAXED
def test_every_reference_between_resources_resolves(objects: list[JSON]) -> None:
    config, _ = served(valid(objects))
    fed, loads = set(), set(config.resources[ENDPOINTS])
    cluster: Cluster
    for cluster in messages(config, CLUSTER):
        if cluster.type == Cluster.EDS:
            fed.add(cluster.eds_cluster_config.service_name)
    assert fed == loads
    listener: Listener
    for listener in messages(config, LISTENER):
        manager = HttpConnectionManager()
        listener.filter_chains[0].filters[0].typed_config.Unpack(manager)
        if manager.HasField("rds"):
            assert manager.rds.route_config_name in config.resources[ROUTES]
    assignment: ClusterLoadAssignment
    for assignment in messages(config, ENDPOINTS):
        ports = [e.endpoint.address.socket_address.port_value for g in assignment.endpoints for e in g.lb_endpoints]
        assert len(ports) == len(set(ports))


@given(OBJECTS, st.randoms(use_true_random=False))
@RELAXED
def test_the_order_in_which_resources_arrive_does_not_matter(objects: list[JSON], chance: random.Random) -> None:
    resources = valid(objects)
    assume(len(resources) > 1)
    shuffled = list(resources)
    chance.shuffle(shuffled)
    (config, problems), (again, others) = served(resources), served(shuffled)
    assert config.version == again.version
    assert [dict(config.resources[t]) == dict(again.resources[t]) for t in (CLUSTER, ROUTES, LISTENER, ENDPOINTS)]
    assert sorted(map(str, problems)) == sorted(map(str, others))


@given(st.lists(OBJECTS, min_size=2, max_size=3), st.data())
@RELAXED
def test_what_is_kept_of_other_worlds_changes_nothing(worlds: list[list[JSON]], data: st.DataObject) -> None:
    """From one world to the next and back, and to a mixture: as fast as can be, and the same as made anew."""
    mixture = valid([obj for objects in worlds for obj in objects if data.draw(st.booleans())])
    kept = Kept()
    first, *others = [valid(objects) for objects in worlds]
    for resources in (first, *others, first, first[1:], mixture, first):
        assert served(resources, kept) == served(resources)


@given(OBJECTS, st.lists(st.tuples(OBJECTS, st.integers(0, 99)), min_size=1, max_size=4))
@RELAXED
def test_one_change_after_the_other_leads_where_all_at_once_would(
    objects: list[JSON], changes: list[tuple[list[JSON], int]]
) -> None:
    """One object is taken away, then others are put in its place, or beside it where their names are new."""
    kept = Kept()
    assert served(valid(objects), kept) == served(valid(objects))
    for others, at in changes:
        objects = [obj for index, obj in enumerate(objects) if index != at % max(1, len(objects))]
        for obj in (None, *others[:3]):
            objects = [*objects, *([obj] if obj else [])]
            assert served(valid(objects), kept) == served(valid(objects))


def test_what_has_not_changed_is_not_made_again() -> None:
    """The same objects as before, not only equal ones."""
    resources = valid([service("a", "default", [80], ""), service("b", "default", [80], "")])
    kept = Kept()
    before, after = served(resources, kept)[0], served([*resources[:1]], kept)[0]
    name = "outbound|80||a.default.svc.cluster.local"
    for type_url in (CLUSTER, ENDPOINTS):
        assert after.resources[type_url][name] is before.resources[type_url][name]
        assert len(after.resources[type_url]) == 1
