"""A list of objects: all at once, or page by page, each page of the same moment."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from turnout.apiserver.metadata import Key
from turnout.apiserver.selector import Selector
from turnout.apiserver.status import StatusError, bad_request
from turnout.apiserver.store import Store
from turnout.resources.kinds import Kind

EXACT: Final = "Exact"
NOT_OLDER: Final = "NotOlderThan"


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a list, and the list's metadata. The objects are the store's own: not to be changed."""

    items: Sequence[Mapping[str, Any]]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list goes on: after this key, as of this revision."""

    revision: int
    after: Key

    def token(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.revision, *self.after]).encode()).decode()


def page(store: Store, kind: Kind, namespace: str, selects: Selector, query: Mapping[str, str]) -> Page:
    """`query`: `limit`, `continue`, `resourceVersion` and `resourceVersionMatch`.

    Raises StatusError: 400 for what cannot be read, 410 for a moment that is forgotten, 504 for one still to come.
    """
    limit = _number("limit", query.get("limit", "")) or 0
    place = _place(query.get("continue", ""))
    revision = place.revision if place else _revision(store, query)
    found = [obj for obj in store.as_of(kind, namespace, revision) if place is None or key(obj) > place.after]
    items = [obj for obj in found if selects(obj)]
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if limit and len(items) > limit:
        metadata["continue"] = _Place(revision, key(items[limit - 1])).token()
        metadata["remainingItemCount"] = len(items) - limit
    return Page(items[:limit] if limit else items, metadata)


def key(obj: Mapping[str, Any]) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def revision_of(version: str) -> int:
    """Raises StatusError 400."""
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise bad_request(f"invalid resource version {version!r}")
    return int(version)


def _revision(store: Store, query: Mapping[str, str]) -> int:
    """Of which moment the list shall be: now, unless the client wants exactly another."""
    version, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    if match not in ("", EXACT, NOT_OLDER):
        raise bad_request(f"resourceVersionMatch may be {EXACT} or {NOT_OLDER}, not {match!r}")
    if match and not version:
        raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
    wanted = revision_of(version) if version else 0
    if wanted > store.revision:
        raise _to_come(wanted, store.revision)
    if match == EXACT and not wanted:
        raise bad_request(f'resourceVersionMatch "{EXACT}" is forbidden for resourceVersion "0"')
    return wanted if match == EXACT else store.revision


def _to_come(wanted: int, current: int) -> StatusError:
    """As Kubernetes says it after waiting: clients then forget the version, which another state directory gave them."""
    message = f"Too large resource version: {wanted}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return StatusError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


def _place(token: str) -> _Place | None:
    if not token:
        return None
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token.encode()))
        return _Place(revision_of(str(revision)), (str(namespace), str(name)))
    except (ValueError, TypeError) as error:
        raise bad_request("continue key is not valid") from error


def _number(name: str, text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_request(f"{name} must be a number, not {text!r}")
    return int(text)
