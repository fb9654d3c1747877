"""Target weights, and the check of everything a publisher may get wrong about them.

The allocations API answers ``{"status": "success", "data": {"allocations": [{"symbol", "allocation"}, …], "name",
"last_rebalance_on", "as_of"}}``. Weights are read as ``Decimal`` from their text, never through a float.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import cast

from pydantic import Field

from rebalancing.base import NUMBER_LENGTH, ConfiguredModel, FrozenModel, Instant, Weight
from rebalancing.errors import RebalancerError
from rebalancing.planner.plan import CASH_SYMBOL, SUM_TOLERANCE
from rebalancing.symbols import ALLOWED, Symbol, symbol_of
from rebalancing.web_address import shown

ALLOCATIONS_LIMIT = 1_000_000
"""The longest answer that is read, in bytes; a model portfolio takes a few kilobytes."""

EXCERPT = 80


class AllocationsInvalid(RebalancerError):
    """The published weights cannot be followed; the message names the strategy, what was found and what to do.

    Do: have the weights of that strategy corrected, by the publisher or, where they are your own, in the file or
    accounts.yaml; then ``rebalancer retry ACCOUNT``. Nothing is traded by such weights.
    """

    def __init__(self, strategy: str, found: str) -> None:
        self.found = found
        super().__init__(
            f"The allocations of {strategy} cannot be used: {found}. Ask the publisher to "
            "correct them, then trigger the rebalance again."
        )


class Targets(FrozenModel):
    """The weights a strategy asks for. They add up to 1 ± 0.01, an entry for ``CASH`` included.

    ``replaced`` names what stands in for symbols that the account may not hold.
    """

    strategy: str
    weights: dict[str, Weight]
    replaced: dict[str, str] = {}
    as_of: Instant | None = None

    @property
    def tradable(self) -> tuple[str, ...]:
        """The symbols to hold, in alphabetical order, without cash."""
        return tuple(sorted(s for s, w in self.weights.items() if w and s != CASH_SYMBOL))


class Replacement(ConfiguredModel):
    """One rule of a replacement set: hold ``target`` instead of ``source``, ``scale`` times as much of it."""

    source: Symbol
    """The symbol of the strategy that the account does not hold."""
    target: Symbol
    """What it holds instead."""
    scale: Decimal = Field(default=Decimal(1), gt=0, le=100)
    """How many times as much of it."""


def parse_allocations(strategy: str, payload: bytes | str) -> Targets:
    """Read the answer of the allocations API. Raises ``AllocationsInvalid``."""
    answer = _mapping(strategy, "the answer", _decoded(strategy, payload))
    status = answer.get("status")
    if status != "success":
        raise AllocationsInvalid(strategy, f"the status is {_shown(status)} instead of 'success'")
    data = _mapping(strategy, "'data'", answer.get("data"))
    listed = data.get("allocations")
    if not isinstance(listed, list):
        raise AllocationsInvalid(strategy, f"'data.allocations' is {_shown(listed)} instead of a list")
    return Targets(
        strategy=strategy,
        weights=check_allocations(strategy, cast("list[object]", listed)),
        as_of=_instant(data.get("as_of")),
    )


def parse_allocations_file(strategy: str, payload: bytes | str) -> Targets:
    """Read a JSON file of allocations: a bare list of ``{"symbol", "allocation"}``, or what the API would answer."""
    content = _decoded(strategy, payload)
    if isinstance(content, list):
        return Targets(strategy=strategy, weights=check_allocations(strategy, cast("list[object]", content)))
    return parse_allocations(strategy, payload)


def check_allocations(strategy: str, allocations: Iterable[object]) -> dict[str, Decimal]:
    """The weights of a list of ``{"symbol", "allocation"}``, wherever it comes from.

    Symbols become those of IBKR (``rebalancing.symbols``); each may be named once. Weights lie in [0, 1] and add up to
    1 ± 0.01: what is missing to 1 is cash. Raises ``AllocationsInvalid``.
    """
    weights: dict[str, Decimal] = {}
    for number, entry in enumerate(allocations, start=1):
        fields = _mapping(strategy, f"entry {number}", entry)
        symbol = _symbol(strategy, number, fields.get("symbol"))
        if symbol in weights:
            raise AllocationsInvalid(strategy, f"{symbol} is listed twice")
        weights[symbol] = _weight(strategy, symbol, fields.get("allocation"))
    if not weights:
        raise AllocationsInvalid(strategy, "the list of allocations is empty")
    total = sum(weights.values(), Decimal(0))
    if abs(total - 1) > SUM_TOLERANCE:
        raise AllocationsInvalid(strategy, f"the weights add up to {total} instead of 1 ± {SUM_TOLERANCE}")
    return weights


def apply_replacements(weights: Mapping[str, Decimal], replacements: Iterable[Replacement]) -> dict[str, Decimal]:
    """The weights with every replaceable symbol replaced once.

    A replaced weight is multiplied by the rule's scale and added to what the target may have already; then all weights
    but cash are scaled so that their sum is what it was.
    """
    rules = {rule.source: rule for rule in replacements}
    if not rules.keys() & weights.keys():
        return dict(weights)
    replaced: dict[str, Decimal] = {}
    for symbol, weight in weights.items():
        rule = rules.get(symbol)
        name, scaled = (rule.target, weight * rule.scale) if rule else (symbol, weight)
        replaced[name] = replaced.get(name, Decimal(0)) + scaled
    before, after = (_without_cash(of) for of in (weights, replaced))
    if not after:
        return replaced
    return {s: w if s == CASH_SYMBOL else min(w * before / after, Decimal(1)) for s, w in replaced.items()}


def replaced_symbols(weights: Mapping[str, Decimal], replacements: Iterable[Replacement]) -> dict[str, str]:
    """What ``apply_replacements`` replaces in these weights, and by what."""
    return {rule.source: rule.target for rule in replacements if weights.get(rule.source)}


def _without_cash(weights: Mapping[str, Decimal]) -> Decimal:
    return sum((w for s, w in weights.items() if s != CASH_SYMBOL), Decimal(0))


def _decoded(strategy: str, payload: bytes | str) -> object:
    if len(payload) > ALLOCATIONS_LIMIT:
        raise AllocationsInvalid(strategy, f"the answer has more than the {ALLOCATIONS_LIMIT} bytes that are allowed")
    try:
        text = payload if isinstance(payload, str) else payload.decode("utf-8-sig")
        return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError):
        start = payload if isinstance(payload, str) else payload.decode("utf-8", errors="replace")
    kind = "HTML" if start.lstrip().startswith("<") else "no JSON"
    raise AllocationsInvalid(strategy, f"the answer is {kind} (it begins with {_shown(start.strip())})")


def _mapping(strategy: str, what: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise AllocationsInvalid(strategy, f"{what} is {_shown(value)} instead of an object")
    return cast("Mapping[str, object]", value)


def _symbol(strategy: str, number: int, value: object) -> str:
    try:
        return symbol_of(value if isinstance(value, str) else "")
    except ValueError:
        found = f"entry {number} has the symbol {_shown(value)}; a symbol has {ALLOWED}"
        raise AllocationsInvalid(strategy, found) from None


def _weight(strategy: str, symbol: str, value: object) -> Decimal:
    """The weight as a decimal; text is read as well, since some publishers quote their numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise AllocationsInvalid(strategy, f"the weight of {symbol} is {_shown(value)} instead of a number")
    text = str(value).strip()
    if len(text) > NUMBER_LENGTH:  # every history that has the weights would have all its digits
        found = f"the weight of {symbol} is a number of {len(text)} characters instead of at most {NUMBER_LENGTH}"
        raise AllocationsInvalid(strategy, found)
    try:
        weight = Decimal(text)
    except InvalidOperation:
        raise AllocationsInvalid(strategy, f"the weight of {symbol} is {_shown(value)} instead of a number") from None
    if not weight.is_finite() or not 0 <= weight <= 1:
        raise AllocationsInvalid(strategy, f"the weight of {symbol} is {weight}, outside 0 to 1")
    return weight


def _shown(value: object) -> str:
    """A value as it may stand in a message: short, on one line."""
    if value is None:
        return "missing"
    text = str(value) if isinstance(value, Decimal) else shown(value)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def _instant(value: object) -> datetime | None:
    """A time stamp if it can be read, taken as UTC where it names no zone; it only informs, so it is never refused."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
