"""The resource endpoints: `/api/v1/…` and `/apis/<group>/<version>/…`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from turnout.apiserver import message
from turnout.apiserver.discovery import verbs
from turnout.apiserver.listing import page
from turnout.apiserver.remarks import Consequences, remarks
from turnout.apiserver.review import refusal
from turnout.apiserver.scale import scale_of
from turnout.apiserver.selector import selector
from turnout.apiserver.status import bad_request, forbidden, method_not_allowed, not_found
from turnout.apiserver.store import Store
from turnout.apiserver.stream import Streams
from turnout.apiserver.table.representation import Representation, form
from turnout.apiserver.target import SCALE, Target, target
from turnout.apiserver.watching import Watch
from turnout.apiserver.writing import Writing

MAX_WATCH_SECONDS = 3600.0

Handler = Callable[[Request, Target], Awaitable[Response]]


class Resources:
    """Reads and writes of a store, as HTTP requests ask for them."""

    def __init__(self, store: Store, streams: Streams, consequences: Consequences | None = None) -> None:
        self._store = store
        self._consequences = consequences
        self._streams = streams
        writing = Writing(store)
        self._collection: Mapping[str, Handler] = {
            "GET": self._list,
            "POST": writing.create,
            "DELETE": writing.delete_all,
        }
        self._object: Mapping[str, Handler] = {
            "GET": self._get,
            "PUT": writing.replace,
            "PATCH": writing.patch,
            "DELETE": writing.delete,
        }

    async def serve(self, request: Request) -> Response:
        """The endpoint. Raises StatusError for whatever is refused."""
        parameters = request.path_params
        named = target(parameters.get("group", ""), parameters.get("version", "v1"), parameters["rest"])
        handlers = self._object if named.name else self._collection
        method = "GET" if request.method == "HEAD" else request.method
        if method not in handlers or (named.subresource and method == "DELETE"):
            raise method_not_allowed()
        if method in ("POST", "PUT", "PATCH") and named.kind.use == "reported":
            raise forbidden(named.kind, named.name, refusal(named.kind))
        if method == "DELETE" and "delete" not in verbs(named.kind):
            raise forbidden(named.kind, named.name, refusal(named.kind))
        if self._consequences is None or method == "GET" or _is_for_itself(request, named):
            return await handlers[method](request, named)
        before = self._consequences.now()
        response = await handlers[method](request, named)
        message.warn(response, remarks(named, before, await self._consequences.after()))
        return response

    async def _list(self, request: Request, named: Target) -> Response:
        if message.flag(request, "watch"):
            return self._watch(request, named)
        query = request.query_params
        selects = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        found = page(self._store, named.kind, named.namespace, selects, query)
        listed = {"kind": f"{named.kind.kind}List", "apiVersion": named.api_version, "metadata": found.metadata}
        items = [named.shown(obj) for obj in found.items]
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
        if named.subresource == SCALE:
            return message.answer(scale_of(obj))
        return message.answer(_wanted(request, named).of(named.shown(obj), datetime.now(UTC)))


def _is_for_itself(request: Request, named: Target) -> bool:
    """Whether nobody wants to hear of what the write means for others.

    That is: it changes nothing, or no traffic, or it is a part of a larger change, whose author looks by itself.
    """
    tried = "dryRun" in request.query_params
    return tried or named.status or named.kind.use != "wanted" or message.CHANGE_HEADER in request.headers


def _wanted(request: Request, named: Target) -> Representation:
    """The form that the client asks for."""
    accept, included = request.headers.get("accept", ""), request.query_params.get("includeObject", "Metadata")
    return Representation(named.kind, form(accept), included)


def _seconds(text: str) -> float:
    if not text:
        return MAX_WATCH_SECONDS
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"timeoutSeconds must be a number, not {text!r}")
    return min(float(text), MAX_WATCH_SECONDS)
