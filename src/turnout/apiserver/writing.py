"""Writes of a store, as HTTP requests ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from turnout.apiserver import message
from turnout.apiserver.listing import page
from turnout.apiserver.options import DeleteOptions, WriteOptions, applier, delete_options, write_options
from turnout.apiserver.ownership import Author
from turnout.apiserver.patch import Patch, patched
from turnout.apiserver.scale import scale_of, scaling
from turnout.apiserver.selector import selector
from turnout.apiserver.status import bad_request, forbidden, method_not_allowed, not_found, success
from turnout.apiserver.store import Store
from turnout.apiserver.target import SCALE, Target
from turnout.resources.kinds import GATEWAY_API, ISTIO, NAMESPACE, TURNOUT

CUSTOM = (ISTIO, GATEWAY_API, TURNOUT)
"""Groups that a cluster has from CRDs: they take no strategic merge patches."""

Object = dict[str, Any]


class Writing:
    """Each method carries out one request and answers it. Raises StatusError for whatever is refused."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, request: Request, named: Target) -> Response:
        obj = in_namespace(named, await message.json_object(request))
        if named.kind.namespaced and not named.namespace:
            raise bad_request("an object is created in its namespace's collection")
        self._require_namespace(named, str(obj["metadata"].get("name", "")))
        options = write_options(request, named)
        made = self._store.create(
            named.kind, obj, dry_run=options.dry_run, change=options.change, author=options.author
        )
        return self._answer(named, made, 201)

    async def replace(self, request: Request, named: Target) -> Response:
        body, options = await message.json_object(request), write_options(request, named)
        if named.subresource == SCALE:
            return self._scaled(named, body, options)
        obj = in_namespace(named, body)
        if obj["metadata"].get("name") != named.name:
            raise bad_request(f"the name of the object does not match the name in the URL ({named.name})")
        if named.status:
            made = self._store.replace_status(named.kind, obj, dry_run=options.dry_run, author=options.author)
        else:
            made = self._store.replace(
                named.kind, obj, dry_run=options.dry_run, change=options.change, author=options.author
            )
        return self._answer(named, made)

    async def patch(self, request: Request, named: Target) -> Response:
        options = write_options(request, named)
        patch = await message.patch_body(request, strategic=named.kind.group not in CUSTOM)
        if named.subresource == SCALE:
            return self._scaled(named, patched(scale_of(self._live(named)), patch), options)
        if patch.type == "apply":
            return self._apply(named, patch.body, applier(request, options), options)
        if named.status:
            made = self._store.patch_status(*named.place, patch, dry_run=options.dry_run, author=options.author)
        else:
            made = self._patched(named, patch, options)
        return self._answer(named, made)

    async def delete(self, request: Request, named: Target) -> Response:
        options = delete_options(request, await message.json_body(request))
        before = self._live(named)
        after = self._deleted(named, options)
        if not options.dry_run and self._store.get(*named.place) is not None:
            return message.answer(named.shown(after))  # finalizers keep it
        return message.answer(success(named.kind, before))

    async def delete_all(self, request: Request, named: Target) -> Response:
        """Those of a collection that the selectors choose; the list of them. In one namespace, as in Kubernetes."""
        if not named.namespace and (named.kind.namespaced or named.kind is NAMESPACE):
            raise method_not_allowed()
        options = delete_options(request, await message.json_body(request))
        query = request.query_params
        selects = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        found = page(self._store, named.kind, named.namespace, selects, query)
        gone = [named.shown(self._deleted_one(named, obj, options)) for obj in found.items]
        kind = {"kind": f"{named.kind.kind}List", "apiVersion": named.api_version}
        return message.answer({**kind, "metadata": found.metadata, "items": gone})

    def _deleted_one(self, named: Target, obj: Mapping[str, Any], options: DeleteOptions) -> Mapping[str, Any]:
        metadata = obj["metadata"]
        place = Target(named.kind, named.api_version, metadata.get("namespace", ""), metadata["name"])
        # An earlier one of the list may have taken it along.
        return obj if self._store.get(*place.place) is None else self._deleted(place, options)

    def _deleted(self, named: Target, options: DeleteOptions) -> Object:
        return self._store.delete(
            *named.place,
            preconditions=options.preconditions,
            policy=options.policy,
            dry_run=options.dry_run,
            change=options.change,
        )

    def _apply(self, named: Target, body: Any, author: Author, options: WriteOptions) -> Response:
        if not isinstance(body, dict):
            raise bad_request("an apply patch is an object")
        obj = in_namespace(named, body)
        metadata = obj["metadata"]
        if metadata.get("name", named.name) != named.name:
            raise bad_request(f"the name of the object does not match the name in the URL ({named.name})")
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        is_new = self._store.get(*named.place) is None
        if is_new:
            self._require_namespace(named, named.name)
        made = self._store.apply(
            named.kind,
            {**obj, "metadata": {**metadata, "name": named.name}},
            author,
            force=options.force,
            status=named.status,
            dry_run=options.dry_run,
            change=options.change,
        )
        return self._answer(named, made, 201 if is_new else 200)

    def _scaled(self, named: Target, scale: Mapping[str, Any], options: WriteOptions) -> Response:
        made = self._patched(named, scaling(named, scale), options)
        return message.answer(scale_of(made), 200, self._store.warnings)

    def _patched(self, named: Target, patch: Patch, options: WriteOptions) -> Object:
        return self._store.patch(
            *named.place, patch, dry_run=options.dry_run, change=options.change, author=options.author
        )

    def _live(self, named: Target) -> Object:
        live = self._store.get(*named.place)
        if live is None:
            raise not_found(named.kind, named.name)
        return live

    def _require_namespace(self, named: Target, name: str) -> None:
        """As on a cluster: somebody has to make it first, and it must not be about to go."""
        if not named.kind.namespaced or named.namespace == "default":
            return
        if self._store.get(NAMESPACE, "", named.namespace) is None:
            raise not_found(NAMESPACE, named.namespace)
        if self._store.terminating(named.namespace):
            why = f"unable to create new content in namespace {named.namespace} because it is being terminated"
            raise forbidden(named.kind, name, why)

    def _answer(self, named: Target, made: Mapping[str, Any], status: int = 200) -> Response:
        return message.answer(named.shown(made), status, self._store.warnings)


def in_namespace(named: Target, obj: Object) -> Object:
    """The object with the path's namespace. Raises StatusError 400 where it names another, or has no metadata."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise bad_request("the object has no metadata")
    if not named.kind.namespaced or metadata.get("namespace") == named.namespace:
        return obj
    if metadata.get("namespace"):
        raise bad_request(
            f"the namespace of the provided object ({metadata['namespace']}) does not match the request's"
            f" ({named.namespace})"
        )
    return {**obj, "metadata": {**metadata, "namespace": named.namespace}}
