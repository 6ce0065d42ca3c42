"""The book of what Envoy lacks is kept by changes, and is what comparing everything would say."""

from __future__ import annotations

from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from turnout.compiler.config import CLUSTER, ENDPOINTS, Versioned
from turnout.xds.watch import Watch

NAMES = st.sampled_from("abcd")
WANTED = st.dictionaries(NAMES, st.sampled_from("12"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("aim"), WANTED),
        st.tuples(st.just("ask"), st.lists(NAMES, max_size=2)),
        st.tuples(st.just("drop"), st.lists(NAMES, max_size=2)),
        st.tuples(st.just("owe"), st.lists(NAMES, max_size=2)),
        st.tuples(st.just("answer"), st.booleans()),
        st.tuples(st.sampled_from(["upsert", "remove", "forget"]), st.none()),
    ),
    max_size=30,
)


def versioned(wanted: dict[str, str]) -> dict[str, Versioned]:
    return {name: Versioned.of(Cluster(name=name, alt_stat_name=content)) for name, content in wanted.items()}


def take(watch: Watch, step: str, value: Any, number: int) -> None:
    if step == "aim":
        watch.aim(versioned(value))
    elif step == "ask":
        held = {"a": "old"} if not watch.greeted else {}
        watch.request(DeltaDiscoveryRequest(resource_names_subscribe=value, initial_resource_versions=held))
    elif step == "drop":
        watch.request(DeltaDiscoveryRequest(resource_names_unsubscribe=value))
    elif step == "owe":
        watch.owe(value)
    elif step == "forget":
        watch.forget_rejections()
    elif step == "answer" and watch.flight:
        error = None if value else Status(code=3)
        watch.request(DeltaDiscoveryRequest(response_nonce=watch.flight.nonce, error_detail=error))
    elif step == "upsert" and watch.sendable:
        watch.upsert(str(number))
    elif step == "remove" and watch.removals and not watch.flight:
        watch.removal(str(number))


def lacking(watch: Watch, wanted: dict[str, Versioned]) -> set[str]:
    known = wanted if watch.wildcard else wanted.keys() & watch.subscribed
    stale = {name for name in known if name in watch.owed or watch.held.get(name) != wanted[name].version}
    return stale - watch.rejected.keys()


@given(st.sampled_from([CLUSTER, ENDPOINTS]), STEPS)
def test_what_is_lacking_is_what_a_whole_comparison_finds(type_url: str, steps: list[tuple[str, Any]]) -> None:
    watch, wanted = Watch(type_url), dict[str, Versioned]()
    for number, (step, value) in enumerate(steps):
        take(watch, step, value, number)
        wanted = versioned(value) if step == "aim" else wanted
        assert set(watch.upserts) == lacking(watch, wanted)
        assert set(watch.removals) == (watch.held.keys() if watch.wildcard else watch.owed) - wanted.keys()
