"""How a write is to be done: what its query and its DeleteOptions say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from turnout.apiserver import message
from turnout.apiserver.garbage import Policy
from turnout.apiserver.history import Change
from turnout.apiserver.ownership import Author
from turnout.apiserver.status import StatusError, bad_request
from turnout.apiserver.target import Target

POLICIES: Final[Mapping[str, Policy]] = {
    "": "Background",
    "Background": "Background",
    "Foreground": "Foreground",
    "Orphan": "Orphan",
}
STRICTNESS: Final = ("", "Ignore", "Warn", "Strict")
MANAGER: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """`force`: take fields from other managers."""

    dry_run: bool
    change: Change | None
    author: Author
    force: bool = False


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    preconditions: Mapping[str, str]
    policy: Policy
    dry_run: bool
    change: Change | None


def write_options(request: Request, named: Target) -> WriteOptions:
    """Raises StatusError 400."""
    query = request.query_params
    strictness = query.get("fieldValidation", "")
    if strictness not in STRICTNESS:
        raise bad_request(f"fieldValidation may be Ignore, Warn or Strict, not {strictness!r}")
    author = Author(_manager(request), named.api_version, strictness == "Strict", strictness != "Ignore")
    return WriteOptions(message.dry_run(request), message.change_of(request), author, message.flag(request, "force"))


def applier(request: Request, options: WriteOptions) -> Author:
    """Whoever applies has to say who it is. Raises StatusError 400."""
    if "fieldManager" not in request.query_params:
        raise bad_request("fieldManager: Required value: is required for apply patch")
    return options.author


def _manager(request: Request) -> str:
    """As Kubernetes has it: what the client calls itself, else the program in its User-Agent."""
    given = request.query_params.get("fieldManager")
    if given is None:
        return request.headers.get("user-agent", "").partition("/")[0][:128] or "unknown"
    if MANAGER.fullmatch(given) is None:
        raise bad_request("fieldManager must have at most 128 printable characters")
    return given


def delete_options(request: Request, body: Any) -> DeleteOptions:
    """`body`: DeleteOptions, or None. Raises StatusError 400, 422."""
    options = body or {}
    if not isinstance(options, dict) or not isinstance(options.get("preconditions") or {}, dict):
        raise bad_request("the body must be DeleteOptions")
    policy = options.get("propagationPolicy") or request.query_params.get("propagationPolicy") or _old(options)
    if not isinstance(policy, str) or policy not in POLICIES:
        text = (
            f'propagationPolicy: Unsupported value: {policy!r}: supported values: "Foreground", "Background", "Orphan"'
        )
        raise StatusError(422, "Invalid", f'DeleteOptions.meta.k8s.io "" is invalid: {text}')
    return DeleteOptions(
        options.get("preconditions") or {},
        POLICIES[policy],
        message.dry_run(request) or options.get("dryRun") == ["All"],
        message.change_of(request),
    )


def _old(options: Mapping[str, Any]) -> str:
    """`orphanDependents`, which came before the policy."""
    return "Orphan" if options.get("orphanDependents") is True else ""
