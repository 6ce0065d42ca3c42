"""`turnout explain`, of files: what it prints, and what it cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result
from tests.compiler.test_cases import BASE
from tests.e2e.certificates import pair, secret

from turnout.cli import root

VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
spec:
  hosts: [a, shop.test]
  gateways: [mesh, gw]
  http:
    - name: testers
      match:
        - headers: {end-user: {exact: jason}}
      route:
        - destination: {host: a, subset: v2}
    - name: api
      match:
        - uri: {prefix: /api}
      rewrite: {uri: /v2, authority: inner.test}
      timeout: 2s
      retries: {attempts: 1, perTryTimeout: 500ms, retryOn: 5xx}
      fault: {delay: {fixedDelay: 1s, percentage: {value: 5}}}
      mirror: {host: b}
      mirrorPercentage: {value: 10}
      headers:
        request: {set: {x-team: search}, remove: [x-gone]}
        response: {add: {x-by: a}}
      route:
        - destination: {host: a, subset: v1}
          weight: 90
        - destination: {host: a, subset: v3}
          weight: 10
    - match:
        - uri: {exact: /old}
      redirect: {uri: /new}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE.read_text())
    Path("a.yaml").write_text(VIRTUAL_SERVICE)


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["explain", *arguments, "."])


def test_every_step_of_a_request_is_told_with_its_line() -> None:
    result = explain("GET", "http://a/api/x?q=1", "-H", "End-User: ada", "-H", "x-gone: 1", "--from", "b")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "GET http://a/api/x?q=1, from default/b",
        "  host      a.default.svc.cluster.local:80, asked for as a",
        "  not       a.yaml:11  testers: the header end-user is jason",
        "            because the header end-user is ada: it would have to be jason",
        "  rule      a.yaml:16  api: the path begins with /api",
        "  fault     5 % wait for 1s first",
        "  goes      90 % to a.default.svc.cluster.local v1 port 80: a-v1-1",
        "            host a becomes inner.test",
        "            header x-gone removed",
        "            header x-team is search",
        "  goes      10 % to a.default.svc.cluster.local v3 port 80: 503 NC, there is no such host or subset",
        "            host a becomes inner.test",
        "            header x-gone removed",
        "            header x-team is search",
        "  path      /api/x?q=1 becomes /v2/x?q=1",
        "  timeout   2s",
        "  retries   1 at most, on 5xx, each try 0.5s at most",
        "  copies    10 % to b.default.svc.cluster.local port 80: b-1",
        "  answer    header x-by added: a",
    ]


def test_a_host_that_only_a_gateway_knows_is_asked_for_from_outside() -> None:
    lines = explain("GET", "http://shop.test:8080/old").stdout.splitlines()
    assert lines[0] == "GET http://shop.test:8080/old, from outside, through the gateway's port 80 (on 8080)"
    assert lines[-1] == "  answer    301 to http://shop.test:8080/new"


def test_a_service_without_rules_says_so() -> None:
    assert "  rule      none is written: everything goes to the service" in explain("GET", "http://b/").stdout


def test_what_nobody_answers_is_told_with_the_reason() -> None:
    assert explain("GET", "http://a/").stdout.splitlines()[-1] == "  answer    404: no rule matches"
    unknown = explain("GET", "http://nobody/", "--from", "app")
    assert (unknown.exit_code, unknown.stdout.splitlines()[-1]) == (
        0,
        "  answer    502: no service of this mesh has this name",
    )


def test_as_json_the_rule_has_its_object_and_its_place() -> None:
    found = json.loads(explain("GET", "http://a/api", "--json").stdout)
    assert found["rule"]["where"] == "a.yaml:16"
    assert found["rule"]["object"] == {
        "kind": "VirtualService",
        "namespace": "default",
        "name": "a",
        "path": "spec.http[1].match[0]",
    }
    assert [each["percent"] for each in found["destinations"]] == [90, 10]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["http://"], "'http://' is no URL", "such as http://reviews/api?q=1"),
        (["http://a/", "--from", "ap"], "no workload is called default/ap", "did you mean app?"),
        (["http://a:81/", "--gateway"], "no Gateway serves http://a:81", "Gateways listen on 80 (on 8080)"),
        (["https://a/", "--gateway"], "no Gateway serves https://a", "Gateways listen on 80 (on 8080)"),
    ],
)
def test_a_question_that_does_not_fit_is_a_mistake_with_a_hint(arguments: list[str], message: str, hint: str) -> None:
    result = explain("GET", *arguments)
    assert result.exit_code == 1
    assert (result.exception.message, result.exception.hint) == (message, hint)  # type: ignore[union-attr] # a TurnoutError


GATEWAY = """
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ["*.test"]
    tls: {mode: SIMPLE, credentialName: any}
  - port: {number: 443, name: https-shop, protocol: HTTPS}
    hosts: [shop.test]
    tls: {mode: SIMPLE, credentialName: shop}
"""


def test_of_servers_that_end_tls_the_one_for_the_name_is_asked() -> None:
    ca = trustme.CA()
    secrets = [secret(name, pair(ca.issue_cert(host))) for name, host in (("any", "*.test"), ("shop", "shop.test"))]
    base = BASE.read_text().partition("---\napiVersion: networking.istio.io/v1\nkind: Gateway")[0]
    Path("base.yaml").write_text(base + GATEWAY + "".join(secrets))
    told = explain("GET", "https://shop.test:8443/old").stdout.splitlines()
    assert told[0] == (
        "GET https://shop.test:8443/old, from outside, through the gateway's port 443 (on 8443), "
        "server default/gw/https-shop"
    )
    assert told[-1] == "  answer    301 to https://shop.test:8443/new"
    other = explain("GET", "https://other.test/", "--gateway").stdout.splitlines()
    assert other[0].endswith("server default/gw/https")
    assert other[-1].startswith("  answer    404: no VirtualService")


def test_tls_inside_the_mesh_goes_to_no_port_of_plain_http() -> None:
    assert explain("GET", "https://a:80/").stdout.splitlines()[-1] == (
        "  answer    none: the client speaks TLS, and the port plain HTTP"
    )


def test_what_is_outside_is_told_by_how_its_addresses_are_found() -> None:
    entry = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: %s}\nspec: {%s}\n---\n"
    ports = "ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}]"
    named = entry % ("named", f"hosts: [api.test], resolution: DNS, {ports}")
    asked = entry % ("asked", f"hosts: ['*.test'], resolution: NONE, {ports}")
    Path("entries.yaml").write_text(named + asked)
    assert "  goes      100 % to api.test port 80: named-1 (api.test:80)" in explain("GET", "http://api.test/").stdout
    assert "100 % to api.test port 443: named-1 (api.test:443)" in explain("GET", "https://api.test/").stdout
    assert "100 % to *.test port 80: the address that is asked for" in explain("GET", "http://x.test/").stdout


def test_files_with_errors_are_shown_and_nothing_is_told_of_them() -> None:
    Path("bad.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: X_}\n")
    result = explain("GET", "http://a/")
    assert result.exit_code == 1
    assert "bad.yaml:3" in result.stderr
    assert result.stdout == ""
