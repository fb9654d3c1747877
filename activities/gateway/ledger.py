"""The orders and executions of one connection, as the gateway reported them (promise P3).

Filled by the three queries at connection time and kept by what the gateway pushes since. Pure: the session feeds it.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from activities.gateway import codes
from rebalancing.orders.order import Fill, Intent, OrderReport, OrderState, refers_to

_OVER = "Cancelled"
"""What an order of another client counts as once it is listed no more; how it ended is not our business."""


_PLAIN_REF: Final = re.compile(r"rb-[0-9a-f]+-\d+-\d+-[0-9a-f]{8}")
"""A ref as this application makes them; whatever else is reported may be one with something appended."""


@dataclass
class Execution:
    """One execution: whole shares at a price in USD. ``commission`` is ``None`` until its report came.

    ``account``, ``con_id``, ``side`` and the ids are those of its order, empty where they were not told.
    """

    exec_id: str
    shares: int
    price: Decimal
    commission: Decimal | None = None
    account: str = ""
    con_id: int = 0
    side: str = ""
    client_id: int = 0
    order_id: int = 0

    @property
    def family(self) -> str:
        """The id without its revision."""
        return family_of(self.exec_id)


def family_of(exec_id: str) -> str:
    """An execution id without its revision: a correction changes only what follows the last dot."""
    return exec_id.rpartition(".")[0] or exec_id


@dataclass
class LedgerOrder:
    """What is known of one order. ``status`` is the gateway's own word, ``reason`` its last explanation.

    ``limit_price`` is the limit last reported; ``answers`` counts what the gateway said of the order in errors.
    ``other_perm_ids`` are those of further orders that the broker lists under the same ref. ``heard_of_at`` is when it
    was first told on this connection.
    """

    ref: str
    order_id: int = 0
    perm_id: int = 0
    client_id: int = 0
    account: str = ""
    symbol: str = ""
    con_id: int = 0
    side: str = ""
    quantity: int = 0
    status: str = ""
    reported_filled: int = 0
    limit_price: Decimal | None = None
    order_type: str = ""
    was_modified: bool = False
    answers: int = 0
    other_perm_ids: tuple[int, ...] = ()
    rejected: bool = False
    id_used_before: bool = False
    reason: str = ""
    executions: dict[str, Execution] = field(default_factory=dict[str, Execution])
    heard_of_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def filled(self) -> int:
        """Shares filled, counted from executions."""
        return sum(execution.shares for execution in self.executions.values())

    @property
    def words(self) -> str:
        """What it is and what became of it, for people."""
        told = next(iter(self.executions.values()), None)
        side, con_id = self.side or (told.side if told else ""), self.con_id or (told.con_id if told else 0)
        what = f"{side} {self.quantity or ''} {self.symbol or f'contract {con_id}'}".replace("  ", " ")
        return f"{what}, {self.filled} filled{'' if not self.is_open else ', working'}"

    @property
    def was_turned_away(self) -> bool:
        """Whether the gateway refused the order's id as used before, and never reported the order itself."""
        return self.id_used_before and not self.perm_id and not self.executions

    @property
    def is_open(self) -> bool:
        """Whether the order may still trade."""
        return not self.rejected and self.status not in ("Filled", "Cancelled", "ApiCancelled", "Inactive")

    def is_placed_by(self, client_id: int) -> bool:
        """Whether this client placed the order. Orders bound by hand in TWS have no id that it could cancel by."""
        return self.client_id == client_id and self.order_id > 0


MODIFIABLE: Final = frozenset({"PreSubmitted", "Submitted"})
"""An order in another state is being processed (2102), cancelled or over (104)."""


class OrderLedger:
    """Orders by ref, and the errors that name an order id."""

    def __init__(self) -> None:
        self.orders: dict[str, LedgerOrder] = {}
        self._refs: dict[int, str] = {}
        # Thousands of orders are looked at for each other's sake otherwise: a day's rebalances stay in the ledger.
        self._by_account: dict[str, dict[str, LedgerOrder]] = {}
        self._by_id: dict[tuple[int, int], dict[str, LedgerOrder]] = {}
        self._by_execution: dict[str, LedgerOrder] = {}
        self._other_refs: dict[str, LedgerOrder] = {}
        self._highest_ids: dict[int, int] = {}

    def note_sent(self, intent: Intent, client_id: int) -> None:
        """An intent goes out now; answers that only carry its order id can be matched from here on."""
        order = self._order(intent.ref)
        order.order_id, order.client_id, order.account = intent.order_id, client_id, intent.account
        order.symbol, order.con_id = intent.symbol, intent.con_id
        order.side, order.quantity = intent.side, intent.quantity
        order.id_used_before, order.reason = False, ""
        self._refs[intent.order_id] = intent.ref
        self._index(order)

    def note_modified(self, intent: Intent) -> None:
        """The order gets a new price now. From here on an error may be about the change, and the order lives on.

        What becomes of the order itself is told by its status.
        """
        self._order(intent.ref).was_modified = True
        self._refs[intent.order_id] = intent.ref

    def note_order(self, seen: LedgerOrder) -> None:
        """An open or completed order was reported."""
        order = self._order(seen.ref)
        if seen.perm_id and order.perm_id and seen.perm_id not in (order.perm_id, *order.other_perm_ids):
            order.other_perm_ids += (order.perm_id,)
        for name in (
            "order_id",
            "perm_id",
            "client_id",
            "account",
            "symbol",
            "con_id",
            "side",
            "quantity",
            "limit_price",
            "order_type",
        ):
            if value := getattr(seen, name):
                setattr(order, name, value)
        self._index(order)
        self.note_status(order, seen.status, seen.reported_filled)

    def note_status(self, order: LedgerOrder, status: str, filled: int) -> None:
        """An order changed its status. Reports may be repeated and out of order: a final status stays."""
        order.reported_filled = max(order.reported_filled, filled)
        if status and (order.is_open or not order.status):
            order.status = status

    def note_execution(self, ref: str, execution: Execution) -> None:
        """A fill was reported: counted once per execution id.

        A repeated report may bring the commission; a correction replaces what it corrects. It also tells the id of its
        order: completed orders are listed without theirs.
        """
        self._note_id(execution.client_id, execution.order_id)
        order = self._order(ref)
        self._by_execution[execution.exec_id] = order
        executions = order.executions
        known = executions.get(execution.family)
        if known is None:
            executions[execution.family] = execution
        elif execution.exec_id >= known.exec_id:
            execution.commission = execution.commission if execution.commission is not None else known.commission
            executions[execution.family] = execution

    def note_commission(self, exec_id: str, commission: Decimal) -> None:
        """The commission of an execution was reported, which happens after the fill."""
        order = self._by_execution.get(exec_id)
        for execution in order.executions.values() if order else ():
            if execution.exec_id == exec_id:
                execution.commission = commission
                return

    def note_error(self, order_id: int, code: int, text: str) -> None:
        """The gateway said something about an order: only a refusal changes its state."""
        ref = self._refs.get(order_id)
        if ref is None:
            return
        order = self.orders[ref]
        order.answers += 1
        if code in codes.REJECTIONS and not order.was_modified:
            order.rejected = True
        if code in codes.ID_USED_BEFORE:
            order.id_used_before = True
        order.reason = " ".join(filter(None, (f"{text} (code {code})", codes.WHAT_TO_DO.get(code))))

    def note_open(self, orders: list[LedgerOrder], own_client_id: int) -> None:
        """All open orders were asked for. What other clients had working and is not listed any more is over."""
        for order in orders:
            self.note_order(order)
        listed = {order.ref for order in orders}
        for order in self.orders.values():
            if order.client_id != own_client_id and order.is_open and order.ref not in listed:
                order.status = _OVER

    def find(self, ref: str) -> LedgerOrder | None:
        """The order of this ref that the gateway reported; IBKR may have appended a suffix to the ref."""
        exact = self.orders.get(ref)
        if exact is not None:
            return exact
        return next((order for reported, order in self._other_refs.items() if refers_to(reported, ref)), None)

    def holds(self, ref: str) -> bool:
        """Whether the gateway has the order, or may have it: it was sent here and not turned away for its id."""
        order = self.find(ref)
        return order is not None and not order.was_turned_away

    def holder_of(self, client_id: int, order_id: int) -> str | None:
        """The ref of this client's order that has this id, as far as the gateway told its id."""
        holders = self._by_id.get((client_id, order_id), {})
        mine = [order.ref for order in holders.values() if (order.client_id, order.order_id) == (client_id, order_id)
                and not order.was_turned_away]  # fmt: skip
        return mine[-1] if mine else None

    def highest_id(self, client_id: int) -> int:
        """The highest order id the gateway told for this client, or that went out; 0 for none."""
        return self._highest_ids.get(client_id, 0)

    def acknowledged(self, ref: str) -> bool:
        """Whether the gateway has said anything of this order since it was sent."""
        order = self.find(ref)
        return order is not None and bool(order.perm_id or order.rejected or order.executions or order.id_used_before)

    def open_orders(self, account: str) -> list[LedgerOrder]:
        """The account's working orders, whoever placed them."""
        own = self._by_account.get(account, {})
        return [order for order in own.values() if order.account == account and order.is_open and order.status]

    def listed(self, account: str) -> list[LedgerOrder]:
        """The account's orders that the broker has told of, working or over, or of which it told executions only."""
        return [
            order
            for order in self.orders.values()
            if (order.account == account and order.perm_id)
            or any(each.account == account for each in order.executions.values())
        ]

    def has_rival(self, intent: Intent, client_id: int) -> bool:
        """Whether another order of this client works for the account and contract of an intent."""
        return any(
            order.client_id == client_id and order.con_id == intent.con_id and not refers_to(order.ref, intent.ref)
            for order in self.open_orders(intent.account)
        )

    def state(self, intent: Intent) -> OrderState:
        """The state of an intent alone."""
        return self.report(intent).state

    def may_be_modified(self, intent: Intent, client_id: int, today: str) -> bool:
        """Whether the intent's order may get another price, which is only sent for an order that is certainly there.

        The gateway itself reported it as working on this connection, under this very id, and it is still the day of the
        intent (``YYYYMMDD``). To a gateway that does not know the id, the change would be a new order.
        """
        order = self.find(intent.ref)
        return (
            order is not None
            and (order.client_id, order.order_id) == (client_id, intent.order_id)
            and order.perm_id > 0
            and order.status in MODIFIABLE
            and not order.rejected
            and order.filled < intent.quantity
            and not _difference(order, intent)
            and intent.trading_day == today
        )

    def report(self, intent: Intent) -> OrderReport:
        """What became of an intent, judged by what the gateway itself said."""
        order = self.find(intent.ref)
        if order is None or order.was_turned_away:
            return _report(intent, OrderState.NOT_SENT, order)
        if doubt := _two_orders(order) or _another_order(order, intent):
            return _report(intent, OrderState.UNKNOWN, order).model_copy(update={"reason": doubt})
        return _report(intent, _state(order, intent.quantity), order)

    def _order(self, ref: str) -> LedgerOrder:
        order = self.orders.get(ref)
        if order is None:
            order = self.orders[ref] = LedgerOrder(ref)
            if not _PLAIN_REF.fullmatch(ref):
                self._other_refs[ref] = order
        return order

    def _index(self, order: LedgerOrder) -> None:
        """What an order is found by; a holder is compared again when it is asked for, since ids may change."""
        self._by_account.setdefault(order.account, {})[order.ref] = order
        if order.order_id > 0:
            self._by_id.setdefault((order.client_id, order.order_id), {})[order.ref] = order
            self._note_id(order.client_id, order.order_id)

    def _note_id(self, client_id: int, order_id: int) -> None:
        self._highest_ids[client_id] = max(self.highest_id(client_id), order_id)


def _two_orders(order: LedgerOrder) -> str:
    """What is wrong where the broker lists two orders under one ref; empty otherwise."""
    if not order.other_perm_ids:
        return ""
    ids = ", ".join(str(perm_id) for perm_id in (*order.other_perm_ids, order.perm_id))
    return (
        f"the broker lists more than one order under the ref {order.ref} (permanent ids {ids}), as it may where it "
        "lost its servers while an order was changed. Look in TWS what each has filled, and cancel what still works."
    )


def _another_order(order: LedgerOrder, intent: Intent) -> str:
    """What is wrong where the broker lists an order for something else under the ref; empty otherwise."""
    difference = _difference(order, intent)
    if not difference:
        return ""
    return (
        f"the broker lists another order under the ref {intent.ref} than {intent.side} {intent.quantity} "
        f"{intent.symbol} for account {intent.account}: {difference}. Look in TWS what it is and what it has filled."
    )


def _difference(order: LedgerOrder, intent: Intent) -> str:
    """In what the order that the broker lists is another one than the intent, by what it told of it."""
    pairs = [
        ("account", order.account, intent.account),
        ("contract", order.con_id, intent.con_id),
        ("side", order.side, intent.side.value),
        ("quantity", order.quantity, intent.quantity),
    ]
    for execution in order.executions.values():
        pairs += [
            ("account", execution.account, intent.account),
            ("contract", execution.con_id, intent.con_id),
            ("side", execution.side, intent.side.value),
        ]
    differences = [f"{name} {told}" for name, told, own in pairs if told and told != own]
    if order.filled > intent.quantity:
        differences.append(f"{order.filled} shares filled")
    return ", ".join(dict.fromkeys(differences))


def _state(order: LedgerOrder, quantity: int) -> OrderState:
    commissions_in = all(execution.commission is not None for execution in order.executions.values())
    if order.filled >= quantity:
        return OrderState.FILLED if commissions_in else OrderState.WORKING
    if order.rejected or order.status == "Inactive":
        return OrderState.REJECTED
    if order.status in ("Cancelled", "ApiCancelled"):
        complete = order.filled >= order.reported_filled and commissions_in
        return OrderState.CANCELLED if complete else OrderState.WORKING
    return OrderState.WORKING


def _fill(execution: Execution) -> Fill:
    return Fill(
        exec_id=execution.exec_id,
        shares=execution.shares,
        price=execution.price,
        commission=execution.commission or Decimal(0),
    )


def _report(intent: Intent, state: OrderState, order: LedgerOrder | None = None) -> OrderReport:
    executions = list(order.executions.values()) if order else []
    filled = sum(execution.shares for execution in executions)
    value = sum((execution.shares * execution.price for execution in executions), Decimal(0))
    return OrderReport(
        ref=intent.ref,
        symbol=intent.symbol,
        side=intent.side,
        quantity=intent.quantity,
        state=state,
        filled=filled,
        average_price=value / filled if filled else Decimal(0),
        commission=sum((execution.commission or Decimal(0) for execution in executions), Decimal(0)),
        order_type=intent.order_type,
        limit_price=order.limit_price if order else None,
        fills=tuple(map(_fill, executions)) if state.is_final else (),
        reason=order.reason if order and state is not OrderState.FILLED else "",
    )
