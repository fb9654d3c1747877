"""``rebalancer status``: what holds all accounts, then how each of them stands."""

import asyncio
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.live import Live
from temporalio.client import Client

from configuration.configuration import Configuration, ConfigurationInvalid
from rebalancing.accounts import Account
from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, WAITS_FOR_YOU
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.status_view import account_view, accounts_table, installation_lines
from starter.cli.stopping import Stopped, stopped_by_signal
from starter.desk.account_status import AccountStatus
from starter.desk.installation import Installation, read_installation
from starter.desk.limits import limits_of
from starter.desk.mistakes import UserMistake
from starter.desk.status import held, read_statuses, status_of

LOOK_EVERY: Final = 2.0
"""Seconds between two looks of ``--watch``."""


class _Shown(NamedTuple):
    """What one look found."""

    installation: Installation
    accounts: list[AccountStatus]

    @property
    def exit_status(self) -> int:
        return WAITS_FOR_YOU if any(each.waits_for_you for each in self.accounts) else DONE


async def run_status_command(account: str | None, *, as_json: bool, watch: bool) -> int:
    """Print the status of one account or of all; the exit status says whether one waits for a person."""
    if watch and as_json:
        raise UserMistake("Give either --watch or --json.")
    configuration = _configuration()
    client = await connect_temporal()
    if watch:
        return await _watch(client, account, configuration)
    found = await _look(client, account, configuration)
    own = _own(account, configuration)
    if as_json:
        print_json(_json(found, own))
    else:
        _print(found, account, own)
    return found.exit_status


def _configuration() -> Configuration | None:
    """The accounts as they are configured; a file that cannot be used hides nothing of what is known without it."""
    try:
        return read_setup(may_be_simulated=True).configuration
    except ConfigurationInvalid as invalid:
        error_console().print(str(invalid), style="red", markup=False, soft_wrap=True)
        return None


async def _look(client: Client, account: str | None, configuration: Configuration | None) -> _Shown:
    accounts = configuration.accounts if configuration else ()
    asked = read_statuses(client, None, accounts) if account is None else _one(client, account, accounts)
    installation, statuses = await asyncio.gather(read_installation(client, configuration), asked)
    return _Shown(installation, held(statuses, installation.halts))


async def _one(client: Client, account: str, accounts: tuple[Account, ...]) -> list[AccountStatus]:
    return [await status_of(client, account, accounts)]


async def _watch(client: Client, account: str | None, configuration: Configuration | None) -> int:
    """Look again and again until a signal ends it, which is its normal end."""
    found = await _look(client, account, configuration)
    own = _own(account, configuration)
    try:
        async with stopped_by_signal():
            with Live(_view(found, account, own), console=output_console(), auto_refresh=False) as live:
                while True:
                    await asyncio.sleep(LOOK_EVERY)
                    found = await _look(client, account, configuration)
                    live.update(_view(found, account, own), refresh=True)
    except Stopped:
        return found.exit_status


def _own(account: str | None, configuration: Configuration | None) -> Account | None:
    accounts = configuration.accounts if configuration else ()
    return next((own for own in accounts if own.account_id == account), None)


def _view(found: _Shown, account: str | None, own: Account | None) -> RenderableType:
    now = datetime.now(UTC)
    return Group(*installation_lines(found.installation, now), _accounts(found, account, own, now))


def _print(found: _Shown, account: str | None, own: Account | None) -> None:
    now, console = datetime.now(UTC), output_console()
    for line in installation_lines(found.installation, now):
        console.print(line, soft_wrap=True)
    console.print(_accounts(found, account, own, now))


def _accounts(found: _Shown, account: str | None, own: Account | None, now: datetime) -> RenderableType:
    if account is None:
        return accounts_table(found.accounts, now)
    return account_view(found.accounts[0], limits_of(own) if own else {}, now)


def _json(found: _Shown, own: Account | None) -> dict[str, object]:
    accounts = [dict(each.as_json()) for each in found.accounts]
    if own is not None:
        accounts[0]["limits"] = dict(limits_of(own))
    return {"installation": found.installation.as_json(), "accounts": accounts}
