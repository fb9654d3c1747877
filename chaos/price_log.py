"""What prices were in a run, so that it can be told by how much a fill may have missed what it was planned at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass
class PriceLog:
    """Prices as they were seen or set, in order of time.

    Only the harness moves prices, and it notes what they were before and after. A gateway that was killed comes back
    with older ones; those are seen before the next move.
    """

    entries: list[tuple[datetime, Mapping[str, Decimal]]] = field(
        default_factory=list[tuple[datetime, Mapping[str, Decimal]]]
    )

    def note(self, at: datetime, prices: Mapping[str, Decimal]) -> None:
        """These prices hold at this moment; what is not named stays as it is."""
        self.entries.append((at, dict(prices)))

    def lowest(self, symbol: str, since: datetime, until: datetime) -> Decimal | None:
        """The lowest of what was noted in this time, last before it and first after it; None if nothing was."""
        own = [(at, prices[symbol]) for at, prices in self.entries if symbol in prices]
        before = [price for at, price in own if at < since][-1:]
        within = [price for at, price in own if since <= at <= until]
        after = [price for at, price in own if at > until][:1]
        return min([*before, *within, *after], default=None)
