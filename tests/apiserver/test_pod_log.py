"""`kubectl logs`, as far as it can be carried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.apiserver.samples import Served, serving

from turnout.apiserver.view import ViewRequest
from turnout.resources.kinds import POD

LOG = "/api/v1/namespaces/default/pods/a/log"


async def logs(request: ViewRequest) -> AsyncIterator[str]:
    """One line that says what was asked for, and then, where it is followed, silence."""

    async def lines() -> AsyncIterator[str]:
        yield str(sorted(request.query.items()))
        if request.query["follow"]:
            await asyncio.Event().wait()

    return lines()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "state.db", {"logs": logs}) as server:
        pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "main"}]}}
        server.do(lambda store: store.create(POD, pod))
        yield server


def test_the_log_is_of_that_pod_and_all_of_it_unless_said_otherwise(served: Served) -> None:
    response, text = served.request("GET", LOG)
    assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert text == "[('follow', ''), ('lines', '100000'), ('workload', 'a')]\n"
    assert "('lines', '7')" in served.request("GET", f"{LOG}?tailLines=7&container=main&timestamps=false")[1]


@pytest.mark.parametrize("query", ["sinceSeconds=5", "timestamps=true", "previous=true", "container=other"])
def test_what_cannot_be_told_is_refused(served: Served, query: str) -> None:
    assert served.request("GET", f"{LOG}?{query}")[0].status == 400


def test_a_followed_log_ends_with_its_pod(served: Served) -> None:
    served.do(lambda store: asyncio.get_running_loop().call_later(0.2, store.delete, POD, "default", "a"))
    assert served.request("GET", f"{LOG}?follow=true")[0].status == 200
    assert served.request("GET", LOG)[0].status == 404
