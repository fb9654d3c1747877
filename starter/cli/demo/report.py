"""What the demo ends with: tables for people, and a JSON file for programs."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console

from rebalancing.outcomes import Phase
from starter.cli.demo.progress import Standing
from starter.cli.tables import outcome_tables


class AcceptedOrder(Protocol):
    """An order in the gateway's own books."""

    @property
    def ref(self) -> str:
        """The order ref it carries."""
        ...


@dataclass(frozen=True)
class Report:
    """The demo in numbers. ``seconds`` is the time from the first publication until the last account had ended."""

    standings: tuple[Standing, ...]
    events_published: int
    rebalances_run: int
    duplicate_orders: int
    seconds: float

    @property
    def has_succeeded(self) -> bool:
        """Whether every account completed, once, and no intent became two orders."""
        return (
            self.duplicate_orders == 0
            and self.rebalances_run == len(self.standings)
            and all(one.ending is not None and one.ending.status == Phase.COMPLETED for one in self.standings)
        )

    def as_json(self) -> Mapping[str, object]:
        """The content of the JSON file. ``drift`` is in percent, and null where a rebalance failed."""
        return {
            "accounts": [_account(standing) for standing in self.standings],
            "events_published": self.events_published,
            "rebalances_run": self.rebalances_run,
            "duplicate_orders": self.duplicate_orders,
            "seconds": round(self.seconds, 3),
        }

    def write(self, path: Path) -> None:
        """Write the JSON file."""
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")


def duplicates(orders: Iterable[AcceptedOrder]) -> int:
    """How many orders the gateway accepted beyond one for each order ref (promise P3).

    An order without a ref counts as a duplicate: it could not be told from one.
    """
    refs = Counter(order.ref for order in orders)
    return sum(count if not ref else count - 1 for ref, count in refs.items())


def show_report(console: Console, report: Report) -> None:
    """One block for each account, then the sum of it."""
    for standing in report.standings:
        console.print()
        if standing.ending is not None and standing.ending.outcome is not None:
            console.print(outcome_tables(standing.ending.outcome))
        else:
            console.print(
                f"{standing.account} · {standing.strategy} · {standing.phase}", style="bold red", markup=False
            )
            console.print(f"  {standing.detail}", markup=False)
    console.print()
    console.print(
        f"{report.events_published} events, {report.rebalances_run} rebalances, "
        f"{sum(len(standing.orders) for standing in report.standings)} orders, "
        f"{report.duplicate_orders} of them duplicates, in {report.seconds:.1f} s",
        style="bold green" if report.has_succeeded else "bold red",
    )


def _account(standing: Standing) -> Mapping[str, object]:
    outcome = standing.ending.outcome if standing.ending else None
    drift = outcome.drift if outcome else None
    return {
        "account": standing.account,
        "status": standing.ending.status if standing.ending else standing.phase,
        "orders": len(standing.orders),
        "drift": None if drift is None else float(drift),
        "seconds": round(standing.seconds, 3),
    }
