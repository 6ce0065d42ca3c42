"""The objects: in memory for reading, written through to SQLite, with Kubernetes' rules for versions and conflicts."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from turnout.apiserver import ownership
from turnout.apiserver.apply import applied
from turnout.apiserver.garbage import Garbage, Policy, Ref
from turnout.apiserver.history import Change, Event, History
from turnout.apiserver.metadata import Key, key_of, normalized, plain, stamped, updated
from turnout.apiserver.ownership import Author, Managed
from turnout.apiserver.patch import Patch, patched, tests_failing
from turnout.apiserver.status import already_exists, bad_request, causes_of, conflict, invalid, not_found, strictly
from turnout.database import Database
from turnout.problem import Problem, Severity, errors
from turnout.resources.kinds import KINDS, NAMESPACE, Kind

__all__ = ["OBJECTS", "Change", "Event", "Patch", "Store"]

UNKNOWN_FIELD: Final = "TNO019"
"""The problem of a field that nobody knows, and that is left out; by the look of it, it is misspelt."""

OBJECTS = """
CREATE TABLE objects (
    resource TEXT NOT NULL, -- <plural>.<group>
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE revision (value INTEGER NOT NULL);
INSERT INTO revision VALUES (1)
"""
"""The migration that `Store` needs."""


class Store:
    """Objects are plain dicts, as JSON carries them, in the kind's preferred API version.

    `author`: who writes, for `managedFields`; without one it is Turnout, and nothing is put down until somebody else
    has written. `change`: of which change the write is a part. `dry_run`: all but the write.

    Every write is done when the method returns: on disk, visible to readers, and told to subscribers. A write that
    changes nothing makes no event. Errors are `StatusError` (an ApiError): 404, 409, 422 as Kubernetes answers them;
    StateBroken when the disk fails, and then nothing has changed.

    `admit` says what is wrong with an object; an error among it refuses the write. `now` is the clock of
    `creationTimestamp`. For one thread, that of the event loop.
    """

    def __init__(
        self,
        database: Database,
        *,
        admit: Callable[[Mapping[str, Any]], Sequence[Problem]],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._admit = admit
        self._now = now
        self._objects: dict[str, dict[Key, dict[str, Any]]] = {resource(kind): {} for kind in KINDS}
        self._subscribers: list[Callable[[Event], None]] = []
        self.warnings: tuple[Problem, ...] = ()
        """What admission found in the last write that did not keep it from being done."""
        self._load()

    def _load(self) -> None:
        for name, namespace, obj, value in self._database.query("SELECT resource, namespace, name, value FROM objects"):
            self._objects.setdefault(name, {})[namespace, obj] = json.loads(value)
        self._garbage = Garbage(self)
        for kind in KINDS:
            for live in self._objects[resource(kind)].values():
                self._garbage.seen(kind, live, None)
        ((revision,),) = self._database.query("SELECT value FROM revision")
        self._history = History(revision)

    @property
    def revision(self) -> int:
        """The resourceVersion of the last write."""
        return self._history.revision

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        """A copy, the caller's to change."""
        live = self._objects[resource(kind)].get((namespace, name))
        return None if live is None else plain(live)

    def list(self, kind: Kind, namespace: str = "") -> list[Mapping[str, Any]]:
        """In order of namespace and name; of one namespace, or of all. The store's own objects: not to be changed."""
        objects = sorted(self._objects[resource(kind)].items())
        return [obj for (place, _), obj in objects if namespace in ("", place)]

    def as_of(self, kind: Kind, namespace: str, revision: int) -> Sequence[Mapping[str, Any]]:
        """As `list`, of a moment that has passed. Raises StatusError 410 when that is forgotten."""
        if revision == self.revision:
            return self.list(kind, namespace)
        objects = dict(self._objects[resource(kind)])
        for event in reversed(self.events_after(revision)):
            if event.kind != kind:
                continue
            if event.previous is None:
                del objects[key_of(event.object)]
            else:
                objects[key_of(event.object)] = dict(event.previous)
        return [obj for (place, _), obj in sorted(objects.items()) if namespace in ("", place)]

    def create(
        self,
        kind: Kind,
        obj: Mapping[str, Any],
        *,
        dry_run: bool = False,
        change: Change | None = None,
        author: Author | None = None,
    ) -> dict[str, Any]:
        """Raises StatusError 409 AlreadyExists, 422 Invalid."""
        now = self._now()
        new = stamped(normalized(kind, obj), str(uuid.uuid4()), now)
        if key_of(new) in self._objects[resource(kind)]:
            raise already_exists(kind, new["metadata"]["name"])
        if author is not None:
            new["metadata"]["managedFields"] = ownership.after_create(kind, new, author, now)
        self._admitted(kind, new, author)
        return plain(new) if dry_run else self._write("ADDED", kind, new, None, change)

    def replace(
        self,
        kind: Kind,
        obj: Mapping[str, Any],
        *,
        dry_run: bool = False,
        change: Change | None = None,
        author: Author | None = None,
    ) -> dict[str, Any]:
        """The whole object anew. Raises StatusError 404, 409 when its resourceVersion is not the current one, 422."""
        new = normalized(kind, obj)
        return self._update(kind, self._live(kind, *key_of(new)), new, dry_run, change, author)

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Patch,
        *,
        dry_run: bool = False,
        change: Change | None = None,
        author: Author | None = None,
    ) -> dict[str, Any]:
        """A part of the object anew.

        `metadata.resourceVersion` in the patch, or a JSON patch's `test` of it, guards: StatusError 409 when it is not
        the current one. Raises StatusError 404, 422 too.
        """
        live = self._live(kind, namespace, name)
        new = normalized(kind, self._patched(kind, live, patch))
        return self._update(kind, live, new, dry_run, change, author)

    def apply(
        self,
        kind: Kind,
        config: Mapping[str, Any],
        author: Author,
        *,
        force: bool = False,
        status: bool = False,
        dry_run: bool = False,
        change: Change | None = None,
    ) -> dict[str, Any]:
        """Server-side apply: all that `author` wants of the object (or of its status), and no more than that.

        Raises StatusError 409 for what others own, unless `force`; 404 for the status of what is not there; 422.
        """
        told = normalized(kind, config)
        live = self._objects[resource(kind)].get(key_of(told))
        now = self._now()
        if live is None:
            if status or told["metadata"].get("uid"):
                raise not_found(kind, told["metadata"]["name"])
            new = stamped(told, str(uuid.uuid4()), now)
            bare = {**new, "metadata": {**new["metadata"], "managedFields": [{}]}}
            done = applied(kind, bare, told, {}, author, now, force=force)
            new["metadata"]["managedFields"] = done.managed
            self._admitted(kind, new, author)
            return plain(new) if dry_run else self._write("ADDED", kind, new, None, change)
        owners = ownership.owners_of(kind, live)
        done = applied(kind, live, told, owners, author, now, force=force, status=status)
        if status:
            return self._write_status(kind, live, done.object, dry_run, done.managed)
        new = updated(kind, live, plain(done.object))
        new["metadata"]["managedFields"] = done.managed
        return self._put(kind, live, new, dry_run, change, author)

    def patch_status(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Patch,
        *,
        dry_run: bool = False,
        author: Author | None = None,
    ) -> dict[str, Any]:
        """As `patch`, of the status alone: whatever else the patch changes is left out."""
        live = self._live(kind, namespace, name)
        new = normalized(kind, self._patched(kind, live, patch))
        return self._write_status(
            kind, live, new, dry_run, ownership.status_updated(kind, live, new, author, self._now())
        )

    def replace_status(
        self, kind: Kind, obj: Mapping[str, Any], *, dry_run: bool = False, author: Author | None = None
    ) -> dict[str, Any]:
        """As `replace`, of the status alone."""
        new = normalized(kind, obj)
        live = self._live(kind, *key_of(new))
        return self._write_status(
            kind, live, new, dry_run, ownership.status_updated(kind, live, new, author, self._now())
        )

    def write_status(self, kind: Kind, namespace: str, name: str, status: Mapping[str, Any]) -> dict[str, Any]:
        """The status anew, unguarded and not admitted; the generation stays. Raises StatusError 404."""
        return self._write_status(kind, self._live(kind, namespace, name), {"status": status}, dry_run=False)

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        preconditions: Mapping[str, str] | None = None,
        policy: Policy = "Background",
        dry_run: bool = False,
        change: Change | None = None,
    ) -> dict[str, Any]:
        """The object as it was; where finalizers keep it, as it is, with a `deletionTimestamp`.

        What it owned goes with it, as `policy` says (`garbage`). `preconditions`: uid, resourceVersion, that must hold
        (409). Raises StatusError 404.
        """
        live = self._live(kind, namespace, name)
        for field, wanted in (preconditions or {}).items():
            if wanted and live["metadata"].get(field) != wanted:
                raise conflict(kind, name, f"Precondition failed: {field} is not {wanted}")
        self.warnings = ()
        if not dry_run:
            self._garbage.delete((kind, (namespace, name)), policy, self._now(), change)
        left = self._objects[resource(kind)].get((namespace, name))
        return plain(live if left is None else left)

    def terminating(self, namespace: str) -> bool:
        """Whether the namespace waits for its end: nothing may be made in it."""
        found = self._objects[resource(NAMESPACE)].get(("", namespace))
        return found is not None and "deletionTimestamp" in found["metadata"]

    def events_after(self, revision: int) -> Sequence[Event]:
        """Every write since. Raises StatusError 410 when they are not all known any more: list again."""
        return self._history.after(revision)

    def watch(self, revision: int) -> AsyncGenerator[Event, None]:
        """Every write since, and those to come, without end. Raises StatusError 410 as `events_after`."""
        return self._history.watch(revision)

    def subscribe(self, callback: Callable[[Event], None]) -> None:
        """`callback` runs inside each write, after it is done: short, and it must not raise or write."""
        self._subscribers.append(callback)

    def _live(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        live = self._objects[resource(kind)].get((namespace, name))
        if live is None:
            raise not_found(kind, name)
        return live

    def _patched(self, kind: Kind, live: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
        metadata = live["metadata"]
        if tests_failing(live, patch, "/metadata/resourceVersion", metadata["resourceVersion"]):
            raise conflict(kind, metadata["name"])
        return patched(plain(live), patch)

    def _update(
        self,
        kind: Kind,
        live: dict[str, Any],
        obj: dict[str, Any],
        dry_run: bool,
        change: Change | None,
        author: Author | None,
    ) -> dict[str, Any]:
        new = updated(kind, live, obj)
        managed = ownership.updated(kind, live, new, obj["metadata"].get("managedFields"), author, self._now())
        if managed is not None:
            new["metadata"]["managedFields"] = managed
        return self._put(kind, live, new, dry_run, change, author)

    def _put(
        self,
        kind: Kind,
        live: dict[str, Any],
        new: dict[str, Any],
        dry_run: bool,
        change: Change | None,
        author: Author | None,
    ) -> dict[str, Any]:
        self._admitted(kind, new, author)
        if dry_run or new == live:
            return plain(new)
        written = self._write("MODIFIED", kind, new, live, change)
        if "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers"):
            self._garbage.delete((kind, key_of(new)), "Background", self._now())
        return written

    def _write_status(
        self,
        kind: Kind,
        live: dict[str, Any],
        obj: Mapping[str, Any],
        dry_run: bool,
        managed: Managed | None = None,
    ) -> dict[str, Any]:
        """`obj` may carry a resourceVersion, which then guards."""
        version = obj.get("metadata", {}).get("resourceVersion", "")
        if version not in ("", live["metadata"]["resourceVersion"]):
            raise conflict(kind, live["metadata"]["name"])
        status = obj.get("status", {})
        if not isinstance(status, Mapping):
            raise bad_request("a status is a JSON object")
        self.warnings = ()
        metadata = live["metadata"] if managed is None else {**live["metadata"], "managedFields": managed}
        new = plain({**live, "metadata": metadata, "status": status})
        if dry_run or new == live or ("status" not in live and not status):
            return new
        return self._write("MODIFIED", kind, new, live, None, status_only=True)

    def _admitted(self, kind: Kind, obj: dict[str, Any], author: Author | None) -> None:
        problems = self._admit(obj)
        if refused := errors(problems):
            raise invalid(kind, obj["metadata"]["name"], causes_of(refused))
        unknown = [problem for problem in problems if problem.code == UNKNOWN_FIELD]
        if unknown and author is not None and author.strict:
            raise strictly(kind, causes_of(unknown))
        warned = author is None or author.warned
        self.warnings = tuple(p for p in problems if p.severity is Severity.WARNING and (warned or p not in unknown))

    def _write(
        self,
        kind_of_event: Literal["ADDED", "MODIFIED", "DELETED"],
        kind: Kind,
        obj: dict[str, Any],
        previous: dict[str, Any] | None,
        change: Change | None,
        *,
        status_only: bool = False,
    ) -> dict[str, Any]:
        """The disk first: when that fails, memory has not changed. Returns a copy."""
        revision = self.revision + 1
        obj["metadata"]["resourceVersion"] = str(revision)
        text = json.dumps(obj, separators=(",", ":"))
        self._save(kind, obj, None if kind_of_event == "DELETED" else text, revision)
        if kind_of_event == "DELETED":
            del self._objects[resource(kind)][key_of(obj)]
        else:
            self._objects[resource(kind)][key_of(obj)] = obj
        event = Event(kind_of_event, kind, obj, previous, revision, change, status_only)
        self._history.append(event, len(text))
        self._garbage.seen(kind, None if kind_of_event == "DELETED" else obj, previous)
        for subscriber in self._subscribers:
            subscriber(event)
        copy: dict[str, Any] = json.loads(text)
        return copy

    def at(self, ref: Ref) -> dict[str, Any] | None:
        """For `garbage`: the store's own object."""
        return self._objects[resource(ref[0])].get(ref[1])

    def put(self, ref: Ref, obj: dict[str, Any], change: Change | None) -> None:
        """For `garbage`: an object anew, without admission."""
        self._write("MODIFIED", ref[0], plain(obj), self._live(ref[0], *ref[1]), change)

    def drop(self, ref: Ref, change: Change | None) -> None:
        """For `garbage`: an object is gone."""
        live = self._live(ref[0], *ref[1])
        self._write("DELETED", ref[0], plain(live), live, change)

    def _save(self, kind: Kind, obj: Mapping[str, Any], text: str | None, revision: int) -> None:
        key = (resource(kind), *key_of(obj))
        with self._database.transaction():
            if text is None:
                self._database.execute("DELETE FROM objects WHERE (resource, namespace, name) = (?, ?, ?)", key)
            else:
                self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (*key, text))
            self._database.execute("UPDATE revision SET value = ?", (revision,))


def resource(kind: Kind) -> str:
    """The kind's name among all: `virtualservices.networking.istio.io`."""
    return f"{kind.plural}.{kind.group}"
