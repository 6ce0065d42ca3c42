"""The resource API, as methods."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

from turnout.client.connection import Connection
from turnout.client.door import Door
from turnout.client.state import Local, read_address
from turnout.client.stream import Stream
from turnout.error import ApiError
from turnout.resources.kinds import Kind

TIMEOUT_SECONDS = 60.0

FIELD_MANAGER = "turnout"

WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')

Object = dict[str, Any]
Change = tuple[str, int]
"""Id of a change and how many writes it consists of: the server lets them take effect as one."""


class Client:
    """Objects are dicts, as JSON carries them. For one thread; closes itself as a context manager.

    Every method raises ApiError for what the API refuses (404, 409, 422, …), and when nobody answers NotRunning, of a
    cluster ClusterFailed.
    """

    manager = FIELD_MANAGER
    """Whose the fields are that are written: `metadata.managedFields` says so."""
    acknowledges = True
    """Whether objects say in their status when they are in force; Istio's do so only where it is told to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.warnings: list[str] = []
        """What the API remarked on the last call."""
        self.namespace = "default"
        """Where names are looked for that come without one."""
        self.unseen: set[str] = set()
        """Kinds of which only the objects of that namespace could be looked at."""

    @classmethod
    def from_state(cls, state: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        """The instance behind a state directory. Raises NotRunning when there is none, or it does not answer."""
        return cls.through(Local(read_address(state), state), timeout_seconds)

    @classmethod
    def through(cls, door: Door, timeout_seconds: float = TIMEOUT_SECONDS, namespace: str = "default") -> Self:
        """Whoever is behind the door. Raises what the door says when nobody answers."""
        connection = Connection(door, timeout_seconds)
        connection.connect()
        client = cls(connection)
        client.namespace = namespace
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """The next call opens a new connection."""
        self._connection.close()

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        return self._object("GET", place(kind, namespace, name))

    def list(self, kind: Kind, namespace: str = "", *, label_selector: str = "", field_selector: str = "") -> Object:
        """The List object: `["items"]`, and `["metadata"]["resourceVersion"]` to watch from."""
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        found = self._object("GET", kind.path(quote(namespace, safe="")), query)
        for item in found["items"]:  # of its own kinds, Kubernetes says in the list alone what they are
            item.setdefault("apiVersion", kind.api_version)
            item.setdefault("kind", kind.kind)
        return found

    def create(
        self, kind: Kind, obj: Mapping[str, Any], *, dry_run: bool = False, change: Change | None = None
    ) -> Object:
        """In the object's own namespace, or in `default`."""
        path = kind.path(quote(obj["metadata"].get("namespace") or "default", safe=""))
        return self._object("POST", path, self._writing(dry_run), obj, _headers(change))

    def replace(
        self, kind: Kind, obj: Mapping[str, Any], *, dry_run: bool = False, change: Change | None = None
    ) -> Object:
        """Guarded by the object's resourceVersion, where it has one."""
        metadata = obj["metadata"]
        path = place(kind, metadata.get("namespace", ""), metadata["name"])
        return self._object("PUT", path, self._writing(dry_run), obj, _headers(change))

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        *,
        type: Literal["merge", "json"] = "merge",  # noqa: A002 - kubectl's word
        dry_run: bool = False,
        change: Change | None = None,
    ) -> Object:
        """A merge patch (a partial object), or a JSON patch (a list of operations)."""
        headers = _headers(change) | {"Content-Type": f"application/{type}-patch+json"}
        return self._object("PATCH", place(kind, namespace, name), self._writing(dry_run), patch, headers)

    def patch_status(self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]) -> Object:
        """A merge patch of the object's status alone: unguarded, and no new generation."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._object(
            "PATCH", place(kind, namespace, name) + "/status", self._writing(dry_run=False), patch, headers
        )

    def delete(
        self, kind: Kind, namespace: str, name: str, *, dry_run: bool = False, change: Change | None = None
    ) -> Object:
        """The `Status` that says it is done."""
        return self._object("DELETE", place(kind, namespace, name), _dry(dry_run), None, _headers(change))

    def watch(
        self, kind: Kind, namespace: str = "", resource_version: str = "", timeout_seconds: int | None = None
    ) -> Iterator[tuple[str, Object]]:
        """(`ADDED`, `MODIFIED` or `DELETED`, the object), until the server ends it, at the latest after the timeout.

        Without a `resource_version` the present objects come first. Raises ApiError 410 when what came after it is
        forgotten: list again.
        """
        query = {"watch": "1", "resourceVersion": resource_version}
        if timeout_seconds is not None:
            query["timeoutSeconds"] = str(timeout_seconds)
        for line in self._lines(kind.path(quote(namespace, safe="")), query):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                raise ApiError(status["code"], status["reason"], status["message"])
            yield event["type"], event["object"]

    def read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What the API shows at a path that is no object's, such as behind a service's proxy."""
        return self._call("GET", path, query)

    def view(self, name: str, **query: str) -> Any:
        """What `/turnout/v1/<name>` shows."""
        return self._call("GET", _view(name), query)

    def post(self, name: str, body: Any) -> Any:
        """Have `/turnout/v1/<name>` do something."""
        return self._call("POST", _view(name), None, body)

    def stream(self, name: str, **query: str) -> Stream:
        """The lines of `/turnout/v1/<name>`, as they come, until the server ends them or `close` is called."""
        return Stream(self._own_connection(), _view(name) + _query(query))

    def _writing(self, dry_run: bool) -> dict[str, str]:
        return {"fieldManager": self.manager, **_dry(dry_run)}

    def _object(self, *request: Any) -> Object:
        obj: Object = self._call(*request)
        return obj

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        self.warnings = []
        response = self._connection.request(method, path + _query(query or {}), body, headers)
        text = self._connection.read(response)
        self.warnings = _warnings(response)
        return json.loads(text)

    def _lines(self, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """On a connection of its own, which waits as long as it takes and ends with the reader."""
        own = self._own_connection()
        try:
            yield from own.lines(own.request("GET", path + _query(query)))
        finally:
            own.close()

    def _own_connection(self) -> Connection:
        return Connection(self._connection.door, timeout_seconds=None)


def place(kind: Kind, namespace: str, name: str) -> str:
    """The path of one object; a namespaced one without a namespace is in `default`."""
    assert name, "an object has a name: without one the path is the collection's"
    return kind.path(quote(namespace or "default", safe=""), quote(name, safe=""))


def _view(name: str) -> str:
    return f"/turnout/v1/{quote(name)}"


def _query(query: Mapping[str, str]) -> str:
    given = {key: value for key, value in query.items() if value != ""}
    return f"?{urlencode(given)}" if given else ""


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _headers(change: Change | None) -> dict[str, str]:
    return {"X-Turnout-Change": f"{change[0]}/{change[1]}"} if change else {}


def _warnings(response: HTTPResponse) -> list[str]:
    """http.client reads headers as Latin-1; the API writes them as UTF-8."""
    texts = [text.encode("latin-1").decode(errors="replace") for text in response.headers.get_all("Warning", [])]
    return [re.sub(r"\\(.)", r"\1", quoted) for text in texts for quoted in WARNING.findall(text)]
