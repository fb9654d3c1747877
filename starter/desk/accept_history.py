"""Lets an account trade whose history was put back, or lacks orders that the broker has (docs/backup.md)."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration import Configuration
from contract.halts import Halt, halts_of, history_pause_id
from contract.restored_history import accept, declare_restored, unknown_orders
from rebalancing.accounts import Account
from rebalancing.errors import RebalancerError
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.placed_order import PlacedOrder, told_of
from starter.desk.halt import resume
from starter.desk.latest_run import ENDED, handle_of, query_status
from starter.desk.positions import read_positions
from starter.desk.temporal_errors import is_unknown


class NothingToAccept(RebalancerError):
    """The account's history is not doubted.

    Do: nothing; nobody doubts it. If the account is held, ``rebalancer status ACCOUNT`` says by what.
    """


class MoreToSee(RebalancerError):
    """The broker has an order by now that whoever accepts was not shown.

    Do: run ``rebalancer accept-history ACCOUNT`` again, and look at what it shows now.
    """


class Doubt(NamedTuple):
    """Why an account waits, what it holds now, and the orders of today that the broker has and the history does not."""

    hold: Halt
    holdings: AccountSnapshot
    orders: tuple[PlacedOrder, ...]

    @property
    def lines(self) -> list[str]:
        """All of it in words."""
        held = (f"{shares} {symbol}" for symbol, shares in sorted(self.holdings.positions.items()))
        lines = [f"{self.hold}.", f"It holds {', '.join(held) or 'no stocks'} and ${self.holdings.cash:,.2f}."]
        if not self.orders:
            none = "The broker has no order of ours of today that this history does not know; it tells no other day."
            return [*lines, none]
        found = "Orders of ours that the broker has of today and this history does not:"
        return [*lines, found, *(f"  {order}" for order in self.orders)]


async def read_doubt(client: Client, account: Account) -> Doubt:
    """What a person is to look at before the account trades.

    Raises ``NothingToAccept``, ``PositionsUnread`` without a worker that has the gateway, and ``RPCError``.
    """
    name = account.account_id
    holds = [halt for halt in await halts_of(client, name, None) if halt.is_about_history]
    if not holds:
        raise NothingToAccept(f"Nothing about the history of {name} is to be accepted; nothing was changed.")
    asking_run, known = await _running(client, name)
    holdings = await read_positions(client, account, known_refs=known)
    orders = await unknown_orders(client, name, holdings.placed_orders, asking_run)
    return Doubt(holds[0], holdings, orders)


async def accept_seen(client: Client, account: Account, seen: Collection[str], by: str) -> Doubt:
    """Look once more, and accept it if it is no more than the orders with these refs, which a person was shown.

    Raises ``MoreToSee`` where it is, and whatever ``read_doubt`` and ``accept_history`` raise.
    """
    doubt = await read_doubt(client, account)
    if unseen := [order for order in doubt.orders if order.ref not in seen]:
        raise MoreToSee(
            f"The broker has more orders of {account.account_id} that this history does not know than were shown: "
            f"{told_of(unseen)}. Nothing was changed: look again."
        )
    await accept_history(client, account.account_id, doubt, by)
    return doubt


async def accept_history(client: Client, account: str, doubt: Doubt, by: str) -> None:
    """Take the orders of this doubt for known, and let the account trade: what waits reads everything anew.

    Raises ``RPCError``, ``NothingHeld`` where somebody else was quicker.
    """
    await accept(client, account, doubt.orders, by)
    await resume(client, history_pause_id(account), by, f"{len(doubt.orders)} orders accepted")


async def say_restored(client: Client, configuration: Configuration, reason: str, by: str) -> datetime:
    """Have nothing carried out that was asked for until now, and have all accounts wait; the time that counts."""
    now = datetime.now(UTC)
    told = f"its database was put back{f': {reason}' if reason else ''}"
    await declare_restored(client, [each.account_id for each in configuration.accounts], now, told, by)
    return now


async def _running(client: Client, account: str) -> tuple[str, tuple[str, ...]]:
    """The first id of the account's run, if one runs, and the refs of the orders that it knows."""
    handle = handle_of(client, account)
    try:
        described = await handle.describe()
    except RPCError as error:
        if not is_unknown(error):
            raise
        return "", ()
    if described.status in ENDED:
        return "", ()
    status = await query_status(handle)
    return described.run_id, tuple(report.ref for report in status.orders) if status else ()
