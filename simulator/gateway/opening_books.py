"""The books a simulated gateway opens with, and whether saved ones fit what it trades."""

from simulator.gateway.ledger import Holding, Ledger
from simulator.gateway.scenario import Scenario
from simulator.gateway.state import GatewayState, StateError

_FIRST_PERM_ID = 1_500_000_001


def initial_state(scenario: Scenario) -> GatewayState:
    """The books as a scenario opens them; holdings cost what they are worth at the start."""
    prices = {each.symbol: each.price for each in scenario.instruments}
    ledgers = [
        Ledger(
            account=each.account,
            cash=each.cash,
            kind=each.kind,
            other_margin=each.other_margin,
            model=each.model,
            base_currency=each.base_currency,
            other_cash=each.other_cash,
            fractions=each.fractions,
            others=each.others,
            holdings={
                symbol: Holding(quantity=each.holdings.get(symbol, 0), average_cost=prices[symbol])
                for symbol in {**each.holdings, **each.fractions}
            },
        )
        for each in scenario.accounts
    ]
    return GatewayState(accounts=ledgers, next_perm_id=_FIRST_PERM_ID)


def require_known_symbols(state: GatewayState, scenario: Scenario) -> None:
    """A restored state must fit the scenario; raise `StateError` when it speaks of other instruments."""
    listed = {each.symbol for each in scenario.instruments}
    held = {symbol for ledger in state.accounts for symbol in ledger.holdings}
    missing = sorted((held | {each.symbol for each in state.orders}) - listed)
    if missing:
        raise StateError(f"the saved state has {', '.join(missing)}, which the scenario does not list")
