"""The commands of the HTTP API: ``serve``, ``token`` and ``env``."""

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
    app.command(rich_help_panel=SERVICES)(env)


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


def env(
    token: Annotated[
        str | None, typer.Option(metavar="NAME", help="The token that is shown to it. Without it: a viewer's.")
    ] = None,
    http_port: PortOption = None,
) -> None:
    """Print what the plain `temporal` command needs to show everything in clear: eval "$(rebalancer env)"."""
    from starter.cli.env import run_env_command

    async def told() -> None:
        run_env_command(token, http_port)

    complete(told())
