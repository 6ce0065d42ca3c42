"""Where an instance keeps its state, and how its API is reached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from turnout.error import NotRunning, TurnoutError

FOLDER = ".turnout"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API listens, and what opens it."""

    host: str
    port: int
    token: str


@dataclass(frozen=True, slots=True)
class Local:
    """The door of the instance behind a state directory."""

    address: Address
    state: Path

    @property
    def prefix(self) -> str:
        return ""

    def connection(self, timeout_seconds: float | None) -> HTTPConnection:
        return HTTPConnection(self.address.host, self.address.port, timeout=timeout_seconds)

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.address.token}"}

    def renew(self) -> bool:
        return False

    def shut(self, why: str, *, refused: bool = False) -> NotRunning:
        """Also when a token is refused: then the port of an instance that is gone went to another one."""
        return not_running(self.state)

    def late(self, seconds: float) -> TurnoutError:
        message = f"no answer from port {self.address.port} within {seconds} s"
        return TurnoutError(message, "see `turnout logs`, or end it with `turnout down`")


def find_state(start: Path) -> Path:
    """The `.turnout` of the folder or of its nearest parent that has one; else the one `start` would get."""
    start = start.absolute()
    return next((folder / FOLDER for folder in (start, *start.parents) if (folder / FOLDER).is_dir()), start / FOLDER)


def read_address(state: Path) -> Address:
    """From the state's kubeconfig: without TLS, which costs a command as much as all else. Raises NotRunning.

    There is none, or none of ours.
    """
    path = state / "kubeconfig"
    try:
        config = json.loads(path.read_bytes())
        (plain,) = config["clusters"][0]["cluster"]["extensions"]
        host, _, port = plain["extension"]["server"].rpartition("/")[2].rpartition(":")
        return Address(host, int(port), config["users"][0]["user"]["token"])
    except OSError as error:
        raise not_running(state) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotRunning(f"{path} cannot be read", "remove it, then start with `turnout up`") from error


def not_running(state: Path) -> NotRunning:
    return NotRunning(f"nothing is running for {state}", "start it with `turnout up`, or name another `--state`")
