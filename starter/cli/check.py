"""``rebalancer check``: configuration and every connection, each with what is wrong and how to mend it.

Nothing is changed anywhere: no client id is used at the gateway, nothing is published, no workflow is started.
"""

import asyncio
import os
import re
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.text import Text
from temporalio.service import RPCError

from configuration.configuration import Configuration, ConfigurationInvalid
from configuration.environment import Connections
from rebalancing.account_names import AccountNames, masked
from rebalancing.accounts import Account
from rebalancing.clocks import seconds_ahead
from rebalancing.errors import RebalancerError
from rebalancing.settings import Settings
from starter.cli.check_ably import check_ably
from starter.cli.check_alerts import check_alerts
from starter.cli.check_seals import check_seals
from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, FAILED, CommandFailed
from starter.cli.plain_text import read_in_plain_text
from starter.cli.private_files import open_to_others
from starter.cli.setup import connect_temporal, gateway_name, read_setup, temporal_address
from starter.desk.known_login import known_login
from starter.desk.mistakes import UserMistake, told_of
from starter.desk.processes import running
from worker.search_attributes import lacks, missing_attributes
from worker.workers import allocation_activities

TOLD_BY_TEMPORAL: Final = ("history", "processes")
"""What follows the look at Temporal, and is not to be had where that went wrong."""

GATEWAY_TIMEOUT: Final = 10.0
"""Seconds for the gateway's greeting."""

CLOCK_TOLERANCE: Final = Settings().clock_tolerance
"""Seconds, where configuration says nothing else."""

QUARTER_OF_AN_HOUR: Final = timedelta(minutes=15)

GREETING: Final = b"v157..176"
"""The protocol versions of our client library; the gateway answers with its own and the time."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``told`` says what was found, or what is wrong and how to mend it."""

    name: str
    is_fine: bool
    told: str


async def run_check_command(*, as_json: bool) -> int:
    """Look at everything and print what was found; the exit status is 1 if anything is wrong."""
    console = error_console() if as_json else output_console()
    findings = await _look_at_everything(console)
    if as_json:
        told = [{"name": each.name, "ok": each.is_fine, "told": each.told} for each in findings]
        print_json(told)
    return DONE if all(finding.is_fine for finding in findings) else FAILED


async def _look_at_everything(console: Console) -> list[Finding]:
    """Look, and tell at once what was found: some of it takes its time."""
    findings: list[Finding] = []

    def show(finding: Finding) -> None:
        findings.append(finding)
        mark = Text("ok     ", style="green") if finding.is_fine else Text("WRONG  ", style="bold red")
        console.print(Text.assemble(mark, (f"{finding.name:<13} ", "bold"), finding.told), soft_wrap=True)

    if exposed := open_to_others(Path()):
        console.print(_exposure(exposed), soft_wrap=True)
    try:
        connections, configuration = read_setup()
    except (ConfigurationInvalid, UserMistake) as mistake:
        show(Finding("configuration", is_fine=False, told=str(mistake)))
        return findings
    show(Finding("configuration", is_fine=True, told=_described(configuration, connections)))
    for name, look in _connections(configuration, connections):
        if name not in TOLD_BY_TEMPORAL or findings[-1].is_fine:
            show(await _found(name, look))
    return findings


async def check_temporal() -> str:
    """Reach the server and look for the search attributes that status lists rest on."""
    client = await connect_temporal()
    try:
        await client.count_workflows()
        missing = await missing_attributes(client)
    except RPCError as error:
        raise CommandFailed(
            f"{temporal_address()} refuses the namespace {client.namespace}: {error.message}. "
            "Create it or correct TEMPORAL_NAMESPACE and the credentials."
        ) from None
    if missing:
        raise CommandFailed(lacks(client, missing))
    return f"{temporal_address()}, namespace {client.namespace}"


async def check_history(gateways: tuple[str | None, ...], names: AccountNames) -> str:
    """Tell which login the history belongs to: what is unfinished in it goes on with that one alone."""
    client = await connect_temporal()
    told: list[str] = []
    for gateway in gateways:
        login = await known_login(client, gateway, names)
        belongs = f"belongs to {login}" if login else "belongs to no login yet; the first that is connected counts"
        told.append(f"{gateway_name(gateway)}: {belongs}")
    return "; ".join(told) or "no account is enabled"


async def check_processes(version: str) -> str:
    """Tell by which version of the configuration each worker and listener goes."""
    processes = await running(await connect_temporal())
    told = "; ".join(str(process) for process in processes)
    if any(process.problem for process in processes):
        raise CommandFailed(told)
    if others := [process.name for process in processes if version not in process.told]:
        raise CommandFailed(
            f"{told}. Your file is version {version}: {', '.join(others)} did not take it on. A changed file is taken "
            "on within seconds; look whether it is the same one (ACCOUNTS_FILE, or mounted into a container)."
        )
    return told or "no worker and no listener runs"


async def check_gateway(
    host: str, port: int, timeout: float = GATEWAY_TIMEOUT, clock_tolerance: float = CLOCK_TOLERANCE
) -> str:
    """Greet the gateway as an API client does, and hang up before a client id is used.

    Its greeting tells its time: ``clock_tolerance`` is by how many seconds this machine's may be off.
    """
    where, sent_at = f"{host}:{port}", datetime.now(UTC)
    try:
        async with asyncio.timeout(timeout):
            version, at = await _greet(host, port)
    except TimeoutError:
        raise CommandFailed(
            f"{where} accepts connections but does not answer within {timeout:g} s. "
            "Look whether the gateway is logged in and shows a dialog."
        ) from None
    except (EOFError, ValueError, ConnectionResetError, BrokenPipeError):
        raise CommandFailed(
            f"What listens at {where} is no IB Gateway, or it does not trust this machine. "
            "Correct IBKR_PORT, or add this machine to the trusted addresses in the gateway's API settings."
        ) from None
    except OSError as error:
        raise CommandFailed(
            f"Nothing listens at {where} ({_reason(error)}). Start IB Gateway or TWS and log in, switch the "
            "socket API on in its settings, or correct IBKR_HOST and IBKR_PORT."
        ) from None
    ahead = _clock_ahead(sent_at, at, datetime.now(UTC))
    if abs(ahead) > clock_tolerance:
        raise CommandFailed(
            f"{where} answers, but this machine's clock is at least {abs(ahead):.0f} s "
            f"{'ahead of' if ahead > 0 else 'behind'} the gateway's ({at}); nothing is traded then. "
            "Have both machines set their clocks by a time server (NTP)."
        )
    return f"{where}, server version {version}, its time is {at}"


async def check_allocations(account: Account, connections: Connections, base_url: str | None) -> str:
    """Read the targets of a strategy just as the worker does."""
    async with allocation_activities(connections, lambda _: account, lambda: base_url) as allocations:
        targets = await allocations.read_targets(account)
    told = f"{len(targets.tradable)} symbols" + (f", as of {targets.as_of}" if targets.as_of else "")
    source = account.allocations
    is_local = source.file or source.weights is not None
    address = None if is_local else source.url or base_url
    if host := read_in_plain_text(address or ""):
        told += f"; read from {host} in plain text: whoever is on the way can change what is bought. Use https"
    return told


def _connections(
    configuration: Configuration, connections: Connections
) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
    tolerance = configuration.settings.clock_tolerance
    gateways = configuration.gateways
    looks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("Temporal", check_temporal),
        ("history", lambda: check_history(gateways, configuration.names)),
        ("processes", lambda: check_processes(configuration.version)),
        *((f"gateway {name}" if name else "gateway", lambda name=name: _check_gateway(connections, name, tolerance))
          for name in gateways),
        ("Ably", lambda: check_ably(configuration, connections)),
        ("seals", lambda: check_seals(configuration.settings, connections)),
        ("alerts", lambda: check_alerts(configuration.alerts, connections)),
    ]  # fmt: skip
    base_url = configuration.allocations_base_url
    for strategy, accounts in configuration.strategies.items():
        account = accounts[0]
        looks.append((strategy, lambda account=account: check_allocations(account, connections, base_url)))
    return looks


async def _check_gateway(connections: Connections, name: str | None, clock_tolerance: float) -> str:
    address = connections.gateway(name)
    assert address.port is not None
    return await check_gateway(address.host, address.port, clock_tolerance=clock_tolerance)


async def _found(name: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(name, is_fine=True, told=await look())
    except (RPCError, CommandFailed, UserMistake, RebalancerError) as error:
        return Finding(name, is_fine=False, told=told_of(error))


async def _greet(host: str, port: int) -> tuple[int, str]:
    """The server version and time of the handshake. The form is that of the TWS API: length, then text with NULs."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"API\0" + struct.pack(">I", len(GREETING)) + GREETING)
        await writer.drain()
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        if length > 1000:
            raise ValueError("no greeting")
        version, at, *_ = (await reader.readexactly(length)).decode("ascii").split("\0")
        return int(version), at
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _exposure(exposed: tuple[Path, ...]) -> Text:
    names = " ".join(str(path) for path in exposed)
    told = f"other users of this machine may read {names}; make it yours alone: chmod 600 {names}"
    return Text.assemble(("WARN   ", "yellow"), (f"{'files':<14}", "bold"), told)


def _clock_ahead(sent_at: datetime, told: str, answered_at: datetime) -> float:
    """By how many seconds at least this machine's clock is ahead of the time in a greeting; 0 if nobody can tell.

    Its zone is the gateway's own, and mostly an abbreviation that may be anybody's. No zone is off by other than
    quarters of an hour: the one that brings it closest is taken for what is meant.
    """
    found = re.fullmatch(r"(\d{8} \d\d:\d\d:\d\d) ?(\S*)", told.strip())
    if found is None:
        return 0
    try:
        at = datetime.strptime(found[1], "%Y%m%d %H:%M:%S").replace(tzinfo=UTC)
        if "/" in found[2]:
            return seconds_ahead(sent_at, at.replace(tzinfo=ZoneInfo(found[2])), answered_at)
    except (ValueError, ZoneInfoNotFoundError):
        return 0
    quarters = round((sent_at - at) / QUARTER_OF_AN_HOUR)
    return seconds_ahead(sent_at, at + quarters * QUARTER_OF_AN_HOUR, answered_at)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _described(configuration: Configuration, connections: Connections) -> str:
    enabled, strategies = len(configuration.enabled_accounts), len(configuration.strategies)
    off = len(configuration.accounts) - enabled
    called = ", ".join(f"{name} ({masked(number)})" for name, number in configuration.names.numbers.items())
    return (
        f"{connections.accounts_file} {configuration.version}: {enabled} accounts follow {strategies} strategies"
        + (f", {off} switched off" if off else "")
        + (f"; called otherwise than by number: {called}" if called else "")
    )
