"""What a rollout can be on a cluster, and who else writes there: Istio moves the traffic, and only the API is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from turnout.error import TurnoutError
from turnout.rollout.intent import Intent

MANAGER: Final = "turnout-controller"
"""The engine's field manager: whoever looks at `managedFields` sees what it wrote, and it what others did."""


def require_cluster(intent: Intent) -> None:
    """Raises TurnoutError for what only a machine's own Envoy can do, or must not be done for others here."""
    if refusal := next(_refusals(intent), None):
        raise TurnoutError(*refusal)


def _refusals(intent: Intent) -> Iterator[tuple[str, str]]:
    """Messages with their hints."""
    if any(stage.kind == "compare" for stage in intent.plan.steps):
        reason = "answers are compared where Turnout's own Envoy taps them, and Istio's proxies are not tapped"
        yield f"a step `compare` is not for clusters: {reason}", "use `mirror`, which judges copies by errors and time"
    if intent.sticky:
        reason = "Istio draws the version anew for each request"
        yield f"`sticky` is not for clusters: {reason}", "a step `users` sends a group by its header"
    if intent.max_user_impact is not None:
        reason = "how many calls a user request makes is not among Istio's metrics"
        yield f"`maxUserImpact` is not for clusters: {reason}", "choose the weights by what `turnout graph` shows"
    if intent.versions.route is not None:
        reason = "Istio's metrics do not tell one route from another"
        yield f"`route` is not for clusters: {reason}", "give the route a service of its own"
    if any(hook.exec for hook in intent.hooks):
        reason = "it would run with the controller's rights, for whoever may write a Rollout"
        yield f"a hook `exec` is not for clusters: {reason}", "use a `webhook`"
    if any(hook.secret_file for hook in intent.hooks):
        reason = "it would be read from among the controller's own files"
        yield f"a webhook's `secretFile` is not for clusters: {reason}", "check who calls by the network"


def writer(objects: Sequence[Mapping[str, Any]]) -> str | None:
    """Who wrote last to any of these objects' specs, besides us: `managedFields` tell. None where they do not."""
    entries = [
        (str(entry.get("time", "")), entry)
        for obj in objects
        for entry in obj["metadata"].get("managedFields") or ()
        if entry.get("manager") != MANAGER and "f:spec" in (entry.get("fieldsV1") or {})
    ]
    if not entries:
        return None
    at, entry = max(entries, key=lambda each: each[0])
    how = "which applied its objects" if entry.get("operation") == "Apply" else "which wrote to the object"
    return f"{entry.get('manager') or 'somebody'}, {how} at {at}"
