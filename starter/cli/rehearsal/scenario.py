"""From what the broker said of accounts to a stand-in gateway that holds exactly that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import ValidationError

from rebalancing.account_names import NO_ALIASES, AccountNames
from rebalancing.errors import RebalancerError
from rebalancing.funding.account_kind import AccountKind
from rebalancing.market.snapshot import AccountSnapshot, ContractDetails, Quote, QuoteKind
from rebalancing.market.trading_hours import TradingSession, common_sessions, is_open, next_open
from simulator.gateway.scenario import AccountSetup, InstrumentSetup, Latency, Scenario, SessionSetup

LATENCY: Final = Latency(request=0.01, ack=0.05, fill=(0.3, 1.5), commission=0.05)
"""About as quick as a gateway, slow enough that something can go wrong meanwhile."""

UNPRICED: Final = Decimal(1)
"""What a symbol without any price is set to at the stand-in, which tells clients that it has none."""


class CannotBeRehearsed(RebalancerError):
    """The stand-in cannot hold what the accounts hold.

    Do: rehearse an account without what the message names; the real one is not touched either way.
    """


@dataclass(frozen=True)
class RehearsedWorld:
    """What the stand-in starts from, and what of it is not as it really is, in words."""

    scenario: Scenario
    notes: tuple[str, ...]


def rehearsed_world(
    snapshots: Iterable[AccountSnapshot], now: datetime, names: AccountNames = NO_ALIASES
) -> RehearsedWorld:
    """The same holdings, cash, quotes and hours, under the same numbers. Raises ``CannotBeRehearsed``.

    Where not everything trades now, the stand-in's market is open all the same: nobody wants to wait for days to see
    what would happen.
    """
    read = list(snapshots)
    contracts = {symbol: contract for each in read for symbol, contract in each.contracts.items()}
    quotes = {symbol: quote for each in read for symbol, quote in each.quotes.items()}
    held = {symbol for each in read for symbol in each.shares}
    sessions = common_sessions(contract.hours() for contract in contracts.values())
    notes = [note for each in read for note in _left_out(each)]
    hours: dict[str, object] = {"hours": "always_open"}
    if is_open(sessions, now):
        extended = common_sessions(contract.hours(extended=True) for contract in contracts.values())
        hours = {"hours": "listed", "sessions": _setups(sessions), "extended_sessions": _setups(extended)}
    elif contracts:
        opens = next_open(sessions, now)
        told = f" before {opens:%Y-%m-%d %H:%M} UTC" if opens else ""
        notes.append(f"not everything trades now, nor will{told}; it was rehearsed by these prices as if it did")
    try:
        scenario = Scenario.model_validate(
            {
                **hours,
                "latency": LATENCY,
                "accounts": tuple(_account(each, names.number_of(each.account)) for each in read),
                "instruments": (
                    *(_instrument(contracts[symbol], quotes.get(symbol)) for symbol in sorted(contracts)),
                    *(_unread(symbol) for symbol in sorted(held - contracts.keys())),
                ),
            }
        )
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise CannotBeRehearsed(
            f"The stand-in cannot hold this: {where}: {problem['msg']}. Nothing was rehearsed."
        ) from None
    return RehearsedWorld(scenario, tuple(notes))


def _account(snapshot: AccountSnapshot, number: str) -> Mapping[str, object]:
    return AccountSetup(
        account=number,
        cash=snapshot.cash,
        holdings=snapshot.positions,
        fractions={symbol: part for symbol, part in snapshot.fractions.items() if part > 0},
        kind="cash" if snapshot.kind is AccountKind.CASH else "margin",
    ).model_dump()


def _instrument(contract: ContractDetails, quote: Quote | None) -> Mapping[str, object]:
    price = quote.price if quote else None
    return InstrumentSetup(
        symbol=contract.symbol,
        price=price if price and price > 0 else UNPRICED,
        spread=_spread(quote),
        primary_exchange=contract.primary_exchange,
        con_id=contract.con_id,
        min_tick=contract.min_tick,
        last_close=quote.close if quote and quote.close and quote.close > 0 else None,
        market_data="delayed" if quote and quote.kind is QuoteKind.DELAYED else None,
        quote_fault=_quote_fault(quote, price),
    ).model_dump()


def _unread(symbol: str) -> Mapping[str, object]:
    """Held, but held out: it is neither quoted nor traded."""
    return InstrumentSetup(symbol=symbol, price=UNPRICED, quote_fault="absent").model_dump()


def _spread(quote: Quote | None) -> Decimal:
    if quote is None or quote.bid is None or quote.ask is None:
        return Decimal(0)
    return max(quote.ask - quote.bid, Decimal(0))


def _quote_fault(quote: Quote | None, price: Decimal | None) -> Literal["absent", "halted"] | None:
    if not price or price <= 0:
        return "absent"
    return "halted" if quote is not None and quote.is_halted else None


def _setups(sessions: Iterable[TradingSession]) -> tuple[SessionSetup, ...]:
    return tuple(SessionSetup(opens=each.opens_at, closes=each.closes_at) for each in sessions)


def _left_out(snapshot: AccountSnapshot) -> Iterable[str]:
    """What is not taken over from the real account."""
    if snapshot.open_orders:
        yield f"{snapshot.account}: {len(snapshot.open_orders)} working orders are not at the stand-in"
    if snapshot.bought_unsettled:
        yield f"{snapshot.account}: the stand-in takes {', '.join(snapshot.bought_unsettled)} for settled"
    if unread := sorted(snapshot.shares.keys() - snapshot.contracts.keys()):
        yield f"{snapshot.account}: the price of {', '.join(unread)}, held out, was not read; it counts {UNPRICED} USD"
    if snapshot.unmanaged:
        yield f"{snapshot.account}: not managed, and not at the stand-in: {', '.join(snapshot.unmanaged)}"
