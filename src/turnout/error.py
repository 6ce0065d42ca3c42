"""What may go wrong outside the program: I/O, and other programs. What users write wrong is a `Problem`, a value.

TurnoutError              printed as `error: …` with its hint; exit status 1
├── NotRunning            no instance behind this state directory
├── ClusterFailed         a kubeconfig that cannot be used, or a cluster that does not answer
├── ApiError              the resource API refused: HTTP status, reason, message
├── StateLocked           another `turnout up` holds this state directory
├── StateBroken           state.db cannot be read or written
├── PortTaken             somebody else listens there
├── ProgramNotFound       a command cannot be started
├── ContainersFailed      podman or docker is missing, or refused
├── EnvoyFailed           Envoy did not start, or does not answer
├── EvidenceFailed        a guard's question has no answer
└── HookFailed            a hook was not told of an event
"""

from __future__ import annotations


class TurnoutError(Exception):
    """Shown to the user as it is, without a traceback: what happened, then what to do about it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotRunning(TurnoutError):
    """No instance behind this state directory."""


class ClusterFailed(TurnoutError):
    """A kubeconfig cannot be used, or nobody answers behind it."""


class ApiError(TurnoutError):
    """The resource API refused; `status` and `reason` are those of Kubernetes' `Status` object."""

    def __init__(self, status: int, reason: str, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.reason = reason


class StateLocked(TurnoutError):
    """Another `turnout up` holds this state directory."""


class StateBroken(TurnoutError):
    """state.db cannot be read or written."""


class PortTaken(TurnoutError):
    """Somebody else listens there."""


class ProgramNotFound(TurnoutError):
    """A command cannot be started: no such program, not executable, or no such working folder."""


class ContainersFailed(TurnoutError):
    """Podman or docker is missing, cannot be used here, or refused."""


class EnvoyFailed(TurnoutError):
    """Envoy did not start, or does not answer."""


class EvidenceFailed(TurnoutError):
    """A guard's question has no answer: nobody can be asked, or what is said is no number."""


class HookFailed(TurnoutError):
    """A hook was not told. `again`: it may go well the next time."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again
