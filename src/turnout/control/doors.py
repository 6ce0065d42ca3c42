"""Where clients get in: the API, plain and in TLS, the dashboard, and the file by which they find them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from turnout.apiserver import kubeconfig
from turnout.apiserver.certificate import certificate
from turnout.apiserver.server import ApiServer
from turnout.control.dashboard import Dashboard
from turnout.control.ports import LastPorts
from turnout.control.state import StateDir


async def open_api(api: ApiServer, state: StateDir, ports: LastPorts, chosen_port: int) -> None:
    """Where it listened last time, if nothing else is chosen. Raises PortTaken, StateBroken.

    In TLS once more: kubectl sends its token nowhere else, and speaks WebSocket nowhere else.
    """
    with state.usable():
        shown = certificate(state.certificate, datetime.now(UTC))
    port = await ports.start("api", api.start, chosen_port)
    secure_port = await ports.start("api-tls", partial(api.start, certificate=shown))
    secure = kubeconfig.Secure(f"https://127.0.0.1:{secure_port}", shown.text)
    kubeconfig.write(state.kubeconfig, f"http://127.0.0.1:{port}", state.token(), secure)


async def open_dashboard(dashboard: Dashboard, ports: LastPorts, chosen_port: int | None) -> None:
    """None: not at all. Raises PortTaken."""
    if chosen_port is not None:
        await ports.start("dashboard", dashboard.start, chosen_port)
