"""What the simulated gateway starts from: accounts, instruments, latencies, clock. Read from YAML, checked strictly.

Money and prices are ``Decimal``, quantities whole shares, durations seconds.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.files import read_text
from simulator.yaml_words import read_words

Money = Annotated[Decimal, Field(allow_inf_nan=False)]
Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MarketDataMode = Literal["live", "delayed", "none", "competing"]
QuoteFault = Literal[
    "crossed", "zero", "one_sided", "absent", "silent", "stale", "closing", "halted", "no_close", "tiny"
]
HoursKind = Literal["us_stocks", "always_open", "listed"]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
OtherType = Literal["STK", "OPT", "FUT", "FOP", "FUND", "BOND", "WAR", "CFD"]


DEMO_SCENARIO = Path(__file__).parent.parent / "scenarios" / "demo.yaml"


class ScenarioError(ValueError):
    """A scenario file cannot be used; the message names the file, the field and what is wrong with it."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OtherPosition(_Section):
    """Something held that the stand-in neither quotes nor trades, with its market value in its own currency.

    The value never moves. That of a future (``FUT``) is its profit, which is part of the cash.
    """

    symbol: str
    sec_type: OtherType
    quantity: Money
    value: Money
    currency: Currency = "USD"

    @model_validator(mode="after")
    def _something_is_held(self) -> "OtherPosition":
        if not self.quantity:
            raise ValueError("a position of nothing is none")
        return self


class ToldFigure(_Section):
    """A figure that clients are told in place of the true one; without a ``value`` it is not told at all."""

    tag: str
    currency: str = "USD"
    value: str | None


class AccountSetup(_Section):
    """One managed account as the scenario starts: cash in USD and whole shares held per symbol.

    Figures of the whole account are told in its ``base_currency``. ``other_cash`` is what it has in other currencies,
    ``fractions`` what it holds of a symbol besides whole shares, ``others`` what is no US stock; ``told`` are figures
    that are told wrong, or not at all. ``other_margin`` is the initial margin of what the scenario does not list, such
    as short options: with enough of it the account cannot carry what its cash would pay for. ``model`` is the model
    portfolio that its holdings belong to, told where each account's positions are asked for.
    """

    account: str = Field(pattern=r"^[A-Z]{1,3}\d+$")
    cash: Money
    holdings: dict[str, int] = {}
    kind: Literal["margin", "cash"] = "margin"
    other_margin: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(0)
    model: str = ""
    base_currency: Currency = "USD"
    other_cash: dict[Currency, Money] = {}
    fractions: dict[str, Annotated[Decimal, Field(gt=0, lt=1)]] = {}
    others: tuple[OtherPosition, ...] = ()
    told: tuple[ToldFigure, ...] = ()

    @property
    def currencies(self) -> set[str]:
        """Every currency it has to do with."""
        return {self.base_currency, *self.other_cash, *(each.currency for each in self.others)}


class InstrumentSetup(_Section):
    """One stock or ETF: its price now, the bid-ask spread around it, when it trades.

    ``hours`` is ``us_stocks`` (09:30-16:00 New York on weekdays that are no exchange holiday), ``always_open``, or
    ``listed``: the scenario's ``sessions``. ``market_data`` overrides the scenario's mode for this symbol. ``depth`` is
    how many shares limit orders find at one price until it moves; without it there is no end to them.

    ``told_hours`` is what contract details say of trading hours in place of the calendar. ``last_close`` is the close
    that quotes carry, else the price at the start. ``quote_fault`` is what is wrong with the quotes clients are told:
    bid above ask, both 0, no ask, no price (-1) at all, no tick at all, the last trade an hour ago, neither bid nor ask
    as outside trading hours, a halt, no last close, or every price 0.0001.
    """

    symbol: str = Field(pattern=r"^[A-Z][A-Z0-9 .]*$")
    price: Price
    spread: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.02")
    hours: HoursKind | None = None
    primary_exchange: str = "ARCA"
    con_id: int | None = Field(default=None, gt=0)
    name: str = ""
    stock_type: str = "ETF"
    min_tick: Price = Decimal("0.01")
    depth: int | None = Field(default=None, gt=0)
    market_data: MarketDataMode | None = None
    told_hours: "ToldHours | None" = None
    last_close: Price | None = None
    quote_fault: QuoteFault | None = None


class ToldHours(_Section):
    """Trading hours word by word, as contract details tell them; ``extended`` defaults to ``regular``."""

    time_zone: str = "US/Eastern"
    regular: str
    extended: str | None = None


class SessionSetup(_Section):
    """One trading session. The gateway tells it by the minute, so seconds are not allowed."""

    opens: AwareDatetime
    closes: AwareDatetime

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "SessionSetup":
        if self.opens >= self.closes or any(each.second or each.microsecond for each in (self.opens, self.closes)):
            raise ValueError("a session opens before it closes, both at full minutes")
        return self


class PriceMove(_Section):
    """A price that changes so many seconds after the gateway was set up."""

    after: Seconds
    symbol: str
    price: Price


class Latency(_Section):
    """How long the gateway takes, in seconds.

    ``request`` passes before any request is looked at, ``ack`` before an order or a cancel is acknowledged, an order
    is filled completely after something between the two ends of ``fill``, and a commission report follows each part
    after ``commission``.
    Account figures lag behind the fills by ``account_values`` (IBKR refreshes them up to three minutes late).
    """

    request: Seconds = 0.0
    ack: Seconds = 0.0
    fill: tuple[Seconds, Seconds] = (0.0, 0.0)
    commission: Seconds = 0.0
    account_values: Seconds = 0.0

    @model_validator(mode="after")
    def _fill_range_is_ordered(self) -> "Latency":
        if self.fill[0] > self.fill[1]:
            raise ValueError("fill: the first number is the shortest time, the second the longest")
        return self


class ClockSetup(_Section):
    """``real`` time, or ``fixed``: the clock starts at ``start`` and runs on from there at normal speed."""

    mode: Literal["real", "fixed"] = "real"
    start: AwareDatetime | None = None

    @model_validator(mode="after")
    def _fixed_needs_a_start(self) -> "ClockSetup":
        if (self.mode == "fixed") != (self.start is not None):
            raise ValueError("start belongs to mode 'fixed', and mode 'fixed' needs it")
        return self


class CommissionSetup(_Section):
    """US fixed pricing: so much a share, at least the minimum, at most a percentage of the trade value."""

    per_share: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.005")
    minimum: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("1.00")
    maximum_percent: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal("1.0")


class PacingSetup(_Section):
    """Token bucket of messages: ``capacity`` at once, refilled at ``per_second``; ``violations`` before the hang-up."""

    per_second: float = Field(default=50.0, gt=0)
    capacity: int = Field(default=50, gt=0)
    violations: int = Field(default=3, gt=0)


class Scenario(_Section):
    """Everything the simulated gateway is told before it starts.

    ``breathing`` is how many seconds lie between two small steps of every price, which never leave the spread around
    the price that was set; 0 lets prices stand still. ``exchange_rates`` are US dollars for one of each currency, and
    stand still. ``ledger_prefix`` tells the tags of figures by currency with ``$LEDGER-`` before them, as a gateway
    from 10.47 on does unless it is told otherwise.
    """

    accounts: tuple[AccountSetup, ...] = Field(min_length=1)
    instruments: tuple[InstrumentSetup, ...] = Field(min_length=1)
    hours: HoursKind = "us_stocks"
    sessions: tuple[SessionSetup, ...] = ()
    extended_sessions: tuple[SessionSetup, ...] = ()
    moves: tuple[PriceMove, ...] = ()
    market_data: MarketDataMode = "live"
    latency: Latency = Latency()
    clock: ClockSetup = ClockSetup()
    commission: CommissionSetup = CommissionSetup()
    pacing: PacingSetup = PacingSetup()
    seed: int = 1
    max_fill_parts: int = Field(default=3, ge=1, le=20)
    first_order_id: int = Field(default=1, ge=1)
    price_volatility: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    breathing: Seconds = 0.0
    exchange_rates: dict[Currency, Price] = {"EUR": Decimal("1.08"), "GBP": Decimal("1.27")}
    ledger_prefix: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "Scenario":
        accounts = [each.account for each in self.accounts]
        symbols = [each.symbol for each in self.instruments]
        for what, names in (("account", accounts), ("symbol", symbols)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} given more than once: {', '.join(twice)}")
        for account in self.accounts:
            unknown = sorted({*account.holdings, *account.fractions} - set(symbols))
            if unknown:
                raise ValueError(f"account {account.account} holds {', '.join(unknown)}, not among the instruments")
            if "USD" in account.other_cash:
                raise ValueError(f"account {account.account}: cash in USD is its cash, not other_cash")
            foreign = sorted(account.currencies - {"USD", *self.exchange_rates})
            if foreign:
                raise ValueError(f"account {account.account} has {', '.join(foreign)}, not among the exchange_rates")
        if "listed" in (self.hours, *(each.hours for each in self.instruments)) and not self.sessions:
            raise ValueError("hours 'listed' needs sessions")
        strange = sorted({each.symbol for each in self.moves} - set(symbols))
        if strange:
            raise ValueError(f"moves name {', '.join(strange)}, not among the instruments")
        return self


def parse_scenario(text: str, source: str = "scenario") -> Scenario:
    """Read a scenario from YAML text; raise `ScenarioError` with every finding, one a line."""
    try:
        content = read_words(text)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{source}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ScenarioError(f"{source}: expected a mapping with 'accounts' and 'instruments' at the top")
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        findings = [
            f"{source}: {'.'.join(str(part) for part in each['loc']) or 'scenario'}: {each['msg']}"
            for each in error.errors()
        ]
        raise ScenarioError("\n".join(findings)) from error


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file; raise `ScenarioError` when it is missing or wrong."""
    try:
        text = read_text(path)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_scenario(text, str(path))
