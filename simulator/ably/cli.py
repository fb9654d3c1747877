"""`rebalancer simulate ably`: the stand-in on its own."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from simulator.ably.capabilities import Capability, parse_capability
from simulator.ably.credentials import ANYTHING, BadKeyError
from simulator.ably.errors import AblyError
from simulator.ably.server import DEFAULT_KEY, DEFAULT_RETENTION_MS, SimulatedAbly
from simulator.loopback import NotLoopbackError
from simulator.serving import told_to_stop

DEFAULT_PORT = 8081


async def run_ably(
    *,
    port: int,
    key: str,
    host: str = "127.0.0.1",
    allow_remote: bool = False,
    capability: Capability = ANYTHING,
    retention_ms: int = DEFAULT_RETENTION_MS,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        NotLoopbackError: `host` is no loopback address and remote connections were not allowed.
    """
    async with SimulatedAbly(
        key, port, host=host, allow_remote=allow_remote, capability=capability, retention_ms=retention_ms
    ) as ably:
        with told_to_stop() as stop:
            console = Console(highlight=False)
            console.print(f"Ably stand-in on http://{ably.endpoint}:{ably.port}, key {key}. Publish with:")
            console.print(
                f"  curl -u {key} -H 'Content-Type: application/json' "
                f"http://{ably.endpoint}:{ably.port}/channels/CHANNEL/messages "
                """-d '{"data": {"execution": "rebalance"}}'""",
                soft_wrap=True,
            )
            await stop.wait()


def ably(
    port: Annotated[
        int, typer.Option(help="Port for HTTP and WebSocket; 0 chooses a free one.", min=0, max=65_535)
    ] = DEFAULT_PORT,
    key: Annotated[str, typer.Option(help="The one key that is accepted.")] = DEFAULT_KEY,
    capability: Annotated[
        str, typer.Option(help="What the key may do, in JSON: operations by channel.")
    ] = '{"*": ["*"]}',
    retention: Annotated[
        float, typer.Option(min=1, help="Seconds messages are kept; 259200 is what Ably keeps with persistence.")
    ] = DEFAULT_RETENTION_MS / 1000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote-connections", help="Let HOST be reachable from other machines.")
    ] = False,
) -> None:
    """Run the Ably stand-in."""
    try:
        allowed = parse_capability(capability)
        asyncio.run(
            run_ably(
                port=port,
                key=key,
                host=host,
                allow_remote=allow_remote,
                capability=allowed,
                retention_ms=round(retention * 1000),
            )
        )
    except AblyError as error:
        raise typer.BadParameter(error.message) from error
    except (BadKeyError, NotLoopbackError) as error:
        raise typer.BadParameter(str(error)) from error
