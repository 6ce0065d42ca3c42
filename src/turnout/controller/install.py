"""What a cluster needs for rollouts, as objects: the kind, who may do what, and the controller's Deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from turnout import __version__
from turnout.controller import election
from turnout.controller.schema import schema
from turnout.resources.checks.rollout import MOST_GUARDS, MOST_HOOKS, MOST_STEPS
from turnout.resources.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    LEASE,
    RBAC,
    ROLE,
    ROLE_BINDING,
    ROLLOUT,
    SERVICE_ACCOUNT,
    Kind,
)
from turnout.resources.rollout import RolloutSpec

Object = dict[str, Any]

NAME: Final = "turnout-controller"
LABELS: Final = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "turnout"}
USER: Final = 65532
"""`nonroot`, as images without a shell call it."""
COLUMNS: Final = (
    ("Service", "string", ".spec.service", 0),
    ("From", "string", ".spec.from", 0),
    ("To", "string", ".spec.to", 0),
    ("Phase", "string", ".status.phase", 0),
    ("Step", "integer", ".status.step", 0),
    ("Why", "string", ".status.why", 1),
    ("Age", "date", ".metadata.creationTimestamp", 0),
)
"""Name, type, where it is found, and priority: `kubectl get -o wide` shows those of 1 too."""


@dataclass(frozen=True, slots=True)
class Choices:
    """`namespace`: where the controller runs, and whose rollouts it moves unless it is `everywhere`.

    `in_config_maps`: where rollouts are kept on a cluster that may not get a new kind.
    """

    namespace: str
    everywhere: bool = False
    in_config_maps: bool = False
    prometheus: str = "http://prometheus.istio-system:9090"
    image: str = f"turnout:{__version__}"


def objects(choices: Choices) -> list[Object]:
    """In the order in which they are applied."""
    kinds = [] if choices.in_config_maps else [definition()]
    return [*kinds, _account(choices), *_rights(choices), _deployment(choices)]


def definition() -> Object:
    """Of the kind Rollout."""
    names = {
        "kind": ROLLOUT.kind,
        "listKind": f"{ROLLOUT.kind}List",
        "plural": ROLLOUT.plural,
        "singular": ROLLOUT.kind.lower(),
        "shortNames": list(ROLLOUT.short_names),
    }
    version = {
        "name": ROLLOUT.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(*each) for each in COLUMNS],
        "schema": {"openAPIV3Schema": _schema()},
    }
    spec = {"group": ROLLOUT.group, "names": names, "scope": "Namespaced", "versions": [version]}
    return _object(CUSTOM_RESOURCE_DEFINITION, "", f"{ROLLOUT.plural}.{ROLLOUT.group}", spec=spec)


def rules(*, in_config_maps: bool, everywhere: bool) -> list[Object]:
    """All that the controller may do, and nothing that it does not: a test has it work under them, and uses each."""
    return list(_rules(in_config_maps, everywhere))


def _rules(in_config_maps: bool, everywhere: bool) -> Iterator[Object]:
    if in_config_maps:
        yield _rule("", "configmaps", "get", "list", "patch")
    else:
        yield _rule(ROLLOUT.group, ROLLOUT.plural, "get", "list", "patch")
        yield _rule(ROLLOUT.group, f"{ROLLOUT.plural}/status", "patch")
    yield _rule("networking.istio.io", "virtualservices", "list", "patch")
    yield _rule("networking.istio.io", "destinationrules", "list")
    yield _rule("", "services", "get")
    yield _rule("", "pods", "list")
    if everywhere:
        yield _rule(LEASE.group, LEASE.plural, "list")


def lease_rules(name: str) -> list[Object]:
    """By name but for its creation, which Kubernetes cannot tell by name."""
    return [
        _rule(LEASE.group, LEASE.plural, "create"),
        {**_rule(LEASE.group, LEASE.plural, "get", "update"), "resourceNames": [name]},
    ]


def _rule(group: str, resource: str, *verbs: str) -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def _column(name: str, type_: str, path: str, priority: int) -> Object:
    column = {"name": name, "type": type_, "jsonPath": path}
    return {**column, "priority": priority} if priority else column


def _schema() -> Object:
    spec = schema(RolloutSpec)
    for name, most in (("steps", MOST_STEPS), ("guards", MOST_GUARDS), ("hooks", MOST_HOOKS)):
        spec["properties"][name]["maxItems"] = most
    spec["properties"]["steps"]["minItems"] = 1
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "type": "object",
        "description": "How one version of a service takes over from another, and what has to hold meanwhile.",
        "properties": {"spec": spec, "status": status},
        "required": ["spec"],
    }


def _account(choices: Choices) -> Object:
    return _object(SERVICE_ACCOUNT, choices.namespace, NAME)


def _rights(choices: Choices) -> Iterator[Object]:
    """In its own namespace; in all, but for the Lease, if it is to act in all."""
    own = rules(in_config_maps=choices.in_config_maps, everywhere=choices.everywhere)
    lease = lease_rules(election.EVERYWHERE if choices.everywhere else election.NAME)
    if choices.everywhere:
        yield _object(CLUSTER_ROLE, "", NAME, rules=own)
        yield _bound(CLUSTER_ROLE_BINDING, "", CLUSTER_ROLE, choices.namespace)
        own = []
    yield _object(ROLE, choices.namespace, NAME, rules=[*own, *lease])
    yield _bound(ROLE_BINDING, choices.namespace, ROLE, choices.namespace)


def _bound(kind: Kind, namespace: str, role: Kind, of: str) -> Object:
    return _object(
        kind,
        namespace,
        NAME,
        roleRef={"apiGroup": RBAC, "kind": role.kind, "name": NAME},
        subjects=[{"kind": SERVICE_ACCOUNT.kind, "name": NAME, "namespace": of}],
    )


def arguments(choices: Choices) -> Sequence[str]:
    """What the controller is started with."""
    where = ["--all-namespaces"] if choices.everywhere else ["--namespace", choices.namespace]
    kept = ["--config-maps"] if choices.in_config_maps else []
    return ["controller", *where, *kept, "--prometheus", choices.prometheus, "--every", "15s"]


def _deployment(choices: Choices) -> Object:
    container = {
        "name": "controller",
        "image": choices.image,
        "args": list(arguments(choices)),
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    pod = {
        "serviceAccountName": NAME,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
        "template": {"metadata": {"labels": LABELS}, "spec": pod},
    }
    return _object(DEPLOYMENT, choices.namespace, NAME, spec=spec)


def _object(kind: Kind, namespace: str, name: str, **fields: Any) -> Object:
    where: Mapping[str, str] = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, **where, "labels": LABELS}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields}
