"""A program that knows no proxy, in a real `turnout up`: it finds a TCP service by Kubernetes' variables."""

from __future__ import annotations

import http.client
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e import manifests

if TYPE_CHECKING:
    from tests.e2e.site import Site

pytestmark = pytest.mark.e2e


def cache() -> list[manifests.Object]:
    """The same pods once more, as a service that speaks TCP; half of the connections go to each version."""
    service = manifests.service("app")
    service["metadata"]["name"] = "cache"
    service["spec"]["ports"] = [{"name": "redis", "port": 6379, "targetPort": "http"}]
    rule = manifests.destination_rule({"v1": "v1", "v2": "v2"}, app="cache")
    ways = [{"destination": {"host": "cache", "subset": subset}, "weight": 50} for subset in ("v1", "v2")]
    split: dict[str, Any] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "cache"},
        "spec": {"hosts": ["cache"], "tcp": [{"route": ways}]},
    }
    return [service, rule, split]


def ask(port: int) -> str:
    """Over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    body = connection.getresponse().read().decode()
    connection.close()
    return body


def test_a_tcp_service_is_found_by_its_variables_and_split_by_weight(site: Site) -> None:
    site.apply("cache.yaml", *cache())
    site.up()
    port = int(site.get("/env/CACHE_SERVICE_PORT").body)
    assert site.get("/env/CACHE_SERVICE_HOST").body == "127.0.0.1"
    answers = Counter(ask(port).strip() for _ in range(60))
    assert len(answers) == 2
    assert min(answers.values()) >= 10

    shifted = site.run("shift", "cache", "v2=100")
    assert shifted.out.startswith("default/cache tcp[0]: v1 50 → 0, v2 50 → 100\n"), shifted
    assert {ask(port).strip() for _ in range(10)} == {"v2"}
    [service] = [each for each in site.status()["services"] if each["name"] == "cache"]
    [weights] = [each["weights"] for each in service["routes"] if each["route"] == "tcp[0]"]
    assert weights == {"v1": "0", "v2": "100"}
