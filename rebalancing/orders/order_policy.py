"""How an account's orders are sent: at market, with a limit, at the close, or by IBKR's Adaptive algorithm.

A policy is written in the configuration, for an account and for single symbols. What it comes to for one order is
decided in ``rebalancing.orders.order_terms``.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from rebalancing.base import ConfiguredModel

LIMIT_CUSHION_PERCENT: Final = Decimal("0.1")
"""How far beyond the other side's price a marketable limit goes, where nothing else is configured."""

CLOSE_CUSHION_PERCENT: Final = Decimal(2)
"""How far the price may rise until the close; buys on the close are sized as if it did (promise P5)."""


class PolicyType(StrEnum):
    """The kinds of order. ``ADAPTIVE`` is a market order that IBKR's Adaptive algorithm works."""

    MARKET = "MKT"
    LIMIT = "LMT"
    MARKET_ON_CLOSE = "MOC"
    ADAPTIVE = "ADAPTIVE"


class LimitAt(StrEnum):
    """Where a limit price lies."""

    CUSHION = "cushion"
    """Beyond the other side's price, so that it can fill at once but not at any price."""

    MIDPOINT = "midpoint"
    """Between bid and ask."""


class Remainder(StrEnum):
    """What becomes of what a limit order has not filled after its last repricing."""

    MARKET = "market"
    GIVE_UP = "give_up"


class AfterCutOff(StrEnum):
    """What becomes of an order on the close when the exchange takes none any more."""

    REFUSE = "refuse"
    MARKET = "market"


class AdaptivePriority(StrEnum):
    """How eagerly the Adaptive algorithm fills: speed against price."""

    URGENT = "urgent"
    NORMAL = "normal"
    PATIENT = "patient"


_ONLY_FOR: Final = {
    "limit_at": (PolicyType.LIMIT,),
    "cushion_percent": (PolicyType.LIMIT, PolicyType.MARKET_ON_CLOSE),
    "reprice_every": (PolicyType.LIMIT,),
    "reprice_times": (PolicyType.LIMIT,),
    "then": (PolicyType.LIMIT,),
    "extended_hours": (PolicyType.LIMIT,),
    "after_cut_off": (PolicyType.MARKET_ON_CLOSE,),
    "adaptive_priority": (PolicyType.ADAPTIVE,),
}
"""Which types a setting means anything for; elsewhere it would be a promise that is not kept."""


class OrderPolicy(ConfiguredModel):
    """How orders are sent. Every order is good for the day (time in force ``DAY``), said explicitly."""

    type: PolicyType = PolicyType.MARKET
    """`MKT`, `LMT`, `MOC`, or `ADAPTIVE` (a market order that IBKR's algorithm works)."""
    limit_at: LimitAt = LimitAt.CUSHION
    """LMT: `cushion` beyond the other side's price, or `midpoint`."""
    cushion_percent: Annotated[Decimal, Field(ge=0, le=20)] | None = None
    """LMT: how far the limit goes beyond the other side's price (0.1); MOC: how much dearer a buy may get until the
    close (2). In percent."""
    reprice_every: float = Field(default=20, ge=1, le=3600)
    """LMT: seconds between two looks at the price."""
    reprice_times: int = Field(default=3, ge=0, le=100)
    """LMT: how often the limit follows the price."""
    then: Remainder = Remainder.MARKET
    """LMT: after the last repricing, `market` or `give_up` for what is left."""
    extended_hours: bool = False
    """LMT with `then: give_up` only: trade before the opening and after the close too."""
    after_cut_off: AfterCutOff = AfterCutOff.REFUSE
    """MOC: once the exchange takes none, `refuse` the run or trade at `market`."""
    adaptive_priority: AdaptivePriority = AdaptivePriority.NORMAL
    """ADAPTIVE: `urgent`, `normal` or `patient`."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name, types in _ONLY_FOR.items():
            if self.type not in types and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} is for {' and '.join(types)} only, not for {self.type}")
        if self.extended_hours and self.then is Remainder.MARKET:
            raise ValueError(
                "extended_hours needs then: give_up, because IBKR takes limit orders only outside regular hours"
            )
        return self

    @property
    def cushion(self) -> Decimal:
        """The cushion in percent, configured or by type; 0 where the type has none."""
        if self.cushion_percent is not None:
            return self.cushion_percent
        defaults = {PolicyType.LIMIT: LIMIT_CUSHION_PERCENT, PolicyType.MARKET_ON_CLOSE: CLOSE_CUSHION_PERCENT}
        return defaults.get(self.type, Decimal(0))
