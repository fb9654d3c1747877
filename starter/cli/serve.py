"""``rebalancer serve``: the HTTP API alone; and ``rebalancer token``: what must be shown to it."""

import logging
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from temporalio.client import Client

from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from configuration.http_settings import HttpSettings
from configuration.keys_in_use import require_keys
from contract import tracing
from starter.cli.console import error_console
from starter.cli.metrics import start_logging_with_metrics
from starter.cli.services import following, until_stopped
from starter.cli.setup import connect_temporal, read_setup
from starter.desk.mistakes import UserMistake
from starter.web.application import build
from starter.web.open_desk import OpenDesk
from starter.web.server import listening, serve
from starter.web.tokens import NAME_PATTERN, Role, add_token, read_tokens, tokens_path
from starter.web.waiting_room import WaitingRoom

log = logging.getLogger(__name__)


async def run_serve_command(port: int | None) -> None:
    """Serve the HTTP API until SIGINT or SIGTERM."""
    connections, configuration = read_setup(may_be_simulated=True)
    require_keys(configuration.settings, connections)
    metrics = start_logging_with_metrics(connections, serves=True)
    client = await connect_temporal(lazy=True, interceptors=tracing.interceptors())
    followed = ConfigurationInUse(configuration, connections.accounts_file)
    api = http_api(client, followed, connections, port=port, metrics=metrics)
    await until_stopped(following(client, "api", followed, api))


def http_api(
    client: Client,
    configuration: ConfigurationInUse,
    connections: Connections,
    *,
    port: int | None = None,
    is_simulated: bool = False,
    metrics: str | None = None,
    temporal_ui: str | None = None,
    tokens: Path | None = None,
) -> Coroutine[Any, Any, None]:
    """The dashboard and the HTTP API as one service, from now on at its port.

    ``tokens`` is their file where it is not the user's own. Raises ``UserMistake`` where it cannot be served.
    """
    settings = at_port(configuration.now.http, port)
    tokens = tokens or tokens_path()
    read_tokens(tokens)
    desk = OpenDesk(
        client=client,
        configuration=configuration,
        connections=connections,
        served=settings,
        tokens=tokens,
        room=WaitingRoom(lambda: configuration.settings.concurrency.max_concurrent_requests),
        is_simulated=is_simulated,
        metrics=metrics,
        temporal_ui=temporal_ui or configuration.now.http.temporal_ui,
    )
    app, listener = build(desk), listening(settings)
    scheme = "https" if settings.certificate else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    told = "dashboard and HTTP API on %s://%s:%d; sign in with what `rebalancer token` prints, of %s"
    log.info(told, scheme, host, settings.port, tokens)
    return serve(app, settings, listener)


def at_port(settings: HttpSettings, port: int | None) -> HttpSettings:
    """The settings with the port that was asked for at the command line, if one was."""
    return settings if port is None else settings.model_copy(update={"port": port})


def run_token_command(name: str, role: str | None) -> None:
    """Print the token of this name; with a role, make it anew first. Raises ``UserMistake``."""
    path = tokens_path()
    if role is not None and (role not in list(Role) or not re.fullmatch(NAME_PATTERN, name)):
        raise UserMistake(f"A token is for {' or '.join(Role)}, and its name is of small letters, digits and dashes.")
    token = add_token(path, name, Role(role)) if role else read_tokens(path).get(name)
    if token is None:
        known = ", ".join(sorted(read_tokens(path)))
        raise UserMistake(
            f"{path} has no token named {name}; it has {known}. Make it: rebalancer token {name} --role …"
        )
    error_console().print(f"{name} ({token.role.value}), from {path}", style="dim", markup=False)
    print(token.token)  # noqa: T201  # for programs
