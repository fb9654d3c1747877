"""`rebalancer simulate gateway`: the stand-in on its own."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulator.gateway.scenario import DEMO_SCENARIO, Scenario, ScenarioError, load_scenario
from simulator.gateway.server import SimulatedGateway
from simulator.gateway.state import GatewayState, StateError
from simulator.loopback import NotLoopbackError
from simulator.serving import told_to_stop

DEFAULT_PORT = 4002  # where a real gateway offers paper trading
DEFAULT_CONTROL_PORT = 4003


async def run_gateway(
    scenario: Scenario,
    *,
    port: int,
    control_port: int,
    host: str = "127.0.0.1",
    state_file: Path | None = None,
    roll_back: int = 0,
    allow_remote: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output tells the ports once clients may connect.

    ``roll_back`` sets every client's order id counter back by so much, as some restarts of the real gateway do.

    Raises:
        NotLoopbackError: ``host`` is no loopback address and remote connections were not allowed.
        StateError: the state file exists but cannot be used.
        OSError: a port is taken.
    """
    state = rolled_back_state(state_file, roll_back)
    async with SimulatedGateway(
        scenario, port, control_port, host=host, state=state, state_file=state_file, allow_remote=allow_remote
    ) as gateway:
        with told_to_stop() as stop:
            console = Console(highlight=False, soft_wrap=True)
            console.print(
                f"IB Gateway stand-in on {host}:{gateway.port}, control http://127.0.0.1:{gateway.control_port}"
            )
            await stop.wait()


def rolled_back_state(state_file: Path | None, count: int) -> GatewayState | None:
    """The saved state with its order ids rolled back; ``None`` if there is none, or nothing is to be rolled back.

    Raises `StateError` for a file that holds no state.
    """
    if not count or state_file is None or not state_file.exists():
        return None
    return GatewayState.load(state_file).with_order_ids_rolled_back(count)


def gateway(
    port: Annotated[
        int, typer.Option(help="Port for API clients; 0 chooses a free one.", min=0, max=65_535)
    ] = DEFAULT_PORT,
    control_port: Annotated[
        int, typer.Option(help="Port of the HTTP control; 0: a free one.", min=0, max=65_535)
    ] = DEFAULT_CONTROL_PORT,
    scenario: Annotated[
        Path, typer.Option(help="What it starts from (YAML).", show_default="the demo's")
    ] = DEMO_SCENARIO,
    state: Annotated[
        Path | None, typer.Option(help="Where orders, fills and holdings survive a restart (JSON).")
    ] = None,
    roll_back_order_ids: Annotated[
        int, typer.Option(min=0, help="Set the order ids of STATE back by so many, as some restarts do.")
    ] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote-connections", help="Let HOST be reachable from other machines.")
    ] = False,
) -> None:
    """Run the IB Gateway stand-in."""
    try:
        asyncio.run(
            run_gateway(
                load_scenario(scenario),
                port=port,
                control_port=control_port,
                host=host,
                state_file=state,
                roll_back=roll_back_order_ids,
                allow_remote=allow_remote,
            )
        )
    except (ScenarioError, StateError, NotLoopbackError, OSError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
        raise typer.Exit(1) from error
