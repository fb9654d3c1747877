"""Where names of accounts become the broker's numbers, and back: at the wire, so that nothing above it has a number.

Whatever the gateway tells comes with names: lists, orders, executions, figures, and its own messages about an account.
Of what goes out, three requests name one. Without an alias nothing here is in the way.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

from activities.gateway.ib_api import ibi
from rebalancing.account_names import AccountNames


def go_by_names(client: ibi.Client, names: AccountNames) -> None:
    """Have this client speak of accounts by name; before it connects."""
    if not names.numbers:
        return
    wire: Any = client
    interpret, accounts, place_order = wire.decoder.interpret, wire.getAccounts, wire.placeOrder

    def heard(fields: list[str]) -> None:
        interpret([names.told(field) for field in fields])

    def managed() -> list[str]:
        return [names.name_of(number) for number in accounts()]

    def placed(order_id: int, contract: ibi.Contract, order: ibi.Order) -> None:
        sent = copy(order)  # ``ib_insync`` keeps the other, with the name
        sent.account = names.number_of(order.account)
        place_order(order_id, contract, sent)

    def by_number(request: Callable[..., None]) -> Callable[..., None]:
        def asked(request_id: int, account: str, *more: object) -> None:
            request(request_id, names.number_of(account), *more)

        return asked

    wire.decoder.interpret, wire.getAccounts, wire.placeOrder = heard, managed, placed
    wire.reqPositionsMulti = by_number(wire.reqPositionsMulti)
    wire.reqAccountUpdatesMulti = by_number(wire.reqAccountUpdatesMulti)
