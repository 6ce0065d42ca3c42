"""HTTP messages: what a request asks for, and how an answer is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from turnout.apiserver import protobuf
from turnout.apiserver.history import Change
from turnout.apiserver.metadata import MAX_BYTES, MAX_DEPTH, depth_exceeds
from turnout.apiserver.patch import Patch
from turnout.apiserver.status import StatusError, bad_request, said, unsupported_media_type
from turnout.problem import Problem, errors
from turnout.resources.reader import read

CHANGE_HEADER = "x-turnout-change"
CHANGE = re.compile(r"(?P<id>[!-.0-~]{1,128})/(?P<of>[1-9][0-9]{0,3})")
MAX_WARNINGS = 20
MAX_WARNING_CHARS = 500

PATCH_TYPES: Mapping[str, Any] = {
    "application/merge-patch+json": "merge",
    "application/json-patch+json": "json",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
YAML = ("application/apply-patch+yaml", "application/yaml")


async def json_body(request: Request) -> Any:
    """The parsed body, JSON or YAML; None when it is empty. Raises StatusError 400, 413, 415."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = await _body(request)
    if not text:
        return None
    if media_type == protobuf.MEDIA_TYPE:
        return _protobuf(text)
    if media_type not in ("", "application/json", *YAML, *PATCH_TYPES):
        raise unsupported_media_type(["application/json", "application/yaml"])
    strict = request.query_params.get("fieldValidation") == "Strict"
    value = _yaml(text) if media_type in YAML else _json(text, strict=strict)
    if depth_exceeds(value, MAX_DEPTH):
        raise bad_request(f"the body nests deeper than {MAX_DEPTH} levels")
    return value


def _protobuf(body: bytes) -> dict[str, Any]:
    try:
        return protobuf.decode(body)
    except protobuf.Malformed as error:
        raise StatusError(415, "UnsupportedMediaType", f"the body cannot be read as protobuf: {error}") from error


def _json(text: bytes, *, strict: bool = False) -> Any:
    """`strict`: a key may be given only once."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique if strict else None)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body cannot be read as JSON: {error}") from error


def _yaml(text: bytes) -> Any:
    """One object. Most clients send JSON under this name, and that is quicker to read."""
    if text.lstrip()[:1] in (b"{", b"["):
        return _json(text)
    documents, problems = read(text.decode(errors="surrogateescape"), "the body")
    if errors(problems) or len(documents) != 1:
        why = [str(problem) for problem in errors(problems)] or [f"{len(documents)} objects instead of one"]
        raise bad_request(f"the body cannot be read as YAML: {'; '.join(why)}")
    return documents[0].data


async def json_object(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    value = await json_body(request)
    if not isinstance(value, dict):
        raise bad_request("the body must be a JSON object")
    return value


async def patch_body(request: Request, *, strategic: bool) -> Patch:
    """`strategic`: whether the resource takes strategic merge patches, as only Kubernetes' own kinds do."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = PATCH_TYPES.get(media_type)
    if kind is None or (kind == "strategic" and not strategic):
        allowed = [name for name, value in PATCH_TYPES.items() if strategic or value != "strategic"]
        raise unsupported_media_type(allowed)
    return Patch(kind, await json_body(request))


async def _body(request: Request) -> bytes:
    """At most MAX_BYTES, whatever the headers promise."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            raise StatusError(413, "RequestEntityTooLarge", f"a request's body may have {MAX_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"strict decoding error: duplicate field {twice!r}")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def change_of(request: Request) -> Change | None:
    """The header `X-Turnout-Change: <id>/<of>`. Raises StatusError 400 for another shape."""
    text = request.headers.get(CHANGE_HEADER)
    if text is None:
        return None
    match = CHANGE.fullmatch(text)
    if match is None:
        raise bad_request(f"{CHANGE_HEADER} must be <id>/<number of writes>, not {text!r}")
    return Change(match["id"], int(match["of"]))


def dry_run(request: Request) -> bool:
    """Raises StatusError 400 for another value than `All`."""
    values = request.query_params.getlist("dryRun")
    if any(value != "All" for value in values):
        raise bad_request(f"dryRun may be All, not {values}")
    return bool(values)


def flag(request: Request, name: str) -> bool:
    """A query parameter that is `1` or `true`."""
    return request.query_params.get(name, "").lower() in ("1", "true")


def answer(value: Any, status: int = 200, warnings: Iterable[Problem] = ()) -> Response:
    """JSON, with a `Warning` header for each finding."""
    response = Response(json.dumps(value, separators=(",", ":")), status, media_type="application/json")
    warn(response, map(said, warnings))
    return response


def warn(response: Response, texts: Iterable[str]) -> None:
    """Adds what a client prints besides; each once, and only so many."""
    there = [value for name, value in response.raw_headers if name == b"warning"]
    new = dict.fromkeys(map(_warning, texts))
    added = [warning for warning in new if warning not in there][: MAX_WARNINGS - len(there)]
    response.raw_headers += [(b"warning", warning) for warning in added]


def _warning(text: str) -> bytes:
    """As Kubernetes writes it: agent code 299, a quoted text in UTF-8, no control characters."""
    line = "".join(character if character.isprintable() else " " for character in text[:MAX_WARNING_CHARS])
    quoted = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'.encode(errors="replace")
