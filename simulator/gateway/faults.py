"""Faults on demand: rules that match a request and say what goes wrong with it, and how many times."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulator.gateway.requests import Request

Action = Literal[
    "delay",
    "stall",
    "reject",
    "swallow",
    "drop_ack",
    "delay_ack",
    "mute_order",
    "close_before",
    "close_after",
    "half_open",
    "notice",
]
_ORDER_ONLY = ("swallow", "drop_ack", "delay_ack", "mute_order")
NOTICE_TEXTS = {
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    2103: "Market data farm connection is broken:usfarm",
    2104: "Market data farm connection is OK:simulated",  # so that nobody takes this gateway for a real one
    2105: "HMDS data farm connection is broken:ushmds",
    2106: "HMDS data farm connection is OK:ushmds",
    2110: "Connectivity between Trader Workstation and server is broken. It will be restored automatically.",
    2158: "Sec-def data farm connection is OK:secdefil",
    10197: "No market data during competing live session",
    10349: "Order TIF was set to DAY based on order preset.",
}


class FaultMatch(BaseModel):
    """Which requests a rule is for; what is left out matches anything. ``request`` is the API's name for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: str | None = None
    account: str | None = None
    symbol: str | None = None
    order_ref: str | None = None
    client_id: int | None = None

    def fits(self, request: Request, client_id: int) -> bool:
        """Whether the request is one of those meant."""
        pairs = (
            (self.request, request.name),
            (self.account, request.account),
            (self.symbol, request.symbol),
            (self.order_ref, request.order_ref),
            (self.client_id, client_id),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)


class FaultRule(BaseModel):
    """What goes wrong.

    ``delay``: the request waits ``seconds``. ``stall``: it is never answered. ``reject``: it is answered with ``code``
    and ``text``. ``swallow``: a placed order vanishes; its id is used up unless ``roll_back`` says otherwise.
    ``drop_ack``: openOrder and orderStatus of a placed order are withheld until its first fill. ``delay_ack``: all
    that is told about it comes ``seconds`` late. ``mute_order``: nothing at all is told about it on this connection.
    ``close_before`` and ``close_after``: the socket closes before or after the request takes effect. ``half_open``:
    the socket stays open, but nothing is read or written any more. ``notice``: the message ``code`` is sent; without
    ``match`` it goes to every client at once, otherwise to the one whose request matches, about that request.
    ``after`` lets so many matching requests pass first; ``count`` is how often it happens, ``None`` for always.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    match: FaultMatch | None = None
    count: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    code: int = 201
    text: str = ""
    roll_back: bool = False

    @model_validator(mode="after")
    def _sensible(self) -> "FaultRule":
        at_once = ("notice", "close_before", "close_after", "half_open")
        if self.match is None and self.action not in at_once:
            raise ValueError(f"{self.action} needs a match; {{}} matches every request")
        if self.action in _ORDER_ONLY and (self.match is None or self.match.request not in (None, "placeOrder")):
            raise ValueError(f"{self.action} is for placeOrder only")
        return self

    @property
    def message(self) -> str:
        """The text to send with the code."""
        return self.text or NOTICE_TEXTS.get(self.code, "Order rejected - reason:Order was discarded.")


@dataclass
class _Armed:
    rule: FaultRule
    seen: int = 0
    done: int = 0

    def strikes(self) -> bool:
        """Count a matching request; whether the fault happens to this one."""
        self.seen += 1
        if self.seen <= self.rule.after or (self.rule.count is not None and self.done >= self.rule.count):
            return False
        self.done += 1
        return True


class FaultBook:
    """The rules in force, in the order they were added."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, rule: FaultRule) -> None:
        """Put a rule in force."""
        self._armed.append(_Armed(rule))

    def clear(self) -> None:
        """Drop all rules."""
        self._armed.clear()

    @property
    def rules(self) -> list[tuple[FaultRule, int]]:
        """All rules with how often each has struck."""
        return [(each.rule, each.done) for each in self._armed]

    def striking(self, request: Request, client_id: int) -> list[FaultRule]:
        """The faults that happen to this request; every one is counted, those for placed orders only on those."""
        struck: list[FaultRule] = []
        for armed in self._armed:
            rule = armed.rule
            if rule.action in _ORDER_ONLY and request.name != "placeOrder":
                continue
            if rule.match is not None and rule.match.fits(request, client_id) and armed.strikes():
                struck.append(rule)
        return struck
