"""The holdings that a plan starts from, at the targets: what each symbol is worth, must do, and may do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from rebalancing.planner.plan import CASH_SYMBOL, PlanImpossible, PlanRequest
from rebalancing.planner.reasons import Reason
from rebalancing.planner.sizing_problem import ZERO, Line, SizingProblem, smallest_change
from rebalancing.planner.trading_rules import ToleranceScope


@dataclass(frozen=True)
class Entry:
    """One managed symbol. Prices and ``target_value`` in US dollars, ``held`` in whole shares (negative: short).

    ``fraction`` is held besides and cannot be traded. ``compulsory`` is the change that is made whatever the rules on
    bands, minimum and turnover say. ``fixed`` gives the reason why nothing else is changed; without it, the quantity
    beyond the compulsory change is open, in multiples of ``lot``.
    """

    symbol: str
    price: Decimal
    buy_price: Decimal
    held: int
    fraction: Decimal
    target_value: Decimal
    lot: int
    compulsory: int
    fixed: Reason | None

    @property
    def gap(self) -> Decimal:
        """What is missing to the target value as things are; negative when it is exceeded."""
        return self.gap_with(0)

    def gap_with(self, change: int) -> Decimal:
        """What is missing to the target value after changing the holding by so many shares."""
        return self.target_value - (self.held + change + self.fraction) * self.price

    @property
    def outside_lots(self) -> int:
        """The whole shares that are no full lot, and so stay as they are."""
        return max(self.held + self.compulsory, 0) % self.lot

    @property
    def steps(self) -> int:
        """The lots that are held once what is compulsory is done."""
        return max(self.held + self.compulsory, 0) // self.lot

    def line(self, *, may_buy: bool, may_sell: bool, minimum_value: Decimal) -> Line:
        """The open part of the holding, as a line to size."""
        price = self.price * self.lot
        return Line(
            symbol=self.symbol,
            price=price,
            buy_price=self.buy_price * self.lot,
            held=self.steps,
            target_value=self.target_value - (self.outside_lots + self.fraction) * self.price,
            lowest=0 if may_sell else self.steps,
            highest=None if may_buy else self.steps,
            smallest=1 if self.compulsory else smallest_change(minimum_value, price),
            is_ordered=bool(self.compulsory),
        )


class HoldingsAtTargets:
    """The managed symbols of a request, with base, reserve and targets. Money in US dollars.

    ``buy_leg`` plans for an account whose sell leg is done: nothing is sold, and a band over the whole account, which
    must have been left for there to be a sell leg, is not asked again. Raises ``PlanImpossible`` when there are
    positions but nothing to invest.
    """

    def __init__(self, request: PlanRequest, *, buy_leg: bool = False) -> None:
        self._request = request
        self._buy_leg = buy_leg
        self.notes: list[str] = []
        symbols = request.managed_symbols
        worth = request.worth
        if worth <= 0 and symbols and any(request.shares(s) for s in symbols):
            raise PlanImpossible(
                f"Cash and positions come to {worth} USD, so there is nothing to invest: "
                "fund the account or close its positions by hand."
            )
        worth = max(worth, ZERO)
        self.reserve = worth * request.reserve_percent / 100
        self.base = worth - self.reserve
        self.targets = request.managed_targets
        self._note_targets()
        self.cash_target = self.base * (1 - sum(self.targets.values(), ZERO))
        self.entries = {s: self._entry(s) for s in symbols}
        self._leave_alone_within_bands()

    def problem(self) -> SizingProblem:
        """What is left to decide once everything compulsory is done."""
        request, entries = self._request, self.entries.values()
        compulsory = [entry for entry in entries if entry.compulsory]
        paid = sum((e.compulsory * (e.buy_price if e.compulsory > 0 else e.price) for e in compulsory), ZERO)
        moved = sum((e.compulsory * e.price for e in compulsory), ZERO)
        traded = sum((abs(e.compulsory) * e.price for e in compulsory), request.traded_value)
        commissions = request.commission_per_order * len(compulsory)
        return SizingProblem(
            lines={e.symbol: self._line(e) for e in entries if e.fixed is None},
            spendable=request.cash - self.reserve - paid - commissions,
            surplus=request.cash - self.reserve - moved - self.cash_target,
            commission=request.commission_per_order,
            turnover=None if self.turnover is None else max(self.turnover - traded, ZERO),
        )

    @property
    def turnover(self) -> Decimal | None:
        """What all orders of the rebalance may come to."""
        percent = self._request.maximum_turnover_percent
        return None if percent is None else self.base * percent / 100

    def may_buy(self, symbol: str) -> bool:
        """Whether the rules allow a buy."""
        return self._request.may_buy(symbol)

    def may_sell(self, symbol: str) -> bool:
        """Whether the rules and the leg allow a sale."""
        return not self._buy_leg and self._request.may_sell(symbol)

    def _line(self, entry: Entry) -> Line:
        return entry.line(
            may_buy=self.may_buy(entry.symbol),
            may_sell=self.may_sell(entry.symbol),
            minimum_value=self._request.minimum_order_value,
        )

    def _note_targets(self) -> None:
        targets, total = self._request.targets, self._request.total_targeted
        if total > 1:
            self.notes.append(f"the targets add up to {total} and were scaled to 1")
        for symbol in sorted(self._request.held_out & targets.keys() - {CASH_SYMBOL}):
            if weight := targets[symbol] / total:
                self.notes.append(f"{symbol} is held out of management: its target of {weight:.4f} stays cash")

    def _entry(self, symbol: str) -> Entry:
        request = self._request
        held, target = request.positions.get(symbol, 0), self.targets.get(symbol, ZERO)
        compulsory, fixed = self._compulsory_change(symbol, held, target)
        return Entry(
            symbol=symbol,
            price=request.prices[symbol],
            buy_price=request.buy_price(symbol),
            held=held,
            fraction=request.fractions.get(symbol, ZERO),
            target_value=self.base * target,
            lot=1 if target == 0 else request.lots.get(symbol, 1),
            compulsory=compulsory,
            fixed=fixed,
        )

    def _compulsory_change(self, symbol: str, held: int, target: Decimal) -> tuple[int, Reason | None]:
        """What must be traded of a symbol, and why nothing more may be, if so."""
        if held < 0:
            if not self.may_buy(symbol):
                return 0, Reason.NEVER_BOUGHT
            return -held, None if target else Reason.SHORT
        if target == 0:
            if not held:
                return 0, Reason.FRACTION
            gone = Reason.REPLACED if symbol in self._request.replaced else Reason.NOT_IN_TARGETS
            return (-held, gone) if self.may_sell(symbol) else (0, Reason.NEVER_SOLD)
        return 0, None

    def _leave_alone_within_bands(self) -> None:
        whole_account = self._request.tolerance_scope is ToleranceScope.ACCOUNT
        if whole_account and (self._buy_leg or not self._are_all_within_bands()):
            return
        for symbol, entry in self.entries.items():
            if entry.fixed is None and not entry.compulsory and self._is_within_band(entry.gap, entry.target_value):
                self.entries[symbol] = replace(entry, fixed=Reason.WITHIN_BAND)
                self.notes.append(f"{symbol} is left alone: it is within the tolerance band")

    def _are_all_within_bands(self) -> bool:
        """Whether every line that may move, and the cash, is within its band."""
        entries = self.entries.values()
        if any(entry.compulsory for entry in entries):
            return False
        cash_band = self.base * self._request.tolerance_percent / 100
        if cash_band and abs(self._request.cash - self.reserve - self.cash_target) > cash_band:
            return False
        return all(self._is_within_band(e.gap, e.target_value) for e in entries if e.fixed is None)

    def _is_within_band(self, gap: Decimal, target_value: Decimal) -> bool:
        """Whether the drift is within the narrower of the bands that are set."""
        request = self._request
        bands = [
            whole * percent / 100
            for whole, percent in (
                (self.base, request.tolerance_percent),
                (target_value, request.relative_tolerance_percent),
            )
            if percent
        ]
        return bool(bands) and abs(gap) <= min(bands)


def share_changes(holdings: HoldingsAtTargets, steps: Mapping[str, int]) -> dict[str, int]:
    """The change of every managed symbol in whole shares, for these steps of the open lines."""
    return {
        symbol: entry.compulsory + (0 if entry.fixed is not None else (steps[symbol] - entry.steps) * entry.lot)
        for symbol, entry in holdings.entries.items()
    }
