"""Kubernetes' `Status` object: how the API says no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from turnout.error import ApiError, TurnoutError
from turnout.problem import ObjectPath, Problem
from turnout.resources.kinds import Kind


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason among several, with the field it is about: `spec.http[0].route`."""

    reason: str
    message: str
    field: str = ""


class StatusError(ApiError):
    """An ApiError with what the `Status` object's `details` holds."""

    def __init__(self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(status, reason, message)
        self.details = details or {}


def status_object(error: TurnoutError) -> dict[str, Any]:
    """The `Status` of any error; what the API did not foresee (a full disk, say) is a 500."""
    code, reason = (error.status, error.reason) if isinstance(error, ApiError) else (500, "InternalError")
    message = f"{error.message} (hint: {error.hint})" if error.hint else error.message
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    status |= {"message": message, "reason": reason, "code": code}
    if isinstance(error, StatusError) and error.details:
        status["details"] = error.details
    return status


def success(kind: Kind, obj: Mapping[str, Any]) -> dict[str, Any]:
    """What DELETE answers."""
    details = {**_details(kind, obj["metadata"]["name"]), "uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def not_found(kind: Kind, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{_resource(kind)} "{name}" not found', _details(kind, name))


def path_not_found() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def already_exists(kind: Kind, name: str) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{_resource(kind)} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> StatusError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {_resource(kind)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(kind, name))


def apply_conflict(kind: Kind, name: str, causes: Sequence[Cause]) -> StatusError:
    """What server-side apply would change, and others own: kubectl prints the message with its own advice."""
    lines = "\n".join(f"{cause.message}: {cause.field}" for cause in causes)
    count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    details = {**_details(kind, name), "causes": [asdict(cause) for cause in causes]}
    return StatusError(409, "Conflict", f"Apply failed with {count}: {lines}", details)


def forbidden(kind: Kind, name: str, why: str) -> StatusError:
    return StatusError(403, "Forbidden", f'{_resource(kind)} "{name}" is forbidden: {why}', _details(kind, name))


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> StatusError:
    """422: every cause is in the message, because that is what clients print."""
    lines = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes]
    what = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = {**_details(kind, name), "kind": kind.kind, "causes": [asdict(cause) for cause in causes]}
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {what}', details)


def strictly(kind: Kind, causes: Sequence[Cause]) -> StatusError:
    """400: what `fieldValidation=Strict` refuses, in Kubernetes' words."""
    listed = ", ".join(f"{cause.field}: {cause.message}" for cause in causes)
    what = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
    return bad_request(f"{what}: strict decoding error: {listed}")


def causes_of(problems: Iterable[Problem]) -> list[Cause]:
    """Admission's findings as causes; the hint goes into the message, for Kubernetes has no other place."""
    return [Cause("FieldValueInvalid", said(problem), _field(problem)) for problem in problems]


def said(problem: Problem) -> str:
    """A problem on one line, without its place."""
    hint = f" (hint: {problem.hint})" if problem.hint else ""
    return f"{problem.message}{hint} [{problem.code}]"


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def expired(oldest: int) -> StatusError:
    return StatusError(410, "Expired", f"too old resource version: history starts after {oldest}; list again")


def unsupported_media_type(allowed: Sequence[str]) -> StatusError:
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(allowed)}"
    return StatusError(415, "UnsupportedMediaType", message)


def _resource(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _details(kind: Kind, name: str) -> dict[str, Any]:
    return {"name": name, "kind": kind.plural} | ({"group": kind.group} if kind.group else {})


def _field(problem: Problem) -> str:
    return problem.where.path if isinstance(problem.where, ObjectPath) else ""
