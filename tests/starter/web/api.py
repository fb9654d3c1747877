"""The HTTP API of a house, served on a free port of this machine as the commands serve it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from configuration.configuration_in_use import ConfigurationInUse
from configuration.http_settings import HttpSettings
from starter.web.application import build
from starter.web.open_desk import OpenDesk
from starter.web.server import listening, serve
from starter.web.tokens import Role, read_tokens
from starter.web.waiting_room import WaitingRoom
from testbed.background import in_background
from tests.house import House, quick_settings
from worker.free_ports import free_port

TRADE = {"execution_mode": "rebalance"}


@dataclass
class Api:
    """Where it is, and what a test asks it with: ``client`` shows no token, ``tokens`` has one of each role."""

    port: int
    client: httpx.AsyncClient
    tokens: dict[str, str]

    @property
    def address(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def as_(self, role: str) -> dict[str, str]:
        """The header that shows a token of this role."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@asynccontextmanager
async def api_of(
    own: House,
    folder: Path,
    *,
    is_simulated: bool = False,
    places: int = 10,
    operation_timeout: float = 300,
    **settings: Any,
) -> AsyncGenerator[Api]:
    """Serve it for the time of a block. The house's history is a rehearsal's, unless its gateway hides what it is.

    ``operation_timeout`` is for how long its callers wait; the house's rebalances go by the house's own.
    """
    served = HttpSettings(port=free_port(), **settings)
    tokens = folder / "config" / "tokens.json"
    known = own.in_use.now.model_copy(
        update={"http": served, "settings": quick_settings(operation_timeout=operation_timeout)}
    )
    desk = OpenDesk(
        client=own.client,
        configuration=ConfigurationInUse(known),
        connections=own.connections,
        served=served,
        tokens=tokens,
        room=WaitingRoom(lambda: places),
        is_simulated=is_simulated,
        temporal_ui=served.temporal_ui,
    )
    made = {name: token.token for name, token in read_tokens(tokens).items()}
    assert set(made) == set(Role)
    base = f"http://127.0.0.1:{served.port}"
    async with (
        in_background(serve(build(desk), served, listening(served))),
        httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client,
    ):
        yield Api(served.port, client, made)
