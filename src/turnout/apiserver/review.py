"""Who am I, and what may I do: what `kubectl auth whoami` and `kubectl auth can-i` ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.apiserver.discovery import verbs
from turnout.apiserver.status import bad_request
from turnout.resources.kinds import KINDS, Kind

USER = {"username": "turnout", "groups": ["system:masters", "system:authenticated"]}
"""Whoever knows the token: there is one user, who may do everything that can be done."""


def review(kind: str, body: Any) -> dict[str, Any]:
    """The object that was asked with, and its answer. Raises StatusError 400."""
    if not isinstance(body, Mapping) or not isinstance(body.get("spec") or {}, Mapping):
        raise bad_request(f"the body must be a {kind}")
    return {**body, "metadata": {"creationTimestamp": None}, "status": _ANSWERS[kind](body.get("spec") or {})}


def _identity(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"userInfo": USER}


def _access(spec: Mapping[str, Any]) -> dict[str, Any]:
    asked = spec.get("resourceAttributes")
    if not isinstance(asked, Mapping):
        return {"allowed": True}
    kind = _named(asked)
    if kind is None or asked.get("subresource") or asked.get("verb") in (*verbs(kind), "*"):
        return {"allowed": True}
    return {"allowed": False, "reason": refusal(kind)}


def _rules(spec: Mapping[str, Any]) -> dict[str, Any]:
    every = ["*"]
    return {
        "resourceRules": [{"verbs": every, "apiGroups": every, "resources": every}],
        "nonResourceRules": [{"verbs": every, "nonResourceURLs": every}],
        "incomplete": False,
    }


_ANSWERS = {
    "SelfSubjectReview": _identity,
    "SelfSubjectAccessReview": _access,
    "SelfSubjectRulesReview": _rules,
}


def _named(asked: Mapping[str, Any]) -> Kind | None:
    wanted = (asked.get("group") or "", asked.get("resource"))
    return next((kind for kind in KINDS if (kind.group, kind.plural) == wanted), None)


def refusal(kind: Kind) -> str:
    """Why objects of a kind cannot be written."""
    return f"Turnout writes {kind.kind} objects itself, to say what runs: create or change a Deployment or a Service"
