"""The rules the planner is compared with, restated from their descriptions."""

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from bench.planner.account import Account


def original(account: Account) -> dict[str, int]:
    """The original's rule: sizes by percentage, rounded to the nearest share, bought without looking at the cash."""
    return _sized(account, ROUND_HALF_EVEN)


def round_down(account: Account) -> dict[str, int]:
    """Sizes by percentage, rounded down; what remains stays cash."""
    return _sized(account, ROUND_FLOOR)


def round_down_and_spend(account: Account) -> dict[str, int]:
    """Rounded down, then one share after the other where most is missing, while the cash reaches (costs included).

    Where costs make even the rounded-down buys too dear, shares are given back, those of the smallest gap first.
    """
    shares = round_down(account)
    while account.cash_left(shares) < account.reserve:
        bought = [s for s, held in account.held.items() if shares[s] > held]
        if not bought:
            return shares
        shares[min(bought, key=lambda s: _gap(account, shares, s))] -= 1
    while True:
        for symbol in sorted(account.held, key=lambda s: _gap(account, shares, s), reverse=True):
            more = shares | {symbol: shares[symbol] + 1}
            closer = account.drift(more) < account.drift(shares)
            if closer and account.cash_left(more) >= account.reserve:
                shares = more
                break
        else:
            return shares


def _sized(account: Account, rounding: str) -> dict[str, int]:
    return {
        symbol: int((value / account.prices[symbol]).to_integral_value(rounding))
        for symbol, value in account.target_values.items()
    }


def _gap(account: Account, shares: dict[str, int], symbol: str) -> Decimal:
    return account.target_values[symbol] - shares[symbol] * account.prices[symbol]
