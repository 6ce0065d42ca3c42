"""What would become of a request: every step of the way, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from turnout.problem import ObjectPath


class Action(StrEnum):
    """Who answers in the end, and how. TUNNEL: the connection goes on as it is, unread."""

    FORWARD = "forward"
    REDIRECT = "redirect"
    RESPOND = "respond"
    REFUSE = "refuse"
    TUNNEL = "tunnel"


@dataclass(frozen=True, slots=True)
class RuleName:
    """A rule, by where it stands: `where.path` is `spec.http[0].match[1]`. None: no rule is written for the service.

    `name`: what metrics and logs call it. `when`: its condition in words. `delegated_by`: the route that leaves its
    requests to this one.
    """

    where: ObjectPath | None
    name: str
    when: str
    delegated_by: ObjectPath | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that was tried before, and everything that does not fit."""

    rule: RuleName
    misses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod that may answer."""

    namespace: str
    workload: str
    pod: str
    address: str
    draining: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One header of the answer: `remove`, `set`, or `add`."""

    verb: str
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a share of requests goes, and as what it arrives there.

    `headers`: the request's. `response_headers`: what is done to this one's answers only, before what is done to all.
    `failure`: `NC` where there is no such host or subset, `UH` where nothing runs. `failure_status`: what its share of
    requests gets then. `as_asked`: it has no endpoints of its own, and leads wherever the request asks to go.
    """

    cluster: str
    host: str
    subset: str
    port: int
    percent: float
    failure: str = ""
    failure_status: int | None = None
    endpoints: tuple[Endpoint, ...] = ()
    as_asked: bool = False
    authority: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Retries:
    """`attempts`: at most so many after the first."""

    attempts: int
    on: tuple[str, ...]
    per_try_timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is injected, before anything else happens. None: nothing of that kind."""

    delay_seconds: float | None = None
    delay_percent: float = 0.0
    abort_status: int | None = None
    abort_grpc_status: int | None = None
    abort_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`listener`: whose side of the call; `domain`: by which of its names the virtual host was found.

    `status`: what the proxy itself answers; None where a destination does. `path` and `headers`: as the rules see them;
    `path_sent`: as a destination gets it. `timeout_seconds` None: there is no limit. `mirrors`: `percent` is of all
    requests. `split`: by what it is decided who gets which destination, where that is not chance.
    """

    listener: str
    action: Action
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    virtual_host: str = ""
    domain: str = ""
    rule: RuleName | None = None
    passed: tuple[Passed, ...] = ()
    status: int | None = None
    reason: str = ""
    location: str = ""
    body: str = ""
    destinations: tuple[Destination, ...] = ()
    path_sent: str = ""
    timeout_seconds: float | None = None
    retries: Retries | None = None
    fault: Fault | None = None
    mirrors: tuple[Destination, ...] = ()
    response_headers: tuple[Operation, ...] = ()
    split: str = ""
