"""From objects to resources: their shape, and what is said about a wrong one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.resources import samples

from turnout.problem import ObjectPath, Place, Severity
from turnout.resources import kinds
from turnout.resources.core import Deployment, Service
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.interpret import interpret
from turnout.resources.reader import read
from turnout.resources.virtual_service import VirtualService


def test_a_good_object_becomes_its_resource() -> None:
    found = interpret(samples.virtual_service(timeout="1.5s"))
    assert found.kind is kinds.VIRTUAL_SERVICE
    assert isinstance(found.resource, VirtualService)
    assert found.resource.spec.http[0].timeout == timedelta(seconds=1.5)
    assert found.problems == []


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_all_versions_of_a_kind_are_read(version: str) -> None:
    obj = {**samples.virtual_service(), "apiVersion": f"networking.istio.io/{version}"}
    assert interpret(obj).resource is not None


def test_protobufs_own_field_names_are_read_too() -> None:
    obj = samples.destination_rule(outlier_detection={"consecutive_5xx_errors": "3", "base_ejection_time": "1m30s"})
    obj["spec"]["traffic_policy"] = obj["spec"].pop("trafficPolicy")
    resource = interpret(obj).resource
    assert isinstance(resource, DestinationRule)
    assert resource.spec.traffic_policy is not None
    outliers = resource.spec.traffic_policy.outlier_detection
    assert outliers is not None
    assert (outliers.consecutive_5xx_errors, outliers.base_ejection_time) == (3, timedelta(seconds=90))


def test_names_that_kubernetes_writes_in_its_own_way() -> None:
    resource = interpret(samples.service(clusterIP="None", ports=[{"port": 80, "targetPort": "http"}])).resource
    assert isinstance(resource, Service)
    assert (resource.spec.cluster_ip, resource.spec.ports[0].target_port) == ("None", "http")


def test_fields_of_kubernetes_that_are_not_modelled_pass_in_silence() -> None:
    obj = samples.deployment(resources={"limits": {"cpu": "1"}}, imagePullPolicy="Always", volumeMounts=[])
    obj["spec"]["template"]["spec"] |= {"initContainers": [], "serviceAccount": "x", "restartPolicy": "Always"}
    obj["spec"]["strategy"] = {"type": "RollingUpdate"}
    obj["metadata"] |= {"uid": "1", "managedFields": [], "deletionTimestamp": None}
    found = interpret({**obj, "status": {"replicas": 1}})
    assert isinstance(found.resource, Deployment)
    assert found.problems == []


def test_null_is_the_same_as_leaving_a_field_out() -> None:
    assert samples.codes(samples.virtual_service(timeout=None, match=None)) == []
    assert samples.codes(samples.changed(samples.virtual_service(), ("spec", "gateways"), None)) == []


def test_without_a_file_a_problem_is_at_object_and_field() -> None:
    [problem] = samples.problems(samples.virtual_service(timeout="0s"))
    assert problem.where == ObjectPath("VirtualService", "default", "reviews", "spec.http[0].timeout")


def test_with_a_file_a_problem_is_at_line_and_column() -> None:
    text = (
        "kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec:\n  ports:\n  - name: b\n    port: 0\n  - port: 80\n"
    )
    [document], _ = read(text, "s.yaml")
    places = [problem.where for problem in interpret(document.data, document).problems]
    assert places == [Place("s.yaml", 7, 5), Place("s.yaml", 8, 5)]


def test_an_unknown_kind_is_a_warning_and_leaves_the_object_out() -> None:
    found = interpret({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}})
    assert (found.kind, found.resource) == (None, None)
    assert [p.severity for p in found.problems] == [Severity.WARNING]


def test_a_resource_with_a_warning_is_still_a_resource() -> None:
    obj = samples.changed(samples.virtual_service(), ("spec", "gateways"), ["gw.infra"])
    found = interpret(obj)
    assert [p.code for p in found.problems] == ["TNO130"]
    assert found.resource is not None


def test_a_wrong_shape_is_not_reported_a_second_time_as_a_wrong_meaning() -> None:
    obj = samples.virtual_service(route=[{"destination": {"host": "a"}, "wieght": 1}, {"destination": {"host": "b"}}])
    assert samples.codes(obj) == ["TNO012"]


def test_the_number_of_findings_is_bounded() -> None:
    codes = samples.codes(samples.virtual_service(**{f"unknown{i}": 1 for i in range(500)}))
    assert len(codes) == 101
    assert codes[-1] == "TNO020"


HEAD = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\n"
POD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: b}}, template: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{HEAD}spec: {{host: a}}",
            'f.yaml:4:8: error: unknown field "host" in `spec` [TNO012]\n  hint: did you mean `hosts`?',
        ),
        (
            f"{HEAD}spec: {{http: [{{route: [{{subset: v1}}]}}]}}",
            'f.yaml:4:25: error: unknown field "subset" in `route` [TNO012]\n'
            "  hint: `subset` belongs under `destination`",
        ),
        (
            f"{HEAD}spec: {{http: [{{match: [{{uri: {{zzz: 1}}}}]}}]}}",
            'f.yaml:4:31: error: unknown field "zzz" in `uri` [TNO012]\n  hint: known here: exact, prefix, regex',
        ),
        (
            f"{HEAD}spec: {{http: {{route: []}}}}",
            "f.yaml:4:8: error: expected a list, not a mapping [TNO013]\n  hint: start each item with `- `",
        ),
        (
            f"{HEAD}spec: [{{hosts: []}}]",
            "f.yaml:4:1: error: expected a mapping, not a list [TNO013]\n"
            "  hint: remove the `- `: this is one mapping, not a list",
        ),
        (
            f"{HEAD}spec: {{http: [{{mirrorPercentage: 10}}]}}",
            "f.yaml:4:16: error: expected a mapping, not the number 10 [TNO013]\n  hint: write `value: 10` below it",
        ),
        (
            f"{HEAD}spec: {{http: [{{match: [{{uri: /a}}]}}]}}",
            'f.yaml:4:25: error: expected a mapping, not the text "/a" [TNO013]\n'
            "  hint: say which: `exact: /a`, or one of prefix, regex",
        ),
        (
            f"{HEAD}spec: {{http: [{{timeout: 5}}]}}",
            "f.yaml:4:16: error: expected a duration, not the number 5 [TNO017]\n  hint: write a unit: 5s, or 5ms",
        ),
        (
            f"{HEAD}spec: {{http: [{{timeout: 5 s}}]}}",
            'f.yaml:4:16: error: expected a duration, not the text "5 s" [TNO017]\n'
            "  hint: write a number with a unit, such as 500ms, 2s, 1m or 1m30s",
        ),
        (
            f"{HEAD}spec: {{http: [{{match: [{{uri: {{exact: /, prefix: /}}}}]}}]}}",
            "f.yaml:4:41: error: only one of `exact`, `prefix` may be set [TNO018]\n  hint: remove the others",
        ),
        (
            f"{HEAD}spec: {{http: [{{match: [{{headers: {{a: }}}}]}}]}}",
            'f.yaml:4:35: error: "a" cannot be null [TNO013]',
        ),
        (
            f"{HEAD}spec: {{http: [null]}}",
            "f.yaml:4:15: error: an item of a list cannot be null [TNO013]\n  hint: remove the empty `- `",
        ),
        (
            HEAD.replace("name: a", "name: a, labels: {v: 1}") + "spec: {hosts: [a], tcp: [{route: []}]}",
            'f.yaml:3:30: error: expected text, not the number 1 [TNO013]\n  hint: put it in quotes: "1"',
        ),
        (
            f"{POD}{{spec: {{containers: [{{name: a, image: b, env: [{{name: X, value: yes}}]}}]}}}}}}",
            "f.yaml:4:108: error: expected text, not true [TNO013]\n"
            "  hint: put it in quotes: YAML reads y, yes, on, true, n, no, off, false as booleans",
        ),
        (
            f'{POD}{{spec: {{containers: [{{name: a, image: b, ports: [{{containerPort: "80"}}]}}]}}}}}}',
            'f.yaml:4:101: error: expected a whole number, not the text "80" [TNO013]\n  hint: write it without quotes',
        ),
        (
            f"{POD}{{spec: {{containers: [{{image: b}}]}}}}}}",
            "f.yaml:4:72: error: `name` is missing [TNO014]",
        ),
        (
            f"{POD}{{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: a, image: b}}]}}}}, replica: 2}}",
            'f.yaml:4:124: warning: unknown field "replica" is ignored [TNO019]\n  hint: did you mean `replicas`?',
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 99999999999999999999999}]}",
            "f.yaml:4:17: error: 1e+23 is out of range [TNO016]",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"
            "spec: {host: a, trafficPolicy: {loadBalancer: {simple: ROUNDROBIN}}}",
            'f.yaml:4:48: error: the text "ROUNDROBIN" is none of UNSPECIFIED, LEAST_CONN, RANDOM, PASSTHROUGH, '
            "ROUND_ROBIN, LEAST_REQUEST [TNO015]\n  hint: did you mean ROUND_ROBIN?",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: Virtualservice\n",
            'f.yaml:2:1: warning: kind "Virtualservice" of "networking.istio.io/v1" is not known and is left out '
            "[TNO011]\n  hint: did you mean VirtualService?",
        ),
        (
            "apiVersion: networking.istio.io/v2\nkind: Gateway\n",
            'f.yaml:1:1: warning: Gateway has no apiVersion "networking.istio.io/v2" [TNO011]\n'
            "  hint: known: networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3",
        ),
        (
            "apiversion: v1\nkind: Service\n",
            "f.yaml:1:1: error: `apiVersion` is missing [TNO010]\n  hint: is `apiversion` meant to be `apiVersion`?",
        ),
        (
            "apiVersion: 1\nkind: Service\n",
            "f.yaml:1:1: error: expected text, not 1 [TNO013]",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata:\n",
            "f.yaml:1:1: error: `metadata` is missing [TNO014]",
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {labels: {}}\n",
            "f.yaml:3:1: error: `name` is missing in `metadata` [TNO014]\n  hint: every object has a name",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_helps(text: str, expected: str) -> None:
    assert samples.in_file(text) == [expected]


@pytest.mark.parametrize("obj", [{}, {"kind": None}, {"apiVersion": [], "kind": {}}, {"apiVersion": "v1", "kind": 3}])
def test_anything_without_a_type_is_an_error(obj: dict[str, Any]) -> None:
    found = interpret(obj)
    assert found.resource is None
    assert found.problems
