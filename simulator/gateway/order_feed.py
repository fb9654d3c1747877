"""What one connection is told about its own orders, and how faults get in between."""

import asyncio
from collections.abc import Callable

from simulator.gateway import answers, messages, order_messages
from simulator.gateway.engine import Engine
from simulator.gateway.events import (
    CommissionReported,
    ExecutionReported,
    MarginPreview,
    OrderMessage,
    OrderReported,
    StatusReported,
)
from simulator.gateway.faults import FaultRule

OrderEvent = OrderReported | StatusReported | ExecutionReported | CommissionReported | OrderMessage | MarginPreview


def owner_of(event: OrderEvent) -> tuple[int, int]:
    """Client id and order id an event is about."""
    match event:
        case OrderReported(order) | StatusReported(order):
            return order.client_id, order.order_id
        case ExecutionReported(execution) | CommissionReported(execution):
            return execution.client_id, execution.order_id
        case OrderMessage(client_id, order_id):
            return client_id, order_id
        case MarginPreview(order):
            return order.client_id, order.order_id


class OrderFeed:
    """Turns order events into messages to one client."""

    def __init__(self, engine: Engine, send: Callable[[bytes], None]) -> None:
        self._engine = engine
        self._send = send
        self._disturbed: dict[int, FaultRule] = {}
        self._held: list[bytes] | None = None
        self._timers: list[asyncio.TimerHandle] = []

    def disturb(self, order_id: int, rule: FaultRule) -> None:
        """Apply a fault to everything told about this order from now on."""
        self._disturbed[order_id] = rule

    def hold(self) -> None:
        """Keep back everything from now on: the gateway has lost its servers."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Tell what was kept back."""
        held, self._held = self._held, None
        for data in held or []:
            self._send(data)

    def close(self) -> None:
        """Drop what was still to be told."""
        for timer in self._timers:
            timer.cancel()

    def tell(self, event: OrderEvent) -> None:
        """Send an event as messages, or do with it what a fault says. The messages show the state at this moment."""
        _, order_id = owner_of(event)
        data = self._messages(event)
        rule = self._disturbed.get(order_id)
        match rule.action if rule else None:
            case "mute_order":
                return
            case "drop_ack":
                if not isinstance(event, ExecutionReported):
                    return
                del self._disturbed[order_id]
            case "delay_ack" if rule:
                self._timers.append(asyncio.get_running_loop().call_later(rule.seconds, self._deliver, data))
                return
            case _:
                pass
        self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        if self._held is not None:
            self._held.append(data)
        else:
            self._send(data)

    def _messages(self, event: OrderEvent) -> bytes:
        instruments = self._engine.market.instruments
        match event:
            case OrderReported(order):
                return answers.order_report(self._engine, order)
            case StatusReported(order):
                return order_messages.order_status(order)
            case ExecutionReported(execution):
                return order_messages.execution_details(-1, execution, instruments[execution.symbol])
            case CommissionReported(execution):
                return order_messages.commission_report(execution)
            case OrderMessage(_, order_id, code, text):
                return messages.error(order_id, code, text)
            case MarginPreview(order):
                return order_messages.margin_preview(event, instruments[order.symbol])
