"""`rebalancer simulate …`: the stand-ins, each on its own. This module only gathers them."""

import typer

from simulator.ably.cli import ably
from simulator.allocations.cli import allocations
from simulator.gateway.cli import gateway

app = typer.Typer(help="Run a stand-in for something outside: broker, messages, allocations.", no_args_is_help=True)

app.command()(gateway)
app.command()(ably)
app.command()(allocations)
