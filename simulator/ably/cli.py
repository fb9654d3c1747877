"""`rebalancer simulate ably`: the stand-in on its own."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from simulator.ably.credentials import BadKeyError
from simulator.ably.server import SimulatedAbly
from simulator.loopback import NotLoopbackError
from simulator.serving import until_stopped

DEFAULT_PORT = 8081
DEFAULT_KEY = "local.key:secret"


async def run_ably(*, port: int, key: str, host: str = "127.0.0.1", allow_remote: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        NotLoopbackError: `host` is no loopback address and remote connections were not allowed.
    """
    async with SimulatedAbly(key, port, host=host, allow_remote=allow_remote) as ably:
        console = Console(highlight=False)
        console.print(f"Ably stand-in on http://{ably.endpoint}:{ably.port}, key {key}. Publish with:")
        console.print(
            f"  curl -u {key} -H 'Content-Type: application/json' "
            f"http://{ably.endpoint}:{ably.port}/channels/CHANNEL/messages "
            """-d '{"data": {"execution": "rebalance"}}'""",
            soft_wrap=True,
        )
        await until_stopped()


def ably(
    port: Annotated[
        int, typer.Option(help="Port for HTTP and WebSocket; 0 chooses a free one.", min=0, max=65_535)
    ] = DEFAULT_PORT,
    key: Annotated[str, typer.Option(help="The one key that is accepted.")] = DEFAULT_KEY,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote-connections", help="Let HOST be reachable from other machines.")
    ] = False,
) -> None:
    """Run the Ably stand-in."""
    try:
        asyncio.run(run_ably(port=port, key=key, host=host, allow_remote=allow_remote))
    except (BadKeyError, NotLoopbackError) as error:
        raise typer.BadParameter(str(error)) from error
