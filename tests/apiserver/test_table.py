"""What `kubectl get` prints is made here, row by row."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.apiserver.samples import NOW, Served, virtual_service

from turnout.apiserver.table.column import human
from turnout.apiserver.table.representation import Representation, columns, form
from turnout.resources.kinds import DEPLOYMENT, EVENT, KINDS, POD, VIRTUAL_SERVICE, Kind

KUBECTL = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,*/*"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (4 * 3600 + 120, "4h2m"),
        (9 * 3600, "9h"),
        (47 * 3600, "47h"),
        (3 * 86400 + 7200, "3d2h"),
        (100 * 86400, "100d"),
        (3 * 365 * 86400, "3y"),
        (20 * 365 * 86400, "20y"),
    ],
)
def test_ages_are_written_as_kubernetes_writes_them(seconds: float, words: str) -> None:
    assert human(seconds) == words


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "whole"),
        ("application/json", "whole"),
        ("application/json, application/json;as=Table;v=v1;g=meta.k8s.io", "whole"),
        (KUBECTL, "table"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json", "whole"),
        ("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", "whole"),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "metadata"),
        ("application/json;g=meta.k8s.io;v=v1;;=", "whole"),
    ],
)
def test_the_first_form_that_can_be_had_is_taken(accept: str, wanted: str) -> None:
    assert form(accept) == wanted


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_each_kind_has_a_row_even_of_an_object_that_says_nothing(kind: Kind) -> None:
    table = Representation(kind, "table").of({"metadata": {"name": "a"}}, NOW)
    (row,) = table["rows"]
    assert len(row["cells"]) == len(table["columnDefinitions"]) == len(columns(kind))
    assert "a" in row["cells"]


def cells(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    table = Representation(kind, "table").of({"metadata": {"name": "a"}, **obj}, NOW)
    names = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(names, table["rows"][0]["cells"], strict=True))


def test_a_pod_s_status_is_what_keeps_it_from_running() -> None:
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3}
    pod = {"spec": {"containers": [{}]}, "status": {"phase": "Running", "containerStatuses": [waiting]}}
    shown = cells(POD, pod)
    assert (shown["Ready"], shown["Status"], shown["Restarts"]) == ("0/1", "CrashLoopBackOff", "3")
    assert cells(POD, {**pod, "metadata": {"name": "a", "deletionTimestamp": "now"}})["Status"] == "Terminating"


def test_a_deployment_counts_its_pods() -> None:
    status = {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}
    shown = cells(DEPLOYMENT, {"spec": {"replicas": 2}, "status": status})
    assert [shown[name] for name in ("Ready", "Up-to-date", "Available")] == ["1/2", 2, 1]


def test_an_event_tells_when_it_happened_last() -> None:
    then = (NOW - timedelta(minutes=3)).isoformat()
    event = {"lastTimestamp": then, "involvedObject": {"kind": "Pod", "name": "p"}, "message": "started\n"}
    shown = cells(EVENT, event)
    assert (shown["Last Seen"], shown["Object"], shown["Message"]) == ("3m", "pod/p", "started")


def test_lists_watches_and_single_objects_come_as_tables(served: Served) -> None:
    served.do(lambda store: store.create(VIRTUAL_SERVICE, virtual_service("a", hosts=["x", "y"])))
    path, headers = "/apis/networking.istio.io/v1/namespaces/default/virtualservices", {"Accept": KUBECTL}
    _, listed = served.request("GET", path, headers=headers)
    _, one = served.request("GET", f"{path}/a", headers=headers)
    assert (listed["kind"], listed["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert listed["rows"] == one["rows"]
    assert listed["rows"][0]["cells"][:3] == ["a", "", '["x","y"]']
    assert listed["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    _, whole = served.request("GET", f"{path}?includeObject=Object", headers=headers)
    assert whole["rows"][0]["object"]["spec"] == {"hosts": ["x", "y"]}
    served.do(lambda store: store.create(VIRTUAL_SERVICE, virtual_service("b")))
    _, text = served.request("GET", f"{path}?watch=1&timeoutSeconds=1&resourceVersion=0", headers=headers)
    events = [json.loads(line)["object"] for line in text.splitlines()]
    assert [event["rows"][0]["cells"][0] for event in events] == ["a", "b"]
    assert [bool(event["columnDefinitions"]) for event in events] == [True, False]


def test_metadata_comes_alone_to_whom_that_is_enough(served: Served) -> None:
    served.do(lambda store: store.create(VIRTUAL_SERVICE, virtual_service("a")))
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    _, listed = served.request("GET", "/apis/networking.istio.io/v1/virtualservices", headers=accept)
    assert (listed["kind"], list(listed["items"][0])) == (
        "PartialObjectMetadataList",
        ["kind", "apiVersion", "metadata"],
    )
