"""The resource API's client: small, and quick to import, for every command waits for it."""

from turnout.client.client import Client
from turnout.client.state import find_state

__all__ = ["Client", "find_state"]
