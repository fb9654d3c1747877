"""``rebalancer up``: everything in one process, on a Temporal server of its own that keeps its history in a file."""

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from configuration.payload_keys import read_payload_keys
from contract import tracing
from contract.halts import LOST_HISTORY
from contract.restored_history import declare_restored
from starter.ably.listener import AblyNotConfigured, listen, require_key
from starter.cli.alerting import alerting
from starter.cli.console import error_console
from starter.cli.env import address_of
from starter.cli.key import have_key
from starter.cli.logs import call_by_name
from starter.cli.metrics import start_logging_with_metrics
from starter.cli.serve import at_port, http_api
from starter.cli.services import following
from starter.cli.setup import read_setup
from starter.cli.stopping import Stopped, stopped_by_signal
from starter.desk.mistakes import UserMistake
from starter.web.codec import codec_at
from worker.admission import Upgrade
from worker.free_ports import is_free
from worker.restored_mark import mark_of, take_away
from worker.temporal import connect_embedded, embedded_server
from worker.workers import require_connections, run_workers

log = logging.getLogger(__name__)

DATABASE: Final = Path("temporal.db")
SIMULATED_DATABASE: Final = Path("temporal-simulated.db")
"""Where the history is kept if nothing else is said. A rehearsal has one of its own: it must not go on for real."""

RETENTION: Final = timedelta(days=14)
"""How long closed workflows are kept. The embedded server's default is one day."""


@dataclass(frozen=True)
class UpOptions:
    """Where everything listens. ``simulated`` puts stand-ins in the place of gateway and Ably.

    ``roll_back``: this release takes over although a newer one did before.
    """

    port: int
    ui_port: int
    http_port: int | None
    chosen_database: Path | None
    simulated: bool
    scenario: Path | None
    roll_back: bool = False

    @property
    def database(self) -> Path:
        """The file with the history."""
        return self.chosen_database or (SIMULATED_DATABASE if self.simulated else DATABASE)


async def run_up_command(options: UpOptions) -> None:
    """Run server, worker, listener and HTTP API until SIGINT or SIGTERM."""
    connections, configuration = read_setup(may_be_simulated=options.simulated)
    have_key(configuration.settings, connections)
    http_port = at_port(configuration.http, options.http_port).port
    for what, port in (
        ("Temporal", options.port),
        ("the Temporal UI", options.ui_port),
        ("the HTTP API", http_port),
    ):
        _require_free(what, port)
    metrics = start_logging_with_metrics(connections, serves=True)
    call_by_name(lambda: configuration.names)
    try:
        async with stopped_by_signal(), AsyncExitStack() as stack:
            connections = await stack.enter_async_context(_stand_ins(options, connections, configuration))
            served = at_port(configuration.http, options.http_port)
            codec = codec_at(address_of(served)) if read_payload_keys(connections) else None
            server = embedded_server(options.port, options.ui_port, options.database, codec)
            address = await stack.enter_async_context(server)
            client = await connect_embedded(address, interceptors=tracing.interceptors())
            await keep_for(client, RETENTION)
            await _heed_mark(client, options.database, configuration)
            temporal_ui = f"http://127.0.0.1:{options.ui_port}"
            error_console().print(
                f"Temporal on 127.0.0.1:{options.port}, history in {options.database}, UI: {temporal_ui}", markup=False
            )
            followed = ConfigurationInUse(configuration, connections.accounts_file)
            api = http_api(
                client,
                followed,
                connections,
                port=options.http_port,
                is_simulated=options.simulated,
                metrics=metrics,
                temporal_ui=temporal_ui,
            )
            alerts = alerting(client, followed, connections, is_simulated=options.simulated)
            upgrade = Upgrade(roll_back=options.roll_back)
            services = [run_workers(client, followed, connections, upgrade=upgrade), api, *alerts]
            try:
                require_key(connections)
            except AblyNotConfigured as missing:
                log.warning("no events are received: %s", missing.with_command)
            else:
                services.append(listen(client, followed, connections))
            suits = partial(require_connections, connections=connections)
            await following(client, "up", followed, *services, suits=suits)
    except Stopped:
        return


async def keep_for(client: Client, retention: timedelta) -> None:
    """Have the server keep closed workflows for so long."""
    duration = Duration()
    duration.FromTimedelta(retention)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=duration)
        )
    )


async def _heed_mark(client: Client, database: Path, configuration: Configuration) -> None:
    """Where a copy was put back, the history knows it before any worker starts (``rebalancer restore``)."""
    mark = mark_of(database)
    if mark is None:
        return
    accounts = [account.account_id for account in configuration.accounts]
    reason = f"it was put back from {mark.file} on {mark.restored_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    await declare_restored(client, accounts, mark.restored_at, reason, LOST_HISTORY)
    take_away(database)
    error_console().print(
        f"This history was put back from {mark.file}: no account trades until `rebalancer accept-history ACCOUNT`.",
        style="bold yellow",
        markup=False,
        soft_wrap=True,
    )


@asynccontextmanager
async def _stand_ins(
    options: UpOptions, connections: Connections, configuration: Configuration
) -> AsyncGenerator[Connections]:
    if not options.simulated:
        yield connections
        return
    # Imported only here: whoever trades for real never loads a stand-in.
    from starter.cli.simulate import stand_ins

    accounts = [account.account_id for account in configuration.enabled_accounts]
    log.info("accounts of %s: %s", connections.accounts_file, ", ".join(accounts))
    numbers = map(configuration.names.number_of, accounts)
    async with stand_ins(connections, options.scenario, numbers) as simulated:
        yield simulated


def _require_free(what: str, port: int) -> None:
    if not is_free(port):
        raise UserMistake(
            f"Port {port} for {what} is taken. Stop what listens there (another `rebalancer up`?), "
            "or choose others with --port, --ui-port and --http-port."
        )
