"""In which form a client wants objects, as its `Accept` header says: whole, as rows of a table, or metadata alone.

See "Receiving resources as Tables" in Kubernetes' API concepts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from turnout.apiserver.table import other, workload
from turnout.apiserver.table.column import AGE, NAME, Column
from turnout.resources.kinds import Kind

META = "meta.k8s.io/v1"
JSONObject = dict[str, Any]
Form = Literal["whole", "table", "metadata"]
FORMS: Mapping[str, Form] = {
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
}


def columns(kind: Kind) -> Sequence[Column]:
    """What `kubectl get` shows of a kind."""
    return workload.COLUMNS.get(kind) or other.COLUMNS.get(kind) or (NAME, AGE)


def form(accept: str) -> Form:
    """The first that can be had of those an `Accept` header names."""
    for choice in accept.split(","):
        media_type, *parameters = (part.strip() for part in choice.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media_type in ("application/json", "*/*") and "as" not in given:
            return "whole"
        is_ours = media_type == "application/json" and (given.get("g"), given.get("v")) == ("meta.k8s.io", "v1")
        if is_ours and (found := FORMS.get(given.get("as", ""))):
            return found
    return "whole"


@dataclass(frozen=True, slots=True)
class Representation:
    """`included`: what a row carries besides its cells, `Object`, `Metadata` or `None`."""

    kind: Kind
    form: Form = "whole"
    included: str = "Metadata"

    def of(self, obj: Mapping[str, Any], now: datetime, *, headed: bool = True) -> Mapping[str, Any]:
        """One object. `headed`: with the table's columns, which a watch tells only once."""
        if self.form == "table":
            return self._table([obj], {"resourceVersion": obj["metadata"].get("resourceVersion", "")}, now, headed)
        return _metadata(obj) if self.form == "metadata" else obj

    def of_list(self, listed: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """A `…List`, with its metadata and items."""
        if self.form == "table":
            return self._table(listed["items"], listed["metadata"], now, headed=True)
        if self.form == "metadata":
            items = [_metadata(item) for item in listed["items"]]
            return {**listed, "apiVersion": META, "kind": "PartialObjectMetadataList", "items": items}
        return listed

    def _table(
        self, objects: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any], now: datetime, headed: bool
    ) -> JSONObject:
        shown = columns(self.kind)
        rows = [{"cells": [c.read(obj, now) for c in shown], **self._included(obj)} for obj in objects]
        definitions = [column.definition() for column in shown] if headed else None
        return {
            "kind": "Table",
            "apiVersion": META,
            "metadata": metadata,
            "columnDefinitions": definitions,
            "rows": rows,
        }

    def _included(self, obj: Mapping[str, Any]) -> JSONObject:
        if self.included == "None":
            return {}
        return {"object": obj if self.included == "Object" else _metadata(obj)}


def _metadata(obj: Mapping[str, Any]) -> JSONObject:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": obj.get("metadata", {})}
