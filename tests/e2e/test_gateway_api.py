"""Gateway API beside Istio's, through `turnout up`: two Gateways of one name, a saved file, what objects say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.e2e import manifests
from tests.e2e.site import Site, until
from tests.e2e.test_tcp import ask

from turnout.client import Client
from turnout.resources.kinds import GATEWAY, HTTP_ROUTE, KUBERNETES_GATEWAY, TCP_ROUTE
from turnout.web.draft import Copies
from turnout.web.route import Route, read, set_mirror, set_weights

pytestmark = pytest.mark.e2e

HOST = "new.test"


def kubernetes(kind: str, name: str, spec: dict[str, Any]) -> manifests.Object:
    api_version = HTTP_ROUTE.api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def route(backend: str) -> manifests.Object:
    rules = [{"backendRefs": [{"name": backend, "port": 80}]}]
    return kubernetes("HTTPRoute", "app", {"parentRefs": [{"name": "gateway"}], "hostnames": [HOST], "rules": rules})


def conditions(status: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


def test_both_kinds_of_gateway_serve_beside_each_other(site: Site) -> None:
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.test"}
    listeners = {"gatewayClassName": "istio", "listeners": [listener]}
    site.apply("listener.yaml", kubernetes("Gateway", "gateway", listeners))
    site.apply("http-route.yaml", route("app"))
    site.up()

    assert site.get().status == 200
    until("the new host is served", lambda: site.get(host=HOST).status == 200)
    with site.client() as client:
        old, new = client.get(GATEWAY, "default", "gateway"), client.get(KUBERNETES_GATEWAY, "default", "gateway")
        [parent] = client.get(HTTP_ROUTE, "default", "app")["status"]["parents"]
    assert (list(old["spec"]), conditions(new["status"])["Programmed"]) == (["servers"], "True")
    assert conditions(parent) == {"Accepted": "True", "ResolvedRefs": "True"}

    site.apply("http-route.yaml", route("nobody"))
    until("the saved route is in force", lambda: site.get(host=HOST).status == 500)
    assert site.get().status == 200
    [problem] = [each for each in site.status()["problems"] if each["code"] == "TNO331"]
    assert problem["where"].startswith("k8s/http-route.yaml:")


def versions(old: int, new: int) -> list[manifests.Object]:
    """A Service for each version, and an HTTPRoute that splits between them."""
    services = []
    for version in ("v1", "v2"):
        service = manifests.service("app")
        service["metadata"]["name"] = f"app-{version}"
        service["spec"]["selector"] = {"app": "app", "version": version}
        services.append(service)
    split = route("app-v1")
    split["spec"]["rules"][0]["backendRefs"] = [
        {"name": "app-v1", "port": 80, "weight": old},
        {"name": "app-v2", "port": 80, "weight": new},
    ]
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.test"}
    gateway = kubernetes("Gateway", "gateway", {"gatewayClassName": "istio", "listeners": [listener]})
    return [*services, gateway, split]


def test_an_http_route_is_shifted_mirrored_written_and_taken_back(site: Site) -> None:
    file = site.apply("split.yaml", *versions(100, 0))
    site.up()
    until("the route is served", lambda: site.get(host=HOST).status == 200)
    assert {site.get(host=HOST).body for _ in range(10)} == {"v1"}

    shifted = site.run("shift", "app-v1", "app-v2=100", "--write")
    assert shifted.status == 0, shifted
    assert shifted.out.startswith("default/app rules[0]: app-v1 100 → 0, app-v2 0 → 100\nacknowledged by Envoy in")
    assert {site.get(host=HOST).body for _ in range(10)} == {"v2"}
    assert '"weight": 0' in file.read_text()

    mirrored = site.run("mirror", "app-v1", "--to", "app-v1", "--methods", "GET")
    assert mirrored.out.startswith("default/app rules[0]: mirror off → 100 % of GET to app-v1\n"), mirrored
    assert {site.get(host=HOST).body for _ in range(5)} == {"v2"}
    site.until_status("the copies are counted", lambda status: sum(each["sent"] for each in status["mirrors"]) == 5)

    assert site.run("undo").status == 0
    assert site.run("undo").status == 0
    assert {site.get(host=HOST).body for _ in range(10)} == {"v1"}

    with site.client() as client:
        [shown] = [owner for owner in client.view("routes") if owner["kind"] == "HTTPRoute"]
        assert (shown["hosts"], shown["gateways"]) == ([HOST], ["gateway"])
        assert shown["routes"][0]["then"] == "all to app-v1 port 80"
        assert shown["routes"][0]["where"].startswith("k8s/split.yaml:")
        assert set_weights(client, rule_of(client), [Decimal(0), Decimal(100)]).acknowledged
        copies = Copies((rule_of(client).shares[0].host, ""), Decimal(10))
        assert set_mirror(client, rule_of(client), copies).acknowledged
        assert set_mirror(client, rule_of(client), Copies()).acknowledged
    assert {site.get(host=HOST).body for _ in range(10)} == {"v2"}


def rule_of(client: Client) -> Route:
    (rule,) = read(next(owner for owner in client.view("routes") if owner["kind"] == "HTTPRoute"))
    return rule


def test_a_tcp_route_is_served_and_shifted(site: Site) -> None:
    *services, _, _ = versions(0, 0)
    listener = {"name": "db", "port": 5432, "protocol": "TCP"}
    gateway = kubernetes("Gateway", "connections", {"gatewayClassName": "istio", "listeners": [listener]})
    backends = [{"name": "app-v1", "port": 80}, {"name": "app-v2", "port": 80, "weight": 0}]
    route = kubernetes(
        "TCPRoute", "app", {"parentRefs": [{"name": "connections"}], "rules": [{"backendRefs": backends}]}
    )
    route["apiVersion"] = TCP_ROUTE.api_version
    site.apply("connections.yaml", *services, gateway, route)
    site.up()
    [port] = [each["listens"] for each in site.status()["gateways"] if each["port"] == 5432]
    assert {ask(port).strip() for _ in range(5)} == {"v1"}
    shifted = site.run("shift", "app-v1", "app-v2=100")
    assert shifted.out.startswith("default/app rules[0]: app-v1 100 → 0, app-v2 0 → 100\nacknowledged by Envoy in"), (
        shifted
    )
    assert {ask(port).strip() for _ in range(5)} == {"v2"}
    assert site.run("undo").status == 0
    assert {ask(port).strip() for _ in range(5)} == {"v1"}
