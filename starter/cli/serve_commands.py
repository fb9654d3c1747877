"""The commands of the HTTP API: ``serve`` and ``token``."""

from typing import Annotated, Final

import typer

from starter.cli.arguments import SERVICES
from starter.cli.mistakes import complete

MOST_PORTS: Final = 65_535

PortOption = Annotated[
    int | None,
    typer.Option(help="Port of the HTTP API. Without it: http.port in accounts.yaml.", min=1, max=MOST_PORTS),
]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command(rich_help_panel=SERVICES)(serve)
    app.command(rich_help_panel=SERVICES)(token)


def serve(port: PortOption = None) -> None:
    """Serve the HTTP API, for a Temporal server that runs elsewhere."""
    from starter.cli.serve import run_serve_command

    complete(run_serve_command(port))


def token(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Whose; trader and viewer are there.")] = "trader",
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="Make it anew, for this role: viewer or trader.")
    ] = None,
) -> None:
    """Print the token that the HTTP API wants to see before it changes anything."""
    from starter.cli.serve import run_token_command

    async def told() -> None:
        run_token_command(name, role)

    complete(told())
