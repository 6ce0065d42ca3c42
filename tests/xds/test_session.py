"""The order of sending and the book of what Envoy has, message by message, without an Envoy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import GenericSecret, Secret
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from google.rpc.status_pb2 import Status

from turnout.compiler.config import CLUSTER, EMPTY, ENDPOINTS, LISTENER, ROUTES, SECRET, Config
from turnout.xds.session import WARMING_LIMIT_SECONDS, Session
from turnout.xds.watch import Rejection


def config(
    clusters: Mapping[str, str] | None = None,
    listeners: Iterable[str] = (),
    routes: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Config:
    """Every resource has a name and some content that makes its version."""
    return Config.of(
        [Cluster(name=name, type=Cluster.EDS, alt_stat_name=content) for name, content in (clusters or {}).items()],
        [ClusterLoadAssignment(cluster_name=name) for name in clusters or {}],
        [Listener(name=name) for name in listeners],
        [RouteConfiguration(name=n, request_headers_to_remove=[content]) for n, content in (routes or {}).items()],
        [Secret(name=n, generic_secret=GenericSecret(secret=inline(key))) for n, key in (secrets or {}).items()],
    )


def inline(text: str) -> DataSource:
    return DataSource(inline_string=text)


class Peer:
    """Plays Envoy: asks, and says yes or no to what it gets."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = 0.0

    def ask(self, type_url: str, *names: str, has: Mapping[str, str] | None = None) -> None:
        self.session.receive(
            DeltaDiscoveryRequest(
                type_url=type_url, resource_names_subscribe=names, initial_resource_versions=has or {}
            )
        )

    def drop(self, type_url: str, *names: str) -> None:
        self.session.receive(DeltaDiscoveryRequest(type_url=type_url, resource_names_unsubscribe=names))

    def take(self) -> DeltaDiscoveryResponse:
        response = self.session.next(self.now)
        assert response is not None, "nothing was sent"
        return response

    def silence(self) -> None:
        assert self.session.next(self.now) is None

    def accept(self, response: DeltaDiscoveryResponse) -> None:
        self.session.receive(DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce))

    def refuse(self, response: DeltaDiscoveryResponse, detail: str = "no") -> Rejection | None:
        return self.session.receive(
            DeltaDiscoveryRequest(
                type_url=response.type_url, response_nonce=response.nonce, error_detail=Status(message=detail)
            )
        )

    def drain(self) -> list[str]:
        """Accepts everything; returns what came, in order."""
        came = []
        while (response := self.session.next(self.now)) is not None:
            came.append(described(response))
            self.accept(response)
        return came


def described(response: DeltaDiscoveryResponse) -> str:
    names = [resource.name for resource in response.resources] + [f"-{name}" for name in response.removed_resources]
    return f"{response.type_url.rsplit('.', 1)[1]} {' '.join(names)}".strip()


def connected(first: Config, endpoints: Iterable[str] = (), routes: Iterable[str] = ()) -> Peer:
    """An Envoy that has `first`."""
    peer = Peer(Session())
    peer.session.aim(first)
    peer.ask(CLUSTER)
    if names := tuple(endpoints):
        peer.ask(ENDPOINTS, *names)
    peer.ask(LISTENER)
    if names := tuple(routes):
        peer.ask(ROUTES, *names)
    peer.drain()
    assert peer.session.settled
    return peer


def versions(of: Config, type_url: str) -> dict[str, str]:
    return {name: resource.version for name, resource in of.resources[type_url].items()}


def test_nothing_is_settled_before_envoy_has_asked_for_the_routes_of_its_listeners() -> None:
    """On a new stream it asks for one type after the other; its old routes may differ from ours."""
    wanted = config({"c": "1"}, ["l"], {"r": "2"})
    peer = Peer(Session())
    peer.session.aim(wanted)
    peer.ask(CLUSTER, has=versions(wanted, CLUSTER))
    peer.ask(ENDPOINTS, "c", has=versions(wanted, ENDPOINTS))
    peer.ask(LISTENER, has=versions(wanted, LISTENER))
    peer.drain()
    assert not peer.session.settled
    peer.ask(ROUTES, "r", has={"r": "an older version"})
    assert peer.drain() == ["RouteConfiguration r"]
    assert peer.session.settled


def test_a_cluster_that_warms_up_gets_its_secret_before_anything_else_goes_on() -> None:
    peer = Peer(Session())
    peer.session.aim(config({"c": "1"}, ["l"], {}, {"s": "key"}))
    peer.ask(CLUSTER)
    warming = peer.take()
    peer.ask(SECRET, "s")
    response = peer.take()
    assert described(response) == "Secret s"
    peer.accept(response)
    peer.silence()
    peer.accept(warming)
    peer.ask(ENDPOINTS, "c")
    peer.ask(LISTENER)
    assert peer.drain() == ["ClusterLoadAssignment c", "Listener l"]


def test_nothing_is_settled_before_envoy_has_asked_for_every_secret_unless_it_refused_who_would() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    peer.session.aim(config({}, ["l", "tls"], {"r": "1"}, {"s": "key"}))
    assert peer.drain() == ["Listener tls"]
    before = peer.session.settled
    peer.ask(SECRET, "s")
    assert peer.drain() == ["Secret s"]
    assert (before, peer.session.settled) == (False, True)
    peer.session.aim(config({}, ["l", "tls", "bad"], {"r": "1"}, {"s": "key", "t": "key"}))
    peer.refuse(peer.take())
    assert peer.session.settled


def test_a_renewed_secret_is_all_that_is_sent() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    peer.session.aim(config({}, ["l"], {"r": "1"}, {"s": "old"}))
    peer.ask(SECRET, "s")
    peer.drain()
    peer.session.aim(config({}, ["l"], {"r": "1"}, {"s": "new"}))
    assert peer.drain() == ["Secret s"]


def test_nothing_is_sent_before_there_is_a_config() -> None:
    peer = Peer(Session())
    peer.ask(CLUSTER)
    peer.silence()
    assert not peer.session.settled


def test_nothing_is_sent_before_envoy_asks() -> None:
    peer = Peer(Session())
    peer.session.aim(config({"a": "1"}, ["l"]))
    peer.silence()


def test_a_fresh_envoy_is_told_that_there_is_nothing() -> None:
    peer = Peer(Session())
    peer.session.aim(EMPTY)
    peer.ask(CLUSTER)
    assert peer.drain() == ["Cluster"]
    assert not peer.session.settled, "it has not asked for listeners yet"
    peer.ask(LISTENER)
    assert peer.drain() == ["Listener"]
    assert peer.session.settled


def test_what_is_referred_to_is_sent_first_and_removed_last() -> None:
    peer = connected(config({"a": "1"}, ["old"], {"r": "1"}), endpoints=["a"], routes=["r"])
    peer.session.aim(config({"b": "1"}, ["new"], {"r": "2"}))
    assert peer.drain() == ["Cluster b", "Listener new", "RouteConfiguration r", "Listener -old", "Cluster -a"]


def test_routes_wait_until_the_clusters_are_warm() -> None:
    peer = connected(config({"a": "1"}, ["l"], {"r": "1"}), endpoints=["a"], routes=["r"])
    peer.session.aim(config({"a": "1", "b": "1"}, ["l"], {"r": "2"}))
    clusters = peer.take()
    peer.silence()
    peer.ask(ENDPOINTS, "b")
    peer.accept(peer.take())
    peer.silence()
    peer.accept(clusters)
    assert peer.drain() == ["RouteConfiguration r"]


def test_routes_do_not_wait_forever_for_a_cluster_that_cannot_warm_up() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    peer.session.aim(config({"b": "1"}, ["l"], {"r": "2"}))
    peer.take()
    peer.now = WARMING_LIMIT_SECONDS - 0.01
    peer.silence()
    peer.now = peer.session.warming_until
    assert described(peer.take()) == "RouteConfiguration r"


def test_a_modified_cluster_gets_its_endpoints_again() -> None:
    peer = connected(config({"a": "1", "b": "1"}), endpoints=["a", "b"])
    peer.session.aim(config({"a": "2", "b": "1"}))
    clusters, again = peer.take(), peer.take()
    assert (described(clusters), described(again)) == ("Cluster a", "ClusterLoadAssignment a")


def test_only_what_differs_is_sent() -> None:
    peer = connected(config({"a": "1", "b": "1"}, ["l"], {"r": "1", "s": "1"}), endpoints="ab", routes="rs")
    peer.session.aim(config({"a": "1", "b": "1"}, ["l"], {"r": "1", "s": "2"}))
    assert peer.drain() == ["RouteConfiguration s"]
    peer.session.aim(config({"a": "1", "b": "1"}, ["l"], {"r": "1", "s": "2"}))
    assert peer.session.settled


def test_one_response_of_a_type_is_in_flight_and_the_latest_config_wins() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    peer.session.aim(config({}, ["l"], {"r": "2"}))
    first = peer.take()
    for version in ("3", "4", "5"):
        peer.session.aim(config({}, ["l"], {"r": version}))
        peer.silence()
    peer.accept(first)
    last = peer.take()
    assert last.resources[0].version == versions(config({}, (), {"r": "5"}), ROUTES)["r"]
    peer.accept(last)
    assert peer.session.settled


def test_after_a_reconnect_only_differences_are_sent() -> None:
    before = config({"a": "1", "b": "1"}, ["l", "gone"], {"r": "1"})
    after = config({"a": "1", "b": "2"}, ["l"], {"r": "1"})
    peer = Peer(Session())
    peer.session.aim(after)
    peer.ask(CLUSTER, has=versions(before, CLUSTER))
    peer.ask(ENDPOINTS, "a", "b", has=versions(before, ENDPOINTS))
    peer.ask(LISTENER, has=versions(before, LISTENER))
    peer.ask(ROUTES, "r", has=versions(before, ROUTES))
    assert peer.drain() == ["Cluster b", "ClusterLoadAssignment b", "Listener -gone"]


def test_an_envoy_that_reconnects_while_its_clusters_warm_up_gets_their_endpoints() -> None:
    """It holds its question for clusters back until they are warm, and nothing has changed in the endpoints."""
    same = config({"a": "1"})
    peer = Peer(Session())
    peer.session.aim(same)
    peer.ask(ENDPOINTS, "a", has=versions(same, ENDPOINTS))
    assert peer.drain() == ["ClusterLoadAssignment a"]


def test_what_is_asked_for_again_is_sent_again() -> None:
    peer = connected(config({"a": "1"}), endpoints=["a"])
    peer.ask(ENDPOINTS, "a")
    assert peer.drain() == ["ClusterLoadAssignment a"]


def test_what_is_no_longer_asked_for_is_not_sent() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    peer.drop(ROUTES, "r")
    peer.session.aim(config({}, ["l"], {"r": "2"}))
    assert peer.drain() == []
    assert peer.session.settled


def test_who_asks_for_what_does_not_exist_is_told_so() -> None:
    peer = connected(config({}, ["l"]))
    peer.ask(ROUTES, "none")
    assert peer.drain() == ["RouteConfiguration -none"]
    assert peer.session.settled


def test_types_that_nobody_serves_are_ignored() -> None:
    peer = connected(EMPTY)
    peer.ask("type.googleapis.com/envoy.service.runtime.v3.Runtime", "s")
    peer.silence()


def test_a_refused_resource_is_reported_once_and_not_sent_again() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    bad = config({}, ["l"], {"r": "bad"})
    peer.session.aim(bad)
    rejection = peer.refuse(peer.take(), "what a route")
    assert rejection == Rejection(ROUTES, ("r",), "what a route", versions(bad, ROUTES)["r"])
    assert list(peer.session.rejections) == [rejection]
    assert peer.session.settled
    peer.session.aim(bad)
    peer.silence()


def test_after_a_rejection_the_next_version_is_sent_and_the_old_one_too() -> None:
    good, bad, better = (config({}, ["l"], {"r": version}) for version in ("good", "bad", "better"))
    peer = connected(good, routes=["r"])
    peer.session.aim(bad)
    peer.refuse(peer.take())
    peer.session.aim(better)
    assert peer.drain() == ["RouteConfiguration r"]
    assert not list(peer.session.rejections)
    peer.session.aim(bad)
    peer.refuse(peer.take())
    peer.session.aim(better)
    assert peer.session.settled, "Envoy never left the better one"


def test_a_refused_version_is_tried_again_when_told_to() -> None:
    peer = connected(EMPTY)
    peer.session.aim(config({}, ["l"]))
    peer.refuse(peer.take(), "address in use")
    peer.session.forget_rejections()
    assert peer.drain() == ["Listener l"]
    assert peer.session.settled


def test_a_bad_resource_among_many_is_singled_out_and_the_others_are_served() -> None:
    peer = connected(EMPTY)
    names = [f"c{number:03}" for number in range(200)]
    peer.session.aim(config(dict.fromkeys(names, "1")))
    accepted: set[str] = set()
    rejections, responses = [], 0
    while (response := peer.session.next(0)) is not None:
        responses += 1
        sent = {resource.name for resource in response.resources}
        if sent & {"c070", "c150"}:
            rejections.append(peer.refuse(response))
        else:
            accepted |= sent
            peer.accept(response)
    assert [r.names for r in rejections if r] == [("c070",), ("c150",)]
    assert accepted == set(names) - {"c070", "c150"}
    assert responses < 60
    assert peer.session.settled


def test_a_cluster_of_a_refused_response_is_removed_even_though_envoy_never_said_it_has_it() -> None:
    """Envoy applies the good part of a response that it refuses."""
    peer = connected(EMPTY)
    peer.session.aim(config({"good": "1", "bad": "1"}))
    peer.refuse(peer.take())
    peer.session.aim(EMPTY)
    assert peer.drain() == ["Cluster -good -bad"]


def test_a_refused_removal_is_not_asked_for_again() -> None:
    peer = connected(config({"a": "1"}))
    peer.session.aim(EMPTY)
    assert peer.refuse(peer.take()) is not None
    peer.silence()


def test_an_answer_to_an_older_response_does_not_count() -> None:
    peer = connected(config({}, ["l"], {"r": "1"}), routes=["r"])
    peer.session.aim(config({}, ["l"], {"r": "2"}))
    response = peer.take()
    peer.accept(DeltaDiscoveryResponse(type_url=ROUTES, nonce="0"))
    assert not peer.session.settled
    peer.accept(response)
    assert peer.session.settled
