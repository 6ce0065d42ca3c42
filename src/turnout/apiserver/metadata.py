"""What of an object is the server's to say: identity, times, generation, versions."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from turnout.apiserver.status import Cause, StatusError, bad_request, conflict, forbidden, invalid
from turnout.resources.kinds import NAMESPACE, Kind

MAX_BYTES = 3 << 20
MAX_DEPTH = 64
"""Deeper than any real object by far, and shallow enough for every recursion that meets it."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
NAME_RULE = "a lowercase RFC 1123 subdomain: letters, digits, '-' and '.', at most 253 characters"

Key = tuple[str, str]
"""Namespace ("" where the kind has none) and name."""


def normalized(kind: Kind, obj: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in the preferred API version, with a checked name and a namespace. Raises StatusError (400, 413, 422)."""
    copy = plain(obj)
    api_version, named = copy.pop("apiVersion", kind.api_version), copy.pop("kind", kind.kind)
    if named != kind.kind or api_version not in api_versions(kind):
        raise bad_request(f"the object is a {named} of {api_version}, not a {kind.kind} of {kind.api_version}")
    metadata = copy.pop("metadata", None)
    if not isinstance(metadata, dict):
        raise invalid(kind, "", [Cause("FieldValueRequired", "is required", "metadata.name")])
    metadata = {key: value for key, value in metadata.items() if value is not None}
    if "generateName" in metadata and not metadata.get("name"):
        metadata["name"] = f"{metadata['generateName']}{secrets.token_hex(3)}"
    if not kind.namespaced:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = "default"
    _check(kind, metadata)
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **copy}


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that JSON can carry. Raises StatusError for what it cannot, or what is too deep or too large."""
    if depth_exceeds(value, MAX_DEPTH):
        raise bad_request(f"nested deeper than {MAX_DEPTH} levels")
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise bad_request(f"not a JSON object: {error}") from error
    if len(text) > MAX_BYTES:
        raise StatusError(413, "RequestEntityTooLarge", f"an object may have {MAX_BYTES} bytes")
    copy: dict[str, Any] = json.loads(text)
    return copy


def depth_exceeds(value: Any, limit: int) -> bool:
    """Whether lists and maps nest deeper than `limit`; itself without recursion."""
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterator[Any]:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return (item for item in items if isinstance(item, Mapping | list | tuple))


def api_versions(kind: Kind) -> list[str]:
    """Every `apiVersion` under which the kind is read."""
    return [f"{kind.group}/{version}" if kind.group else version for version in kind.versions]


def key_of(obj: Mapping[str, Any]) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def stamped(obj: dict[str, Any], uid: str, now: datetime) -> dict[str, Any]:
    """A new object: its status, like its identity, is not for the writer to say."""
    server = {"uid": uid, "creationTimestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "generation": 1}
    metadata = {**obj["metadata"], **server}
    for field in ("resourceVersion", "managedFields", "selfLink", *DELETION):
        metadata.pop(field, None)
    new = {key: value for key, value in {**obj, "metadata": metadata}.items() if key != "status"}
    return {**new, "status": {"phase": "Active"}} if obj["kind"] == NAMESPACE.kind else new


DELETION = ("deletionTimestamp", "deletionGracePeriodSeconds")
"""Set by a delete alone, and never taken back."""


def updated(kind: Kind, live: Mapping[str, Any], obj: dict[str, Any]) -> dict[str, Any]:
    """`obj` in `live`'s place: what is the server's is kept, a new content counts a new generation.

    Raises StatusError: 409 when `obj` was made from another version than `live`, 400 when it is another object, 403
    when it shall be deleted and yet gets finalizers.
    """
    old, new = live["metadata"], obj["metadata"]
    if key_of(obj) != key_of(live):
        raise bad_request(f"the name of the object ({'/'.join(key_of(obj))}) does not match {'/'.join(key_of(live))}")
    if new.get("resourceVersion", "") not in ("", old["resourceVersion"]):
        raise conflict(kind, old["name"])
    if new.get("uid", "") not in ("", old["uid"]):
        raise conflict(kind, old["name"], f"Precondition failed: UID in precondition: {new['uid']}")
    if "deletionTimestamp" in old and set(new.get("finalizers", ())) - set(old.get("finalizers", ())):
        raise forbidden(kind, old["name"], "no new finalizers can be added if the object is being deleted")
    own = ("uid", "creationTimestamp", "generation", "resourceVersion", "managedFields", *DELETION)
    kept = {field: old[field] for field in own if field in old}
    result = {**obj, "metadata": {**{key: value for key, value in new.items() if key not in own}, **kept}}
    result.pop("status", None)
    if "status" in live:
        result["status"] = live["status"]
    if content(result) != content(live):
        result["metadata"]["generation"] += 1
    return result


def content(obj: Mapping[str, Any]) -> dict[str, Any]:
    """What the writer wants: all but metadata and status."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _check(kind: Kind, metadata: Mapping[str, Any]) -> None:
    name, namespace = metadata.get("name"), metadata.get("namespace", "default")
    causes = []
    if not name:
        causes.append(Cause("FieldValueRequired", "name or generateName is required", "metadata.name"))
    elif not valid_name(name):
        causes.append(Cause("FieldValueInvalid", f"must be {NAME_RULE}", "metadata.name"))
    if not valid_name(namespace) or "." in namespace or len(namespace) > 63:
        causes.append(Cause("FieldValueInvalid", "must be a lowercase RFC 1123 label", "metadata.namespace"))
    wrong = [(field, "must map texts to texts") for field in ("labels", "annotations") if not _texts(metadata, field)]
    wrong += [(field, rule) for field, rule in LISTS.items() if not _list(metadata, field)]
    wrong += [(field, "must be a text") for field in ("resourceVersion", "uid") if not _text(metadata, field)]
    causes += [Cause("FieldValueInvalid", rule, f"metadata.{field}") for field, rule in wrong]
    if causes:
        raise invalid(kind, str(name or ""), causes)


LISTS = {
    "finalizers": "must be a list of texts",
    "managedFields": "must be a list of objects",
    "ownerReferences": "must be a list of objects with apiVersion, kind, name and uid",
}


def _list(metadata: Mapping[str, Any], field: str) -> bool:
    value = metadata.get(field, [])
    return isinstance(value, list) and all(_item(field, item) for item in value)


def _item(field: str, item: Any) -> bool:
    if field == "finalizers":
        return isinstance(item, str)
    needed = ("apiVersion", "kind", "name", "uid") if field == "ownerReferences" else ()
    return isinstance(item, dict) and all(isinstance(item.get(key), str) and item[key] for key in needed)


def valid_name(name: Any) -> bool:
    """Names become parts of file names and hosts: nothing but these characters may pass."""
    return isinstance(name, str) and len(name) <= 253 and NAME.fullmatch(name) is not None and ".." not in name


def _text(metadata: Mapping[str, Any], field: str) -> bool:
    return isinstance(metadata.get(field, ""), str)


def _texts(metadata: Mapping[str, Any], field: str) -> bool:
    value = metadata.get(field, {})
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
