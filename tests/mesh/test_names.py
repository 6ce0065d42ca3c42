"""Names as Istio forms them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.mesh import names


@pytest.mark.parametrize(
    ("host", "full"),
    [
        ("reviews", "reviews.shop.svc.cluster.local"),
        ("reviews.shop", "reviews.shop"),
        ("*", "*"),
        ("*.example.com", "*.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_only_a_name_without_a_dot_is_short(host: str, full: str) -> None:
    assert names.fqdn(host, "shop") == full


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mesh", "mesh"),
        ("gw", "shop/gw"),
        ("./gw", "shop/gw"),
        ("edge/gw", "edge/gw"),
        ("gw.edge", "edge/gw"),
        ("gw.edge.svc.cluster.local", "edge/gw"),
    ],
)
def test_a_gateway_is_referred_to_in_several_ways(written: str, meant: str) -> None:
    assert names.gateway_reference(written, "shop") == meant


@pytest.mark.parametrize(
    ("pattern", "host", "covers"),
    [
        ("*", "a.b", True),
        ("*.b", "a.b", True),
        ("*.b", "x.a.b", True),
        ("*.b", "b", False),
        ("*.b", "*.a.b", True),
        ("*.a.b", "*.b", False),
        ("a.b", "A.B", True),
        ("a.b", "*.b", False),
        ("*.b", "*", False),
    ],
)
def test_a_wildcard_covers_what_ends_like_it(pattern: str, host: str, *, covers: bool) -> None:
    assert names.host_matches(pattern, host) is covers


HOSTS = st.builds(
    lambda star, labels: ("*." if star else "") + ".".join(labels),
    st.booleans(),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
)


@given(HOSTS, HOSTS)
def test_the_narrower_of_two_hosts_is_covered_by_both_whichever_comes_first(a: str, b: str) -> None:
    found = names.narrower(a, b)
    assert found == names.narrower(b, a)
    if found is not None:
        assert names.host_matches(a, found)
        assert names.host_matches(b, found)


@pytest.mark.parametrize(
    ("scopes", "reaches"),
    [((), True), (("*",), True), ((".",), False), (("other",), True), (("elsewhere",), False), ((".", "other"), True)],
)
def test_export_to_names_who_sees_it(scopes: tuple[str, ...], *, reaches: bool) -> None:
    assert names.exported(scopes, "own", "other") is reaches
    assert names.exported(scopes, "own", "own") is (not scopes or "*" in scopes or "." in scopes)


def test_hosts_rank_exact_before_wildcard_and_long_before_short() -> None:
    ranked = sorted(["*", "*.b", "a.b", "*.a.b", "x.a.b"], key=names.specificity, reverse=True)
    assert ranked == ["x.a.b", "a.b", "*.a.b", "*.b", "*"]
