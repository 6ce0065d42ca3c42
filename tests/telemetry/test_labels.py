"""Who called and who answered, as Envoy tells it."""

from __future__ import annotations

import pytest

from turnout.mesh.names import parse_cluster
from turnout.telemetry.labels import Answerer, Caller, answerer, caller, subset


def test_all_parts_have_their_names() -> None:
    assert caller("web-v1;shop;web;v1") == Caller("web-v1", "shop", "web", "v1")
    assert answerer("a-v1,default,a,1.2,-") == Answerer("a-v1", "default", "a", "1.2", "-")


@pytest.mark.parametrize("text", ["", "-", "127.0.0.1:8080", "a,b", "a;b"])
def test_what_is_not_ours_is_nobody(text: str) -> None:
    assert caller(text) == Caller()
    assert answerer(text) == Answerer()


def test_the_subset_that_answered_comes_before_the_one_that_was_asked_for() -> None:
    asked = parse_cluster("outbound|80|v1|a.default.svc.cluster.local")
    assert (subset("v2", asked), subset("-", asked), subset("", None)) == ("v2", "v1", "")
