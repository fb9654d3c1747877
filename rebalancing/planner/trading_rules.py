"""What an account allows the planner to do: written in its configuration, read by every plan."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from rebalancing.base import ConfiguredModel, Money, Percent
from rebalancing.symbols import BySymbol, Symbol


class ToleranceScope(StrEnum):
    """What happens when a symbol has left its tolerance band."""

    LINE = "line"
    """That symbol is traded; those within their bands are left alone."""

    ACCOUNT = "account"
    """Everything is brought to its target, as soon as one line (cash included) has left its band."""


class TradingSides(StrEnum):
    """Which orders are made at all."""

    BOTH = "both"
    BUY_ONLY = "buy_only"
    SELL_ONLY = "sell_only"


class TradingRules(ConfiguredModel):
    """The rules a plan keeps to, with defaults that restrict nothing: a tolerance of 0 is no band at all.

    What must go (no target, or a short position) is traded whatever bands, minimum and turnover say, but never against
    ``trading``, ``never_buy`` and ``never_sell``.
    """

    held_out: frozenset[Symbol] = frozenset()
    """Symbols neither traded nor counted."""
    tolerance_percent: Percent = Decimal(0)
    """A symbol that drifted by at most so many percentage points is left alone."""
    relative_tolerance_percent: Percent = Decimal(0)
    """The same in percent of the symbol's target weight; with both, the narrower band counts."""
    tolerance_scope: ToleranceScope = ToleranceScope.LINE
    """`line`: symbols outside their band are traded; `account`: everything is, once one line is outside."""
    minimum_order_value: Money = Field(default=Decimal(0), ge=0)
    """Smaller orders are not made, in USD."""
    maximum_turnover_percent: Annotated[Decimal, Field(gt=0)] | None = None
    """A plan trades at most this, buys plus sells, in percent of the base."""
    trading: TradingSides = TradingSides.BOTH
    """`both`, `buy_only` or `sell_only`."""
    never_buy: frozenset[Symbol] = frozenset()
    """Symbols that are never bought, only sold."""
    never_sell: frozenset[Symbol] = frozenset()
    """Symbols that are never sold, only bought."""
    lots: BySymbol[Annotated[int, Field(strict=True, ge=1)]] = {}
    """`{symbol: shares}`: the symbol is traded in multiples of so many shares."""

    def may_buy(self, symbol: str) -> bool:
        """Whether shares of the symbol may be bought."""
        return self.trading is not TradingSides.SELL_ONLY and symbol not in self.never_buy

    def may_sell(self, symbol: str) -> bool:
        """Whether shares of the symbol may be sold."""
        return self.trading is not TradingSides.BUY_ONLY and symbol not in self.never_sell

    @property
    def trading_rules(self) -> dict[str, object]:
        """These rules alone, by name: what a plan request takes over from an account."""
        return {name: getattr(self, name) for name in TradingRules.model_fields}
