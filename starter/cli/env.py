"""``rebalancer env``: what the plain ``temporal`` command needs to show everything in clear, for a shell to take in."""

import os
import shlex
from typing import Final

from configuration.environment import temporal_variables
from configuration.http_settings import HttpSettings
from configuration.payload_keys import read_payload_keys
from starter.cli.console import error_console
from starter.cli.serve import at_port
from starter.cli.setup import read_setup, temporal_address
from starter.desk.mistakes import UserMistake
from starter.web.codec import codec_at
from starter.web.tokens import Role, Token, read_tokens, tokens_path
from worker.temporal import connect_config

ENDPOINT: Final = "TEMPORAL_CODEC_ENDPOINT"
SHOWN: Final = "TEMPORAL_CODEC_AUTH"


def run_env_command(token: str | None, port: int | None) -> None:
    """Print the exports. Raises ``UserMistake`` where there is no such token."""
    connections, configuration = read_setup(may_be_simulated=True)
    # What `.env` says of Temporal the `temporal` command does not read.
    written = {name: value for name, value in temporal_variables().items() if name.startswith("TEMPORAL_")}
    variables = {each: value for each, value in written.items() if os.environ.get(each) != value}
    variables["TEMPORAL_ADDRESS"] = temporal_address()
    variables["TEMPORAL_NAMESPACE"] = connect_config().get("namespace") or "default"
    if read_payload_keys(connections) is None:
        error_console().print("There is no key, so nothing is encrypted.", style="dim")
    else:
        variables[ENDPOINT] = codec_at(address_of(at_port(configuration.http, port)))
        variables[SHOWN] = f"Bearer {_chosen(token).token}"
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201  # for a shell
    if ENDPOINT not in variables:
        print(f"unset {ENDPOINT} {SHOWN}")  # noqa: T201


def address_of(settings: HttpSettings) -> str:
    """Where programs of this machine, or of others, reach the HTTP API."""
    if settings.proxy is not None and settings.names:
        return f"https://{settings.names[0]}"
    host = settings.names[0] if settings.certificate and settings.names else settings.host
    scheme = "https" if settings.certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _chosen(name: str | None) -> Token:
    """The token of this name; without one a viewer's, which is enough to read."""
    path = tokens_path()
    tokens = read_tokens(path)
    viewers = (own for own, token in tokens.items() if token.role is Role.VIEWER)
    found = tokens.get(name or next(viewers, ""))
    if found is None:
        known = ", ".join(sorted(tokens)) or "none"
        raise UserMistake(f"{path} has no token {name or 'of a viewer'}; it has {known}: name one with --token.")
    return found
