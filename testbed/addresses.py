"""How our processes are told where Temporal and the stand-ins are: by the variables that everybody sets."""

import os
from collections.abc import Mapping
from typing import Any, Final

from configuration.environment import Connections
from simulator.ably.server import DEFAULT_KEY
from simulator.allocations.server import DEFAULT_API_KEY

HOST: Final = "127.0.0.1"
OWN_VARIABLES: Final = (
    "TEMPORAL_",
    "ABLY_",
    "ALLOCATIONS_",
    "IBKR_",
    "ALERT_",
    "METRICS_",
    "LOG_FORMAT",
    "OTEL_",
    "ACCOUNTS_FILE",
    "REBALANCER_",
)
"""What the environment might say of somebody's real connections begins like this."""


def temporal_at(port: int) -> dict[str, str]:
    """Temporal's server."""
    return {"TEMPORAL_ADDRESS": f"{HOST}:{port}"}


def gateway_at(port: int, name: str | None = None) -> dict[str, str]:
    """A gateway, which may have a name."""
    prefix = f"IBKR_{name.upper()}_" if name else "IBKR_"
    return {f"{prefix}HOST": HOST, f"{prefix}PORT": str(port)}


def ably_at(port: int, key: str = DEFAULT_KEY) -> dict[str, str]:
    """Ably."""
    return {"ABLY_API_KEY": key, "ABLY_ENDPOINT": HOST, "ABLY_PORT": str(port), "ABLY_TLS": "false"}


def allocations_at(port: int, key: str = DEFAULT_API_KEY) -> dict[str, str]:
    """The allocations API."""
    return {"ALLOCATIONS_BASE_URL": f"http://{HOST}:{port}", "ALLOCATIONS_API_KEY": key}


def connections_of(variables: Mapping[str, str], others: Connections | None = None) -> Connections:
    """What a process makes of these variables; others are as in ``others`` or the environment, not ``.env``."""
    known: dict[str, Any] = others.model_dump() if others else {}
    known |= {name.lower(): value for name, value in variables.items()}
    return Connections(_env_file=None, **known)  # pyright: ignore[reportCallIssue]  # pydantic-settings adds it


def keep_local_connections_local() -> None:
    """A proxy in the environment would swallow the WebSocket to a stand-in, which is on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), HOST, "localhost"]))


def clean_environment() -> dict[str, str]:
    """This process's environment without anybody's real connections, and with no proxy for this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    return {**kept, "NO_PROXY": HOST, "no_proxy": HOST}
