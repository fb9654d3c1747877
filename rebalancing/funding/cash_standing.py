"""What of an account's cash is its reserve, and what is above it: one number alone reads like a broken promise (P5)."""

from decimal import Decimal

from rebalancing.base import FrozenModel, Money


class CashStanding(FrozenModel):
    """Cash, the reserve that is kept of it, and the cash target beyond that; in US dollars."""

    cash: Money
    reserve: Money
    target: Money = Decimal(0)

    @property
    def above_reserve(self) -> Money:
        """What is above the reserve; negative where the reserve is not full."""
        return self.cash - self.reserve

    @property
    def idle(self) -> Money:
        """What is above reserve and target; negative when below."""
        return self.above_reserve - self.target

    def __str__(self) -> str:
        """In words, as in ``cash 1,080.70 USD: 1,000.00 reserve and 80.70 above it``."""
        told = f"cash {self.cash:,.2f} USD: "
        if self.above_reserve < 0:
            return f"{told}{-self.above_reserve:,.2f} below the reserve of {self.reserve:,.2f}"
        told += f"{self.reserve:,.2f} reserve and {self.above_reserve:,.2f} above it"
        if not self.target:
            return told
        way = "below" if self.idle < 0 else "above"
        return f"{told}, {abs(self.idle):,.2f} {way} the cash target of {self.target:,.2f}"
