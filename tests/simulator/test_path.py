"""Paths, hosts, rewrites and headers as Envoy has them: each was seen on a real one."""

from __future__ import annotations

import pytest
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import RedirectAction, Route, RouteAction, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from turnout.mesh.routing import RouteTable, VirtualHost
from turnout.simulator.domain import covering
from turnout.simulator.headers import adjusted
from turnout.simulator.path import normalized
from turnout.simulator.request import Request, request
from turnout.simulator.rewriting import path_sent, redirected, to_https

OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
APPEND = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/x?y=../z", "/x?y=../z"),
        ("/a/../../x", "/x"),
        ("/a/./b", "/a/b"),
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/...", "/a/..."),
        ("/a//b", "/a//b"),
        ("/a/b/../../..//x", "//x"),
        ("/%2E/%41%7e%2d%5F%31", "/A~-_1"),
        ("/a/.%2e/b", "/b"),
        ("/x%2F..%2fy", "/x%2F..%2fy"),
        ("/%zz%", "/%zz%"),
        ("/a\\b", "/a/b"),
        ('/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"),
        ("/x#y", None),
        ("/x?y#z", None),
        ("/x%00", None),
        ("x", None),
    ],
)
def test_a_path_is_normalized(path: str, found: str | None) -> None:
    assert normalized(path) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("a", Request("GET", "a")),
        ("http://a:80/x?q#f", Request("GET", "a:80", "/x?q")),
        ("HTTPS://a?q=1", Request("GET", "a", "/?q=1", (), "https")),
        ("http://ada@a/é x", Request("GET", "a", "/%C3%A9%20x")),
        ("http:///x", None),
        ("", None),
    ],
)
def test_a_url_is_read_as_clients_send_it(url: str, found: Request | None) -> None:
    assert request("get", url) == found


def test_a_host_header_counts_instead_of_the_urls_host() -> None:
    assert request("GET", "http://127.0.0.1:8080/", [("HOST", "shop.test"), ("x", "1")]) == Request(
        "GET", "shop.test", "/", (("x", "1"),)
    )


@pytest.mark.parametrize(
    ("authority", "domain"),
    [
        ("a.test", "a.test"),
        ("A.TEST:8080", "a.test"),
        ("b.a.test", "*.a.test"),
        ("c.test", "*.test"),
        (".test", "*"),
        ("a.example", "a.*"),
        ("other", "*"),
    ],
)
def test_the_most_specific_domain_counts(authority: str, domain: str) -> None:
    domains = ("*", "*.test", "*.a.test", "a.*", "a.test")
    table = RouteTable("gateway", {name: VirtualHost(name, (name,)) for name in domains}, block_all=False)
    found = covering(table, authority)
    assert found is not None
    assert found[1] == domain


@pytest.mark.parametrize(("authority", "domain"), [("a", "a"), ("a:80", "a:80"), ("a:81", None)])
def test_inside_the_mesh_ports_are_part_of_a_name(authority: str, domain: str | None) -> None:
    table = RouteTable("egress", {"a": VirtualHost("a", ("a", "a:80"))}, block_all=True)
    found = covering(table, authority)
    assert (found and found[1]) == domain


@pytest.mark.parametrize(
    ("pattern", "substitution", "path", "found"),
    [
        ("/v([0-9]+)", r"/version-\1", "/v1/v22?v=/v3", "/version-1/version-22?v=/v3"),
        ("^/(.*?)/y", r"/\1/\0", "/a/y", "/a//a/y"),
        ("x*", "-", "/axxb", "-/-a-b-"),
        ("/a|(b)", r"[\1]", "/ab", "[][b]"),
        ("/", r"\\", "/", "\\"),
    ],
)
def test_a_regex_rewrites_every_match_of_the_path(pattern: str, substitution: str, path: str, found: str) -> None:
    rewrite = RegexMatchAndSubstitute(pattern=RegexMatcher(regex=pattern), substitution=substitution)
    assert path_sent(Route(route=RouteAction(regex_rewrite=rewrite)), path) == found


@pytest.mark.parametrize(
    ("match", "found"),
    [
        (RouteMatch(prefix="/a"), "/new/b?q"),
        (RouteMatch(path="/a/b"), "/new?q"),
        (RouteMatch(safe_regex=RegexMatcher(regex=".*")), "/new?q"),
        (RouteMatch(path_separated_prefix="/a"), "/new/b?q"),
    ],
)
def test_a_prefix_stands_for_itself_and_any_other_match_for_the_whole_path(match: RouteMatch, found: str) -> None:
    assert path_sent(Route(match=match, route=RouteAction(prefix_rewrite="/new")), "/a/b?q") == found


def test_a_server_that_sends_everybody_to_https_keeps_the_host_header_with_its_port() -> None:
    headers = {":authority": "shop.test:80", ":path": "/x?q", ":scheme": "http", "x-forwarded-proto": "http"}
    assert to_https(headers) == (301, "https://shop.test:80/x?q")
    assert to_https(headers, 8443) == (301, "https://shop.test:8443/x?q"), "where 443 is on this machine"


@pytest.mark.parametrize(
    ("redirect", "status", "location"),
    [
        (RedirectAction(scheme_redirect="https"), 301, "https://shop.test/a/b?q"),
        (RedirectAction(port_redirect=8443), 301, "http://shop.test:8443/a/b?q"),
        (RedirectAction(host_redirect="new.test", response_code=RedirectAction.FOUND), 302, "http://new.test/a/b?q"),
        (RedirectAction(path_redirect="/n"), 301, "http://shop.test:80/n?q"),
        (RedirectAction(path_redirect="/n?own"), 301, "http://shop.test:80/n?own"),
        (RedirectAction(prefix_rewrite="/new"), 301, "http://shop.test:80/new/b?q"),
    ],
)
def test_a_redirect_keeps_what_it_does_not_change_but_for_a_port_that_would_be_wrong(
    redirect: RedirectAction, status: int, location: str
) -> None:
    headers = {":authority": "shop.test:80", ":path": "/a/b?q", ":scheme": "http", "x-forwarded-proto": "http"}
    route = Route(match=RouteMatch(prefix="/a"), redirect=redirect)
    assert redirected(route, headers) == (status, location)


def option(name: str, value: str, *, append: bool = False) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=APPEND if append else OVERWRITE)


def test_headers_are_removed_then_overwritten_then_appended_with_values_from_before() -> None:
    options = [
        option("x-a", "added", append=True),
        option("X-A", "set"),
        option("x-b", "%REQ(x-a)%-%REQ(X-GONE?:path)%-%REQ(x-a):2%-%%"),
        option("x-none", "%REQ(x-gone)%"),
        option("x-later", "%DOWNSTREAM_REMOTE_ADDRESS%", append=True),
    ]
    assert adjusted({"x-a": "old", "x-gone": "1", ":path": "/p"}, ["x-gone"], options) == {
        "x-a": "set,added",
        "x-b": "old-/p-ol-%",
        ":path": "/p",
        "x-later": "%DOWNSTREAM_REMOTE_ADDRESS%",
    }
