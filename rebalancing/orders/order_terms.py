"""From a planned order and the account's policy to the order that is sent, and to what a share may cost by it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from rebalancing.accounts import Account
from rebalancing.failures import LimitPriceUnknown
from rebalancing.freshness import Figures, figures_of
from rebalancing.market.snapshot import PRICE_CUSHION, AccountSnapshot, ContractDetails, Quote
from rebalancing.orders.limit_prices import LimitRule
from rebalancing.orders.market_on_close import close_of_session, cut_off
from rebalancing.orders.order import LegOrder, OrderType, Side
from rebalancing.orders.order_policy import AfterCutOff, LimitAt, OrderPolicy, PolicyType, Remainder
from rebalancing.planner.plan import DEFAULT_COMMISSION, PlannedOrder


def buy_prices(account: Account, snapshot: AccountSnapshot) -> dict[str, Decimal]:
    """What a share of each symbol may cost at worst by the order it would be bought with (promise P5)."""
    return {
        symbol: price
        for symbol, quote in snapshot.quotes.items()
        if (price := _worst_price(account.policy_for(symbol), snapshot.contracts.get(symbol), quote)) is not None
    }


def commission_per_order(account: Account) -> Decimal:
    """What one planned order may cost in commissions: twice as much where a second order may trade what it leaves."""
    policies = (account.order_policy, *account.symbol_order_policies.values())
    in_two = any(policy.type is PolicyType.LIMIT and policy.then is Remainder.MARKET for policy in policies)
    return DEFAULT_COMMISSION * (2 if in_two else 1)


def leg_order(
    account: Account,
    ref: str,
    planned: PlannedOrder,
    snapshot: AccountSnapshot,
    at: datetime,
    freshness: timedelta,
) -> LegOrder:
    """The order for one line of the plan, by the account's policy for its symbol; ``at`` is the present moment.

    ``freshness`` is how long it may be sent by the figures of ``snapshot``.

    Raises ``LimitPriceUnknown`` if a limit is called for and the symbol has no price.
    """
    policy, contract = account.policy_for(planned.symbol), snapshot.contracts[planned.symbol]
    order = LegOrder(
        ref=ref,
        account=account.account_id,
        symbol=planned.symbol,
        con_id=contract.con_id,
        side=planned.side,
        quantity=planned.quantity,
        figures=figures_of(snapshot, planned.symbol, contract.hours(extended=policy.extended_hours), freshness, at),
    )
    match policy.type:
        case PolicyType.LIMIT:
            return order.model_copy(update=_limit_terms(account, contract, snapshot.quotes[planned.symbol], order.side))
        case PolicyType.MARKET_ON_CLOSE if takes_close_orders(policy, contract, at):
            return order.model_copy(update={"order_type": OrderType.MARKET_ON_CLOSE})
        case PolicyType.ADAPTIVE:
            return order.model_copy(update={"adaptive_priority": policy.adaptive_priority})
        case _:
            return order


def takes_close_orders(policy: OrderPolicy, contract: ContractDetails, at: datetime) -> bool:
    """Whether an order on the close goes out as one now.

    Once the exchange takes none any more, a policy that says so trades at market; one that refuses was refused before
    anything was traded (``rebalancing.orders.obstacles``), and an order that is late all the same is the
    exchange's to refuse.
    """
    closes_at = close_of_session(contract.sessions, at)
    in_time = closes_at is not None and at < cut_off(contract.primary_exchange, closes_at)
    return in_time or policy.after_cut_off is AfterCutOff.REFUSE


def affordable_rest(order: LegOrder, rest: int, buy_prices: Mapping[str, Decimal]) -> int:
    """How much of what a limit order has left may be traded at market, in shares.

    A buy spends no more than what was set aside for it: where a share may cost more by now, fewer are bought.
    """
    worst = order.limit_rule.worst_price if order.limit_rule else None
    if order.side is Side.SELL or worst is None:
        return rest
    price = buy_prices.get(order.symbol)
    return 0 if price is None else min(rest, int(rest * worst / price))


def at_market(order: LegOrder, ref: str, quantity: int, figures: Figures) -> LegOrder:
    """A new market order of this size, sized by these figures, for the same symbol and side."""
    return LegOrder(
        ref=ref,
        account=order.account,
        symbol=order.symbol,
        con_id=order.con_id,
        side=order.side,
        quantity=quantity,
        figures=figures,
    )


def _worst_price(policy: OrderPolicy, contract: ContractDetails | None, quote: Quote) -> Decimal | None:
    """What a share may cost by this policy: never less than the usual cushion, or the limit could not follow."""
    usual = quote.buy_price
    if usual is None:
        return None
    if policy.type is PolicyType.MARKET_ON_CLOSE:
        return usual / (1 + PRICE_CUSHION) * (1 + max(policy.cushion / 100, PRICE_CUSHION))
    if policy.type is not PolicyType.LIMIT or contract is None:
        return usual
    limit = _rule(policy, contract, None).price(quote, is_buy=True)
    return usual if limit is None else max(usual, limit)


def _limit_terms(account: Account, contract: ContractDetails, quote: Quote, side: Side) -> dict[str, object]:
    policy, is_buy = account.policy_for(contract.symbol), side is Side.BUY
    worst = _worst_price(policy, contract, quote) if is_buy else None
    rule = _rule(policy, contract, worst).model_copy(update={"quotes_needed": account.least_quotes})
    price = rule.price(quote, is_buy=is_buy)
    if price is None:
        raise LimitPriceUnknown(
            account.account_id,
            f"{contract.symbol} has no price to derive a limit from. Check the market data subscriptions, or trade it "
            "at market.",
        )
    return {
        "order_type": OrderType.LIMIT,
        "limit_price": price,
        "limit_rule": rule,
        "outside_rth": policy.extended_hours,
    }


def _rule(policy: OrderPolicy, contract: ContractDetails, worst_price: Decimal | None) -> LimitRule:
    cushion = policy.cushion if policy.limit_at is LimitAt.CUSHION else Decimal(0)
    return LimitRule(at=policy.limit_at, cushion_percent=cushion, min_tick=contract.min_tick, worst_price=worst_price)
