"""The resource endpoints: `/api/v1/…` and `/apis/<group>/<version>/…`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from turnout.apiserver import message
from turnout.apiserver.patch import Patch
from turnout.apiserver.selector import selector
from turnout.apiserver.status import (
    StatusError,
    bad_request,
    not_found,
    path_not_found,
    success,
)
from turnout.apiserver.store import Store
from turnout.apiserver.stream import Streams
from turnout.apiserver.table.representation import Representation, form
from turnout.apiserver.watching import Watch
from turnout.resources.kinds import GATEWAY_API, ISTIO, NAMESPACE, Kind, by_plural

MAX_WATCH_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL path names: a collection where `name` is ""."""

    kind: Kind
    api_version: str
    namespace: str
    name: str = ""
    status: bool = False

    def shown(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The object in the API version that was asked for: all of them have the same fields."""
        return {**obj, "apiVersion": self.api_version}


def target(group: str, version: str, rest: str) -> Target:
    """`rest` follows the version in the path. Raises StatusError 404."""
    parts = rest.split("/")
    namespace = ""
    # `namespaces/<name>` and `namespaces/<name>/status` are Namespaces themselves.
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2:] != ["status"]:
        namespace, parts = parts[1], parts[2:]
    kind = by_plural(group, version, parts[0])
    subresource = parts[2:]
    if kind is None or subresource not in ([], ["status"]) or "" in parts:
        raise path_not_found()
    # One object is found only where it lives; a collection may span all namespaces.
    if kind.namespaced != bool(namespace) and (len(parts) > 1 or namespace):
        raise path_not_found()
    api_version = f"{group}/{version}" if group else version
    return Target(kind, api_version, namespace, parts[1] if len(parts) > 1 else "", bool(subresource))


class Resources:
    """Reads and writes of a store, as HTTP requests ask for them."""

    def __init__(self, store: Store, streams: Streams) -> None:
        self._store = store
        self._streams = streams
        self._collection: Mapping[str, Callable[[Request, Target], Awaitable[Response]]] = {
            "GET": self._list,
            "POST": self._create,
        }
        self._object: Mapping[str, Callable[[Request, Target], Awaitable[Response]]] = {
            "GET": self._get,
            "PUT": self._replace,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }

    async def serve(self, request: Request) -> Response:
        """The endpoint. Raises StatusError for whatever is refused."""
        parameters = request.path_params
        named = target(parameters.get("group", ""), parameters.get("version", "v1"), parameters["rest"])
        handlers = self._object if named.name else self._collection
        method = "GET" if request.method == "HEAD" else request.method
        if method not in handlers or (named.status and method == "DELETE"):
            raise StatusError(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        return await handlers[method](request, named)

    async def _list(self, request: Request, named: Target) -> Response:
        if message.flag(request, "watch"):
            return self._watch(request, named)
        query = request.query_params
        selects = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        items = [named.shown(obj) for obj in self._store.list(named.kind, named.namespace) if selects(obj)]
        metadata = {"resourceVersion": str(self._store.revision)}
        listed = {"kind": f"{named.kind.kind}List", "apiVersion": named.api_version, "metadata": metadata}
        return message.answer(_wanted(request, named).of_list({**listed, "items": items}, datetime.now(UTC)))

    def _watch(self, request: Request, named: Target) -> Response:
        query = request.query_params
        watch = Watch(
            self._store,
            named.kind,
            named.namespace,
            api_version=named.api_version,
            selects=selector(query.get("labelSelector", ""), query.get("fieldSelector", "")),
            version=query.get("resourceVersion", ""),
            initial_events=message.flag(request, "sendInitialEvents"),
            representation=_wanted(request, named),
        )
        return self._streams.answer(
            watch.lines(),
            "application/json",
            seconds=_seconds(query.get("timeoutSeconds", "")),
            idle=watch.bookmark if message.flag(request, "allowWatchBookmarks") else None,
        )

    async def _get(self, request: Request, named: Target) -> Response:
        obj = self._store.get(named.kind, named.namespace, named.name)
        if obj is None:
            raise not_found(named.kind, named.name)
        return message.answer(_wanted(request, named).of(named.shown(obj), datetime.now(UTC)))

    async def _create(self, request: Request, named: Target) -> Response:
        obj = _in_namespace(named, await message.json_object(request))
        if named.kind.namespaced and not named.namespace:
            raise bad_request("an object is created in its namespace's collection")
        dry_run, change = message.dry_run(request), message.change_of(request)
        made = self._store.create(named.kind, obj, dry_run=dry_run, change=change)
        return message.answer(named.shown(made), 201, self._store.warnings)

    async def _replace(self, request: Request, named: Target) -> Response:
        obj = _in_namespace(named, await message.json_object(request))
        if obj["metadata"].get("name") != named.name:
            raise bad_request(f"the name of the object does not match the name in the URL ({named.name})")
        dry_run, change = message.dry_run(request), message.change_of(request)
        if named.status:
            made = self._store.replace_status(named.kind, obj, dry_run=dry_run)
        else:
            made = self._store.replace(named.kind, obj, dry_run=dry_run, change=change)
        return message.answer(named.shown(made), 200, self._store.warnings)

    async def _patch(self, request: Request, named: Target) -> Response:
        patch = await message.patch_body(request, strategic=named.kind.group not in (ISTIO, GATEWAY_API))
        made = self._patched(request, named, patch)
        return message.answer(named.shown(made), 200, self._store.warnings)

    def _patched(self, request: Request, named: Target, patch: Patch) -> dict[str, Any]:
        place = (named.kind, named.namespace, named.name)
        dry_run, change = message.dry_run(request), message.change_of(request)
        if named.status:
            return self._store.patch_status(*place, patch, dry_run=dry_run)
        return self._store.patch(*place, patch, dry_run=dry_run, change=change)

    async def _delete(self, request: Request, named: Target) -> Response:
        options = await message.json_body(request) or {}
        if not isinstance(options, dict) or not isinstance(options.get("preconditions") or {}, dict):
            raise bad_request("the body must be DeleteOptions")
        deleted = self._store.delete(
            named.kind,
            named.namespace,
            named.name,
            preconditions=options.get("preconditions"),
            dry_run=message.dry_run(request) or options.get("dryRun") == ["All"],
            change=message.change_of(request),
        )
        return message.answer(success(named.kind, deleted))


def _wanted(request: Request, named: Target) -> Representation:
    """The form that the client asks for."""
    accept, included = request.headers.get("accept", ""), request.query_params.get("includeObject", "Metadata")
    return Representation(named.kind, form(accept), included)


def _in_namespace(named: Target, obj: dict[str, Any]) -> dict[str, Any]:
    """The object with the path's namespace. Raises StatusError 400 where it names another, or has no metadata."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise bad_request("the object has no metadata")
    if named.kind is NAMESPACE or metadata.get("namespace") == named.namespace:
        return obj
    if metadata.get("namespace"):
        raise bad_request(
            f"the namespace of the provided object ({metadata['namespace']}) does not match the request's"
            f" ({named.namespace})"
        )
    return {**obj, "metadata": {**metadata, "namespace": named.namespace}}


def _seconds(text: str) -> float:
    if not text:
        return MAX_WATCH_SECONDS
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"timeoutSeconds must be a number, not {text!r}")
    return min(float(text), MAX_WATCH_SECONDS)
