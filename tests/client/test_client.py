"""The client, against the real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.apiserver.samples import Served, virtual_service

from turnout.apiserver.history import Change
from turnout.client import Client
from turnout.error import ApiError, NotRunning
from turnout.resources.kinds import NAMESPACE, SERVICE_ACCOUNT, VIRTUAL_SERVICE


def refused(status: int, call: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()
    assert raised.value.status == status
    return raised.value


def test_an_object_lives_from_create_to_delete(client: Client) -> None:
    made = client.create(VIRTUAL_SERVICE, virtual_service())
    assert client.get(VIRTUAL_SERVICE, "default", "cluster") == made
    assert client.list(VIRTUAL_SERVICE)["items"] == [made]
    replaced = client.replace(VIRTUAL_SERVICE, made | {"spec": {"hosts": ["b"]}})
    patched = client.patch(VIRTUAL_SERVICE, "default", "cluster", {"spec": {"gateways": ["g"]}})
    assert patched["spec"] == {"hosts": ["b"], "gateways": ["g"]}
    assert patched["metadata"]["resourceVersion"] != replaced["metadata"]["resourceVersion"]
    operations = [{"op": "remove", "path": "/spec/gateways"}]
    assert client.patch(VIRTUAL_SERVICE, "", "cluster", operations, type="json")["spec"] == {"hosts": ["b"]}
    assert client.delete(VIRTUAL_SERVICE, "default", "cluster")["status"] == "Success"
    assert client.list(VIRTUAL_SERVICE)["items"] == []


def test_cluster_wide_objects_need_no_namespace(client: Client) -> None:
    client.create(NAMESPACE, {"metadata": {"name": "shop"}})
    assert client.get(NAMESPACE, "", "shop")["metadata"]["name"] == "shop"


def test_lists_may_be_selected(client: Client) -> None:
    client.create(NAMESPACE, {"metadata": {"name": "shop"}})
    for name in ("a", "b"):
        client.create(SERVICE_ACCOUNT, {"metadata": {"name": name, "labels": {"app": name}, "namespace": "shop"}})
    assert len(client.list(SERVICE_ACCOUNT, "shop")["items"]) == 2
    assert [pod["metadata"]["name"] for pod in client.list(SERVICE_ACCOUNT, label_selector="app in (b)")["items"]] == [
        "b"
    ]
    assert [
        pod["metadata"]["name"] for pod in client.list(SERVICE_ACCOUNT, field_selector="metadata.name=a")["items"]
    ] == ["a"]


def test_what_the_api_refuses_is_an_error_with_status_and_reason(client: Client) -> None:
    assert refused(404, lambda: client.get(SERVICE_ACCOUNT, "default", "a")).reason == "NotFound"
    made = client.create(VIRTUAL_SERVICE, virtual_service())
    client.patch(VIRTUAL_SERVICE, "default", "cluster", {"spec": {"hosts": ["b"]}})
    assert refused(409, lambda: client.replace(VIRTUAL_SERVICE, made)).reason == "Conflict"
    error = refused(422, lambda: client.create(VIRTUAL_SERVICE, virtual_service("other", error="no")))
    assert "hint: try again" in error.message
    assert client.get(VIRTUAL_SERVICE, "default", "cluster")["spec"] == {"hosts": ["b"]}


@pytest.mark.parametrize("name", ["../../pods", "a/status", "%2e%2e", "a?watch=1", "ä b", "a#b"])
def test_a_name_is_never_more_than_a_name(client: Client, name: str) -> None:
    refused(404, lambda: client.get(SERVICE_ACCOUNT, "default", name))


def test_warnings_are_those_of_the_last_call(client: Client) -> None:
    client.create(VIRTUAL_SERVICE, virtual_service(warning='odd “\\" thing'))
    assert client.warnings == ['odd “\\" thing (hint: try again) [TNO999]']
    client.get(VIRTUAL_SERVICE, "default", "cluster")
    assert client.warnings == []


def test_a_dry_run_changes_nothing(client: Client) -> None:
    client.create(VIRTUAL_SERVICE, virtual_service(), dry_run=True)
    assert client.list(VIRTUAL_SERVICE)["items"] == []
    made = client.create(VIRTUAL_SERVICE, virtual_service())
    client.patch(VIRTUAL_SERVICE, "default", "cluster", {"spec": None}, dry_run=True)
    client.replace(VIRTUAL_SERVICE, made | {"spec": {}}, dry_run=True)
    client.delete(VIRTUAL_SERVICE, "default", "cluster", dry_run=True)
    assert client.list(VIRTUAL_SERVICE)["items"] == [made]


def test_writes_of_one_change_carry_its_id(client: Client, served: Served) -> None:
    start = served.do(lambda store: store.revision)
    change = ("c1", 3)
    made = client.create(VIRTUAL_SERVICE, virtual_service(), change=change)
    client.patch(VIRTUAL_SERVICE, "default", "cluster", {"spec": {"hosts": ["b"]}}, change=change)
    del made["metadata"]["resourceVersion"]
    client.replace(VIRTUAL_SERVICE, made, change=change)
    client.delete(VIRTUAL_SERVICE, "default", "cluster", change=change)
    events = served.do(lambda store: store.events_after(start))
    assert [event.change for event in events] == [Change("c1", 3)] * 4


def test_watching_tells_what_happens(client: Client) -> None:
    client.create(SERVICE_ACCOUNT, {"metadata": {"name": "a"}})
    watch = client.watch(SERVICE_ACCOUNT)
    assert next(watch)[0] == "ADDED"
    client.delete(SERVICE_ACCOUNT, "default", "a")
    kind, pod = next(watch)
    assert (kind, pod["metadata"]["name"]) == ("DELETED", "a")


def test_watching_from_a_list_misses_nothing(client: Client) -> None:
    version = client.list(SERVICE_ACCOUNT)["metadata"]["resourceVersion"]
    client.create(SERVICE_ACCOUNT, {"metadata": {"name": "a"}})
    assert next(client.watch(SERVICE_ACCOUNT, "default", version))[1]["metadata"]["name"] == "a"


def test_a_watch_ends_after_its_timeout(client: Client) -> None:
    assert list(client.watch(SERVICE_ACCOUNT, timeout_seconds=1)) == []


def test_watching_from_a_forgotten_version_is_refused(client: Client) -> None:
    assert refused(410, lambda: next(client.watch(SERVICE_ACCOUNT, resource_version="99999"))).reason == "Expired"


def test_views_are_shown_posted_to_and_streamed(client: Client) -> None:
    assert client.view("echo", a="1", b="x y&")["query"] == {"a": "1", "b": "x y&"}
    assert client.post("echo", {"do": "it"})["body"] == {"do": "it"}
    assert list(client.stream("count", to="3")) == ["line 0", "line 1", "line 2"]
    assert refused(500, lambda: client.post("refuse", None)).hint == "stop it"
    assert refused(404, lambda: client.view("nothing")).reason == "NotFound"


def test_calls_go_on_while_a_stream_is_open(client: Client) -> None:
    lines = client.stream("count")
    assert next(lines) == "line 0"
    assert client.view("echo")["method"] == "GET"


def test_a_stream_that_waits_for_its_next_line_ends_when_another_thread_closes_it(client: Client) -> None:
    lines = client.stream("count")
    assert next(lines) == "line 0"
    rest: list[str] = []
    reader = threading.Thread(target=lambda: rest.extend(lines))
    reader.start()
    lines.close()
    reader.join(10)
    assert (reader.is_alive(), rest) == (False, [])


def test_a_stream_that_is_closed_before_anything_was_read_has_no_lines(client: Client) -> None:
    lines = client.stream("count")
    lines.close()
    assert list(lines) == []


def test_a_server_that_stops_ends_streams_and_refuses_calls(client: Client, served: Served) -> None:
    lines = client.stream("count")
    assert next(lines) == "line 0"
    served.stop()
    assert list(lines) == []
    with pytest.raises(NotRunning, match="nothing is running"):
        client.list(SERVICE_ACCOUNT)
