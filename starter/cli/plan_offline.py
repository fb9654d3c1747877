"""``rebalancer plan --portfolio FILE``: the planner on a portfolio in a file; connects to nothing."""

import difflib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import typer
from pydantic import ConfigDict, Field, StrictInt, ValidationError
from rich.console import Console

from rebalancing.accounts import ReservePercent
from rebalancing.base import NUMBER_LENGTH, Money, Weight
from rebalancing.errors import RebalancerError
from rebalancing.planner.plan import DEFAULT_COMMISSION, DEFAULT_RESERVE_PERCENT, Fraction, PlanRequest
from rebalancing.planner.planning import make_plan
from rebalancing.planner.trading_rules import TradingRules
from rebalancing.symbols import BySymbol
from starter.cli.plan_view import plan_json, plan_view

LONGEST = 10_000_000
"""Bytes of a file, and more than any portfolio has."""

BAD_INPUT = 2
"""The exit status for a portfolio that cannot be planned for."""

NOTICEABLE_PERCENT = Decimal("0.5")
"""A stated net liquidation value that differs by more from cash and positions is pointed out."""


class PortfolioFile(TradingRules):
    """The file's form: the rules of an account, and what an account would be asked for.

    Money in US dollars, as text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    net_liquidation: Money | None = None
    """What you say it is worth; that cash and positions come to something else is pointed out."""
    cash: Money
    """Cash, in US dollars."""
    reserve_percent: ReservePercent = DEFAULT_RESERVE_PERCENT
    """Cash never spent, in percent of the base."""
    positions: BySymbol[StrictInt] = {}
    """Whole shares held, by symbol."""
    fractions: BySymbol[Fraction] = {}
    """What is held of a symbol besides whole shares."""
    prices: BySymbol[Decimal]
    """What positions are valued by."""
    targets: BySymbol[Weight]
    """Target weights as shares of the base; `CASH` is cash."""
    buy_prices: BySymbol[Decimal] = {}
    """What is paid, where it differs: a file holds no quotes that could move."""
    commission_per_order: Money = Field(default=DEFAULT_COMMISSION, ge=0)
    """What each order is expected to cost."""

    def request(self) -> PlanRequest:
        """What the planner is asked."""
        values = self.model_dump(exclude={"net_liquidation"})
        return PlanRequest.model_validate(values | {"buy_prices": self.prices | self.buy_prices})


def plan_offline(portfolio: Path, as_json: bool) -> None:
    """Plan the portfolio in the file and print the orders, as a table or as JSON.

    Ends with exit status 2 and one line on standard error if the file cannot be planned for.
    """
    try:
        content = PortfolioFile.model_validate(_read(portfolio))
        request = content.request()
        plan = make_plan(request)
    except ValidationError as invalid:
        _refuse(portfolio, _explained(invalid))
    except ArithmeticError:
        _refuse(portfolio, "a number in it is too large to be calculated with exactly")
    except (OSError, ValueError, RecursionError, RebalancerError) as error:
        _refuse(portfolio, _one_line(error))
    if as_json:
        typer.echo(json.dumps(plan_json(plan), indent=2))
        return
    Console().print(plan_view(plan, [*plan.notes, *_value_notes(content, request)]))


def _read(path: Path) -> object:
    return json.loads(
        _text(path),
        parse_float=Decimal,
        parse_int=_whole,
        parse_constant=Decimal,
        object_pairs_hook=_without_repetition,
    )


def _text(path: Path) -> str:
    """The file's text; a pipe is one too."""
    with path.open("rb") as file:
        payload = file.read(LONGEST + 1)
    if len(payload) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} bytes")
    return payload.decode("utf-8-sig")


def _whole(digits: str) -> int | Decimal:
    """What Python would refuse as an integer without saying where it stands is left for the field to refuse."""
    return int(digits) if len(digits) <= NUMBER_LENGTH else Decimal(digits)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"{name} is given twice")
        content[name] = value
    return content


def _value_notes(content: PortfolioFile, request: PlanRequest) -> list[str]:
    """A stated value that does not fit cash and positions: the plan rests on these, but the file may be wrong."""
    stated = content.net_liquidation
    if stated is None or abs(stated - request.worth) * 100 <= NOTICEABLE_PERCENT * abs(stated):
        return []
    return [f"net_liquidation says {stated:,} USD, but cash and managed positions come to {request.worth:,} USD"]


def _explained(invalid: ValidationError) -> str:
    """The first finding of a bad file, in one line."""
    first = invalid.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(field, list(PortfolioFile.model_fields), n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(PortfolioFile.model_fields)}"
        return f"{field} is an unknown key; {hint}"
    if first["type"] == "missing":
        return f"{field} is missing"
    if first["type"] in ("model_type", "dict_type"):
        return f"{field} must be an object"
    message = first["msg"]
    return f"{field}: found {_one_line(first['input'])}; {message[:1].lower()}{message[1:]}"


def _one_line(value: object) -> str:
    if isinstance(value, RecursionError):
        return "it is nested too deeply"
    if isinstance(value, UnicodeDecodeError):
        return "it is no UTF-8 text"
    if isinstance(value, json.JSONDecodeError):
        return f"it is no JSON (line {value.lineno}, column {value.colno}: {value.msg})"
    if isinstance(value, OSError):
        return value.strerror or str(value)
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else f"{text[:200]}…"


def _refuse(path: Path, reason: str) -> NoReturn:
    typer.echo(f"{path} cannot be planned: {reason}", err=True)
    raise typer.Exit(BAD_INPUT)
