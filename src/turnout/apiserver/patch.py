"""Ways to say what to change of an object: merge patch, JSON patch, Kubernetes' strategic merge patch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jsonpatch

from turnout.apiserver.status import StatusError, bad_request
from turnout.apiserver.strategic import strategic_merged

MAX_OPERATIONS = 1000
MAX_COPIED_BYTES = 3 << 20


@dataclass(frozen=True, slots=True)
class Patch:
    """`merge` (RFC 7386) and `strategic`: a partial object. `json` (RFC 6902): a list of operations.

    `apply` is server-side apply's, which `Store.apply` carries out.
    """

    type: Literal["merge", "json", "strategic", "apply"]
    body: Any


def patched(obj: dict[str, Any], patch: Patch) -> dict[str, Any]:
    """The object after the patch; `obj` itself may be changed on the way. Raises StatusError (400, 422)."""
    if patch.type == "json":
        result = _operated(obj, patch.body)
    elif not isinstance(patch.body, Mapping):
        raise bad_request("a merge patch is a JSON object")
    else:
        result = _strategic(obj, patch.body) if patch.type == "strategic" else merged(obj, patch.body)
    if not isinstance(result, dict):
        raise bad_request("the patch leaves no object")
    return result


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces. Shares structure with its arguments."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def tests_failing(obj: Mapping[str, Any], patch: Patch, path: str, value: str) -> bool:
    """Whether a JSON patch demands, with a `test` operation, another value at `path` than there is."""
    if patch.type != "json" or not isinstance(patch.body, list):
        return False
    tests = [o for o in patch.body if isinstance(o, Mapping) and o.get("op") == "test" and o.get("path") == path]
    return any(test.get("value") != value for test in tests)


def _strategic(obj: Any, body: Mapping[str, Any]) -> Any:
    try:
        return strategic_merged(obj, body)
    except (TypeError, AttributeError, KeyError) as error:
        # A list whose items are not what its merge key expects.
        raise StatusError(422, "Invalid", f"the server rejected the patch: {error!r}") from error


def _operated(obj: Any, operations: Any) -> Any:
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise bad_request(f"a JSON patch is a list of at most {MAX_OPERATIONS} operations")
    for operation in operations:
        obj = _step(obj, operation)
        # Copies double what is there; thirty of them would fill the memory.
        if operation.get("op") == "copy" and len(json.dumps(obj)) > MAX_COPIED_BYTES:
            raise StatusError(413, "RequestEntityTooLarge", "the patch copies too much")
    return obj


def _step(obj: Any, operation: Any) -> Any:
    try:
        return jsonpatch.JsonPatch([operation]).apply(obj, in_place=True)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, AttributeError) as error:
        # As the API server answers a patch that is well-formed and does not fit.
        raise StatusError(422, "Invalid", f"the server rejected the patch: {error}") from error
