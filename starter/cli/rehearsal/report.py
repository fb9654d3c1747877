"""What a rehearsal ends with: for people, and for programs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rich.console import Console

from contract.activities import GatewayContract
from rebalancing.outcomes import Outcome, Phase
from starter.cli.demo.progress import Standing
from starter.cli.tables import outcome_tables

READING: Final = GatewayContract.read_snapshot.__name__
"""What goes to the real gateway."""


@dataclass(frozen=True)
class Reading:
    """One visit to the real gateway: the standalone activity that read there, and for which account."""

    account: str
    activity_id: str


@dataclass(frozen=True)
class Rehearsed:
    """How one account's rebalance at the stand-in ended, if it did."""

    standing: Standing

    @property
    def outcome(self) -> Outcome | None:
        """What it came to."""
        return self.standing.ending.outcome if self.standing.ending else None

    @property
    def drift_before(self) -> Decimal | None:
        """In percent, before the first order."""
        return self.outcome.drift_before if self.outcome else None

    @property
    def is_complete(self) -> bool:
        """Whether it was carried out to its end."""
        return self.standing.ending is not None and self.standing.ending.status == Phase.COMPLETED

    def as_json(self) -> Mapping[str, object]:
        """For programs; drift in percent."""
        outcome = self.outcome
        return {
            "account": self.standing.account,
            "strategy": self.standing.strategy,
            "status": self.standing.ending.status if self.standing.ending else self.standing.phase,
            "message": self.standing.detail,
            "drift_before": None if self.drift_before is None else str(self.drift_before),
            "drift_after": None if outcome is None or outcome.drift is None else str(outcome.drift),
            "orders": [order.model_dump(mode="json") for order in self.standing.orders],
            "outcome": outcome.model_dump(mode="json") if outcome else None,
        }


@dataclass(frozen=True)
class Report:
    """A whole rehearsal. ``readings`` is all that went to the real gateway; ``notes`` is what was not as it really is,
    ``mishaps`` what went wrong on purpose, ``questions`` what a person would have been asked."""

    rehearsed: tuple[Rehearsed, ...]
    readings: tuple[Reading, ...]
    duplicate_orders: int
    notes: tuple[str, ...] = ()
    mishaps: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    @property
    def has_succeeded(self) -> bool:
        """Whether every account completed, and no intent became two orders."""
        return self.duplicate_orders == 0 and all(one.is_complete for one in self.rehearsed)

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        return {
            "accounts": [one.as_json() for one in self.rehearsed],
            "duplicate_orders": self.duplicate_orders,
            "notes": list(self.notes),
            "mishaps": list(self.mishaps),
            "questions": list(self.questions),
            "sent_to_the_real_gateway": [
                {"activity": READING, "id": one.activity_id, "account": one.account} for one in self.readings
            ],
        }


def show_report(console: Console, report: Report) -> None:
    """One block for each account, then what is to be said of all."""
    for one in report.rehearsed:
        console.print()
        if one.outcome is None:
            told = f"{one.standing.account} · {one.standing.strategy} · {one.standing.phase}"
            console.print(told, style="bold red", markup=False)
            console.print(f"  {one.standing.detail}", markup=False)
            continue
        console.print(outcome_tables(one.outcome))
        console.print(f"  drift {_percent(one.drift_before)} before, {_percent(one.outcome.drift)} after", markup=False)
    console.print()
    _list(console, "Not as it really is", report.notes)
    _list(console, "Went wrong on purpose", report.mishaps)
    _list(console, "A person would have been asked", report.questions)
    orders = sum(len(one.standing.orders) for one in report.rehearsed)
    console.print(
        f"Rehearsed at a stand-in: {orders} orders, {report.duplicate_orders} of them duplicates.",
        style="bold green" if report.has_succeeded else "bold red",
    )
    accounts = ", ".join(dict.fromkeys(one.account for one in report.readings))
    count = len(report.readings)
    console.print(
        f"To the real gateway went {count} reading{'' if count == 1 else 's'} ({READING}) of {accounts}, and no "
        "order: the worker of the rehearsal knew no other gateway than the stand-in, which is gone.",
        markup=False,
    )


def _percent(drift: Decimal | None) -> str:
    return "unknown" if drift is None else f"{drift:.2f} %"


def _list(console: Console, heading: str, lines: Iterable[str]) -> None:
    told = list(lines)
    if told:
        console.print(f"{heading}:")
        for line in told:
            console.print(f"  · {line}", markup=False)
