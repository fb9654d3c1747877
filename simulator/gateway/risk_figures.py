"""What account figures say of an account's risk beside its margin: cushion, leverage, special memorandum account.

Nothing changes with the time of day here, so that the figures "looking ahead" are those of the present. Day trades are
not counted: -1 is IBKR's word for an account that may do as many as it likes.
"""

from collections.abc import Iterator
from decimal import Decimal

_SHARE = Decimal("0.000001")
_CENT = Decimal("0.01")
_UNLIMITED = "-1"


def risk_amounts(equity: Decimal, initial: Decimal, maintenance: Decimal) -> dict[str, Decimal]:
    """The figures that are money, by tag, for an account of that equity, initial and maintenance margin.

    That the special memorandum account is what equity exceeds the margin of Regulation T by is a simplification: a real
    one keeps what it once was.
    """
    excess = equity - maintenance
    return {
        "SMA": max(equity - initial, Decimal(0)),
        "RegTEquity": equity,
        "RegTMargin": initial,
        "FullExcessLiquidity": excess,
        "LookAheadInitMarginReq": initial,
        "LookAheadMaintMarginReq": maintenance,
        "LookAheadAvailableFunds": equity - initial,
        "LookAheadExcessLiquidity": excess,
    }


def risk_ratios(equity: Decimal, maintenance: Decimal, gross: Decimal) -> Iterator[tuple[str, str, str]]:
    """The rows (tag, value, no currency) that are no money.

    Cushion is excess liquidity by net liquidation value, leverage gross position value by it; both 0 where that is not
    positive.
    """
    yield "Cushion", _share(equity - maintenance, equity, _SHARE), ""
    yield "Leverage-S", _share(gross, equity, _CENT), ""
    yield "LookAheadNextChange", "0", ""
    yield "HighestSeverity", "0", ""
    for tag in ("DayTradesRemaining", *(f"DayTradesRemainingT+{days}" for days in range(1, 5))):
        yield tag, _UNLIMITED, ""


def _share(part: Decimal, whole: Decimal, digits: Decimal) -> str:
    return str((part / whole).quantize(digits)) if whole > 0 else "0"
