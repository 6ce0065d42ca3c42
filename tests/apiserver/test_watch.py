"""Watches and streams over real HTTP: what they tell, and when they end."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from tests.apiserver.samples import TOKEN, Served

from turnout.apiserver import history, stream
from turnout.apiserver.store import Patch, Store
from turnout.resources.kinds import POD

PODS = "/api/v1/namespaces/default/pods"


@contextmanager
def opened(served: Served, path: str) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        with closing(connection.getresponse()) as response:
            yield response


def event(response: http.client.HTTPResponse) -> tuple[str, Any]:
    line = json.loads(response.readline())
    return line["type"], line["object"]


def put(served: Served, name: str, **labels: str) -> str:
    """Make a pod, or give it other labels; its resourceVersion."""

    def write(store: Store) -> Any:
        if store.get(POD, "default", name) is None:
            return store.create(POD, {"metadata": {"name": name, "labels": labels}})
        body = [{"op": "replace", "path": "/metadata/labels", "value": labels}]
        return store.patch(POD, "default", name, Patch("json", body))

    version: str = served.do(write)["metadata"]["resourceVersion"]
    return version


def remove(served: Served, name: str) -> None:
    served.do(lambda store: store.delete(POD, "default", name))


def test_a_watch_without_a_version_starts_with_what_is_there(served: Served) -> None:
    put(served, "a")
    with opened(served, f"{PODS}?watch=1") as watch:
        assert event(watch)[0] == "ADDED"
        put(served, "a", x="y")
        kind, pod = event(watch)
        assert (kind, pod["metadata"]["labels"], pod["apiVersion"]) == ("MODIFIED", {"x": "y"}, "v1")
        remove(served, "a")
        kind, pod = event(watch)
        assert (kind, pod["metadata"]["name"]) == ("DELETED", "a")


def test_a_watch_from_a_version_tells_what_came_after_it(served: Served) -> None:
    put(served, "a")
    version = put(served, "b")
    put(served, "c")
    with opened(served, f"{PODS}?watch=true&resourceVersion={version}") as watch:
        assert event(watch)[1]["metadata"]["name"] == "c"


def test_a_watch_tells_only_of_its_kind_and_namespace(served: Served) -> None:
    served.request("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    version = put(served, "a")
    with opened(served, f"/api/v1/namespaces/shop/serviceaccounts?watch=1&resourceVersion={version}") as watch:
        put(served, "b")
        served.request("POST", "/api/v1/namespaces/shop/services", {"metadata": {"name": "c"}})
        served.request("POST", "/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "d"}})
        assert event(watch)[1]["metadata"]["name"] == "d"


def test_an_object_enters_and_leaves_the_selection_of_a_watch(served: Served) -> None:
    version = put(served, "a", app="other")
    with opened(served, f"{PODS}?watch=1&labelSelector=app%3Dweb&resourceVersion={version}") as watch:
        put(served, "a", app="web")
        assert event(watch)[0] == "ADDED"
        put(served, "a", app="web", more="x")
        assert event(watch)[0] == "MODIFIED"
        put(served, "a", app="other")
        assert event(watch)[0] == "DELETED"


def test_a_watch_from_a_forgotten_version_is_gone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 4)
    for number in range(10):
        put(served, "a", number=str(number))
    response, status = served.request("GET", f"{PODS}?watch=1&resourceVersion=2")
    assert (response.status, status["reason"]) == (410, "Expired")
    assert served.request("GET", f"{PODS}?watch=1&resourceVersion=999999")[0].status == 410
    assert served.request("GET", f"{PODS}?watch=1&resourceVersion=x")[0].status == 400


def test_a_watch_may_ask_for_the_end_of_its_initial_events(served: Served) -> None:
    version = put(served, "a")
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    with opened(served, f"{PODS}?{query}") as watch:
        assert event(watch)[0] == "ADDED"
        kind, bookmark = event(watch)
        assert kind == "BOOKMARK"
        assert bookmark["metadata"] == {
            "resourceVersion": version,
            "annotations": {"k8s.io/initial-events-end": "true"},
        }


def test_a_quiet_watch_gets_bookmarks_if_it_wants_them(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "IDLE_SECONDS", 0.05)
    version = put(served, "a")
    with opened(served, f"{PODS}?watch=1&resourceVersion={version}&allowWatchBookmarks=true") as watch:
        kind, bookmark = event(watch)
        assert (kind, bookmark["kind"], bookmark["metadata"]) == ("BOOKMARK", "Pod", {"resourceVersion": version})


def test_a_watch_ends_when_its_time_is_over(served: Served) -> None:
    with opened(served, f"{PODS}?watch=1&timeoutSeconds=1") as watch:
        assert watch.read() == b""
    assert served.request("GET", f"{PODS}?watch=1&timeoutSeconds=soon")[0].status == 400


def test_there_are_only_so_many_watches_and_closed_ones_make_room(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_STREAMS", 2)
    put(served, "a")
    with opened(served, f"{PODS}?watch=1") as first, opened(served, "/turnout/v1/count") as second:
        assert event(first)[0] == "ADDED"
        assert second.readline() == b"line 0\n"
        response, status = served.request("GET", f"{PODS}?watch=1")
        assert (response.status, status["reason"]) == (429, "TooManyRequests")
    end = time.monotonic() + 5
    while served.request("GET", f"{PODS}?watch=1&timeoutSeconds=0")[0].status == 429:
        assert time.monotonic() < end, "a reader that went away still counts"


def test_stopping_the_server_ends_its_watches_and_streams_at_once(served: Served) -> None:
    put(served, "a")
    with opened(served, f"{PODS}?watch=1") as watch, opened(served, "/turnout/v1/count") as lines:
        assert event(watch)[0] == "ADDED"
        assert lines.readline() == b"line 0\n"
        start = time.monotonic()
        served.stop()
        assert (watch.read(), lines.read()) == (b"", b"")
        assert time.monotonic() - start < 1


def test_a_change_among_a_thousand_objects_is_told_at_once(served: Served) -> None:
    """The middle one of many: a machine that is busy may hold up any of them."""

    def fill(store: Store) -> None:
        for number in range(1000):
            store.create(POD, {"metadata": {"name": f"pod-{number}", "labels": {"changed": "no"}}})

    served.do(fill)
    begun = time.monotonic()
    _, listed = served.request("GET", PODS)
    assert (len(listed["items"]), time.monotonic() - begun < 1.0) == (1000, True)
    taken = []
    with opened(served, f"{PODS}?watch=1&resourceVersion={listed['metadata']['resourceVersion']}") as watch:
        for number in range(20):
            begun = time.monotonic()
            put(served, f"pod-{number}", changed="yes")
            assert event(watch)[1]["metadata"]["name"] == f"pod-{number}"
            taken.append(time.monotonic() - begun)
    assert sorted(taken)[len(taken) // 2] < 0.1
