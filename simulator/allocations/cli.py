"""`rebalancer simulate allocations`: the stand-in on its own."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulator.allocations.server import DEFAULT_API_KEY, SimulatedAllocations
from simulator.allocations.strategies import StrategiesFileError, read_strategies
from simulator.loopback import NotLoopbackError
from simulator.serving import told_to_stop

DEFAULT_PORT = 8082
CHECK_SECONDS = 0.1
"""How often the file is looked at."""


async def run_allocations(
    *, file: Path, port: int, api_key: str, host: str = "127.0.0.1", allow_remote: bool = False
) -> None:
    """Serve the strategies in `file` until SIGINT or SIGTERM; the file is read again whenever it changes.

    Raises:
        StrategiesFileError: the file cannot be used.
        NotLoopbackError: `host` is no loopback address and remote connections were not allowed.
    """
    strategies = read_strategies(file)
    async with SimulatedAllocations(
        strategies, port, api_key=api_key, host=host, allow_remote=allow_remote
    ) as allocations:
        with told_to_stop() as stop:
            console = Console(highlight=False)
            console.print(f"Allocations API on {allocations.base_url}, strategies: {', '.join(strategies)}. Ask with:")
            first = next(iter(strategies))
            console.print(
                f"  curl -H 'x-api-key: {api_key}' {allocations.base_url}/{first}/allocations", soft_wrap=True
            )
            watching = asyncio.create_task(_follow(file, allocations))
            try:
                await stop.wait()
            finally:
                watching.cancel()


async def _follow(file: Path, allocations: SimulatedAllocations) -> None:
    """Serve what the file says now; while it cannot be used, what it said before."""
    seen = _version(file)
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        version = _version(file)
        if version == seen:
            continue
        seen = version
        try:
            allocations.replace(read_strategies(file))
        except StrategiesFileError as error:
            Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)


def _version(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_ino)


def allocations(
    file: Annotated[Path, typer.Option(help="YAML or JSON: {strategy: {symbol: weight}}.", dir_okay=False)],
    port: Annotated[int, typer.Option(help="Port; 0 chooses a free one.", min=0, max=65_535)] = DEFAULT_PORT,
    api_key: Annotated[str, typer.Option(help="What the header x-api-key has to say.")] = DEFAULT_API_KEY,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote-connections", help="Let HOST be reachable from other machines.")
    ] = False,
) -> None:
    """Run the allocations API stand-in."""
    try:
        asyncio.run(run_allocations(file=file, port=port, api_key=api_key, host=host, allow_remote=allow_remote))
    except (StrategiesFileError, NotLoopbackError) as error:
        raise typer.BadParameter(str(error)) from error
