"""A ReplicaSet for each version of a Deployment's template: what `kubectl rollout history` and `undo` go by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from turnout.workloads.replicas import ALPHABET

JSONObject = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
OURS = "turnout.dev/"
NOT_COPIED = frozenset(
    (
        REVISION,
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deployment.kubernetes.io/revision-history",
        "kubectl.kubernetes.io/last-applied-configuration",
    )
)
"""Annotations that are the Deployment's or the ReplicaSet's own: `kubectl rollout undo` takes the others back."""
KEPT_REVISIONS = 10
"""Kubernetes' `revisionHistoryLimit`."""


def template_hash(deployment: Mapping[str, Any]) -> str:
    """Ten letters that tell one template from another, the same after a restart."""
    text = json.dumps(_meant(deployment["spec"].get("template", {})), sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    letters = []
    for _ in range(10):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)


def _meant(value: Any) -> Any:
    """Without what is empty: Go's clients write `resources: {}` and `creationTimestamp: null` into what they send."""
    if isinstance(value, Mapping):
        return {key: found for key, item in value.items() if (found := _meant(item)) not in (None, "", {}, [])}
    return [_meant(item) for item in value] if isinstance(value, list) else value


def revision(obj: Mapping[str, Any]) -> int:
    """0: none is known."""
    text = str((obj["metadata"].get("annotations") or {}).get(REVISION, ""))
    return int(text) if text.isdecimal() else 0


def owner(obj: Mapping[str, Any]) -> JSONObject:
    """A reference to `obj` as the one that others belong to."""
    named = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"]}
    return {**named, "uid": obj["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def owned_by(obj: Mapping[str, Any], uid: str) -> bool:
    return any(reference.get("uid") == uid for reference in obj["metadata"].get("ownerReferences") or ())


def present(deployment: Mapping[str, Any], own: Sequence[Mapping[str, Any]]) -> JSONObject:
    """The ReplicaSet of the present template; the newest revision is its. `own`: all that the Deployment has."""
    meta, digest = deployment["metadata"], template_hash(deployment)
    name = f"{meta['name']}-{digest}"
    known = next((one for one in own if one["metadata"]["name"] == name), None)
    newest = max((revision(one) for one in own), default=0)
    number = newest if known is not None and revision(known) == newest else newest + 1
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in NOT_COPIED}
    template = deployment["spec"].get("template") or {}
    labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH: digest}
    selector = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
    replicas = wanted(deployment)
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {
                **annotations,
                "deployment.kubernetes.io/desired-replicas": str(replicas),
                REVISION: str(number),
            },
            "ownerReferences": [owner(deployment)],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {**selector, HASH: digest}},
            "template": {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}},
        },
    }


def past(one: Mapping[str, Any], deployment: Mapping[str, Any], pods: int) -> JSONObject:
    """A ReplicaSet of an earlier template, which has `pods`.

    What Turnout keeps for itself in annotations follows the Deployment: `undo` takes all annotations from here, and
    must not make the Deployment forget which file it came from.
    """
    ours = {k: v for k, v in (deployment["metadata"].get("annotations") or {}).items() if k.startswith(OURS)}
    theirs = {k: v for k, v in (one["metadata"].get("annotations") or {}).items() if not k.startswith(OURS)}
    metadata = {**one["metadata"], "annotations": {**theirs, **ours}}
    return {**one, "metadata": metadata, "spec": {**one["spec"], "replicas": pods}}


def forgotten(own: Iterable[Mapping[str, Any]], pods: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """Those beyond the history's limit that have no pod; `pods` by name of the ReplicaSet, the present one left out."""
    idle = sorted((one for one in own if not pods.get(one["metadata"]["name"])), key=revision, reverse=True)
    return idle[KEPT_REVISIONS:]


def wanted(deployment: Mapping[str, Any]) -> int:
    replicas = deployment["spec"].get("replicas")
    return replicas if isinstance(replicas, int) else 1


def status(generation: int, pods: int, ready: int, available: int) -> JSONObject:
    return {
        "replicas": pods,
        "fullyLabeledReplicas": pods,
        "readyReplicas": ready,
        "availableReplicas": available,
        "observedGeneration": generation,
    }
