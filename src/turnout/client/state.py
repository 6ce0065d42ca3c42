"""Where an instance keeps its state, and how its API is reached."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from turnout.error import NotRunning

FOLDER = ".turnout"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API listens, and what opens it."""

    host: str
    port: int
    token: str


def find_state(start: Path) -> Path:
    """The `.turnout` of the folder or of its nearest parent that has one; else the one `start` would get."""
    start = start.absolute()
    return next((folder / FOLDER for folder in (start, *start.parents) if (folder / FOLDER).is_dir()), start / FOLDER)


def read_address(state: Path) -> Address:
    """From the state's kubeconfig. Raises NotRunning when there is none, or none of ours."""
    path = state / "kubeconfig"
    try:
        config = json.loads(path.read_bytes())
        server = config["clusters"][0]["cluster"]["server"]
        host, _, port = server.rpartition("@")[2].rpartition("/")[2].rpartition(":")
        return Address(host, int(port), config["users"][0]["user"]["token"])
    except OSError as error:
        raise not_running(state) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotRunning(f"{path} cannot be read", "remove it, then start with `turnout up`") from error


def not_running(state: Path) -> NotRunning:
    return NotRunning(f"nothing is running for {state}", "start it with `turnout up`, or name another `--state`")
