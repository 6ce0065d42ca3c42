"""Services, Deployments, ConfigMaps and Secrets that Kubernetes would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from tests.resources import samples
from tests.resources.samples import changed, codes, deployment, service


def _port(**port: Any) -> dict[str, Any]:
    return service(ports=[{"port": 80, **port}])


def _probe(**probe: Any) -> dict[str, Any]:
    return deployment(livenessProbe={"httpGet": {"port": 80}, **probe})


def _env(**variable: Any) -> dict[str, Any]:
    return deployment(env=[{"name": "A", **variable}])


def _selector(**selector: Any) -> dict[str, Any]:
    return changed(deployment(), ("spec", "selector"), selector)


def _data(kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **fields}


def _expression(operator: str, *values: str) -> dict[str, Any]:
    return _selector(matchExpressions=[{"key": "app", "operator": operator, "values": list(values)}])


VALID = {
    "a headless service without ports": service(ports=[], clusterIP="None"),
    "a service of another name": service(type="ExternalName", externalName="a.com", ports=[], selector=None),
    "ports of several protocols": service(
        ports=[{"port": 53, "name": "a"}, {"port": 53, "name": "b", "protocol": "UDP"}]
    ),
    "a named target": _port(targetPort="http"),
    "no replicas": changed(deployment(), ("spec", "replicas"), 0),
    "an expression": _expression("In", "reviews", "ratings"),
    "another expression": _expression("Exists"),
    "a probe of a kind that is not modelled": deployment(readinessProbe={"grpc": {"port": 80}}),
    "a variable from the pod": _env(valueFrom={"fieldRef": {"fieldPath": "metadata.name"}}),
    "a variable from a kind that is not modelled": _env(valueFrom={"resourceFieldRef": {"resource": "limits.cpu"}}),
    "an empty value": _data("ConfigMap", data={"A": None, "b.c": "x"}),
    "a secret": _data("Secret", data={"a": "aGk="}, stringData={"b": "x"}),
}

INVALID = {
    "a service of a name that starts with a digit": (changed(service(), ("metadata", "name"), "1a"), ["TNO101"]),
    "a service of a dotted name": (changed(service(), ("metadata", "name"), "a.b"), ["TNO101"]),
    "a bad namespace": (changed(service(), ("metadata", "namespace"), "A"), ["TNO101"]),
    "a bad label": (changed(service(), ("metadata", "labels"), {"a/b/c": "-"}), ["TNO102", "TNO102"]),
    "no ports": (service(ports=[]), ["TNO180"]),
    "no port number": (service(ports=[{"name": "http"}]), ["TNO014"]),
    "port 0": (_port(port=0), ["TNO104"]),
    "two ports of no name": (service(ports=[{"port": 1}, {"port": 2}]), ["TNO180", "TNO180"]),
    "two ports of one name": (service(ports=[{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]), ["TNO105"]),
    "two ports of one number": (service(ports=[{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]), ["TNO105"]),
    "http as protocol": (_port(protocol="HTTP"), ["TNO180"]),
    "a target in quotes": (_port(targetPort="8080"), ["TNO180"]),
    "a target out of range": (_port(targetPort=80800), ["TNO104"]),
    "an unknown type": (service(type="Cluster"), ["TNO015"]),
    "a type without name": (service(type="ExternalName", ports=[]), ["TNO180"]),
    "negative replicas": (changed(deployment(), ("spec", "replicas"), -1), ["TNO108"]),
    "no containers": (changed(deployment(), ("spec", "template", "spec", "containers"), []), ["TNO182"]),
    "no template": (changed(deployment(), ("spec", "template"), ...), ["TNO014"]),
    "no image": (deployment(image=""), ["TNO182"]),
    "a container of a bad name": (deployment(name="a_b"), ["TNO101"]),
    "no selector": (_selector(), ["TNO181"]),
    "a selector of other labels": (_selector(matchLabels={"app": "x"}), ["TNO181"]),
    "an expression that does not hold": (_expression("NotIn", "reviews"), ["TNO181"]),
    "a long port name": (deployment(ports=[{"containerPort": 80, "name": "a" * 16}]), ["TNO101"]),
    "a variable of no name": (deployment(env=[{"name": ""}]), ["TNO183"]),
    "value and source": (_env(value="x", valueFrom={"fieldRef": {"fieldPath": "a"}}), ["TNO183"]),
    "half a reference": (_env(valueFrom={"secretKeyRef": {"name": "a"}}), ["TNO183"]),
    "a probe of two kinds": (_probe(tcpSocket={"port": 80}), ["TNO184"]),
    "a probe that is never done": (_probe(periodSeconds=0), ["TNO184"]),
    "a liveness probe that has to succeed twice": (_probe(successThreshold=2), ["TNO184"]),
    "a probe of nothing": (deployment(readinessProbe={"exec": {}}), ["TNO184"]),
    "a key of spaces": (_data("ConfigMap", data={"a b": "c"}), ["TNO185"]),
    "a value that is a number": (_data("ConfigMap", data={"a": 1}), ["TNO013"]),
    "a secret in plain text": (_data("Secret", data={"a": "plain!"}), ["TNO185"]),
}


@pytest.mark.parametrize("name", VALID)
def test_what_kubernetes_takes_has_no_problem(name: str) -> None:
    assert [str(problem) for problem in samples.problems(VALID[name])] == []


@pytest.mark.parametrize("name", INVALID)
def test_what_kubernetes_refuses_is_refused_for_its_one_reason(name: str) -> None:
    obj, expected = INVALID[name]
    assert codes(obj) == expected
