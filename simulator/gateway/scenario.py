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
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class OtherPosition(_Section):
    """Something held that the stand-in neither quotes nor trades."""

    symbol: str
    """What it is called."""
    sec_type: OtherType
    """IBKR's kind of it."""
    quantity: Money
    """How much of it is held; negative if short."""
    value: Money
    """Its market value in its own currency, which never moves; of a future its profit, which is part of the
    cash."""
    currency: Currency = "USD"
    """Its currency."""

    @model_validator(mode="after")
    def _something_is_held(self) -> "OtherPosition":
        if not self.quantity:
            raise ValueError("a position of nothing is none")
        return self


class ToldFigure(_Section):
    """A figure that clients are told in place of the true one."""

    tag: str
    """The figure's tag."""
    currency: str = "USD"
    """Its currency."""
    value: str | None
    """What clients are told; null: it is not told at all."""


class AccountSetup(_Section):
    """One managed account as the scenario starts."""

    account: str = Field(pattern=r"^[A-Z]{1,3}\d+$")
    """The account's number."""
    cash: Money
    """Cash in US dollars."""
    holdings: dict[str, int] = {}
    """Whole shares held, by symbol."""
    kind: Literal["margin", "cash"] = "margin"
    """`margin` or `cash` account."""
    other_margin: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(0)
    """Initial margin of what the scenario does not list, such as short options: with enough of it the account
    cannot carry what its cash would pay for."""
    model: str = ""
    """The model portfolio that its holdings belong to, told where each account's positions are asked for."""
    base_currency: Currency = "USD"
    """The currency of the figures of the whole account."""
    other_cash: dict[Currency, Money] = {}
    """Cash in other currencies."""
    fractions: dict[str, Annotated[Decimal, Field(gt=0, lt=1)]] = {}
    """What it holds of a symbol besides whole shares."""
    others: tuple[OtherPosition, ...] = ()
    """What it holds that is no US stock."""
    told: tuple[ToldFigure, ...] = ()
    """Figures that are told wrong, or not at all."""

    @property
    def currencies(self) -> set[str]:
        """Every currency it has to do with."""
        return {self.base_currency, *self.other_cash, *(each.currency for each in self.others)}


class InstrumentSetup(_Section):
    """One stock or ETF."""

    symbol: str = Field(pattern=r"^[A-Z][A-Z0-9 .]*$")
    """Its symbol."""
    price: Price
    """Its price at the start."""
    spread: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.02")
    """Between bid and ask, around the price."""
    hours: HoursKind | None = None
    """`us_stocks` (09:30 to 16:00 New York on weekdays that are no exchange holiday), `always_open`, or `listed`:
    the scenario's `sessions`. Without it: the scenario's."""
    primary_exchange: str = "ARCA"
    """Its primary exchange."""
    con_id: int | None = Field(default=None, gt=0)
    """IBKR's id of it; without one, made up."""
    name: str = ""
    """Its long name."""
    stock_type: str = "ETF"
    """What contract details call it."""
    min_tick: Price = Decimal("0.01")
    """The smallest step of its price."""
    depth: int | None = Field(default=None, gt=0)
    """How many shares limit orders find at one price until it moves; without it there is no end to them."""
    market_data: MarketDataMode | None = None
    """Instead of the scenario's `market_data`."""
    told_hours: "ToldHours | None" = None
    """What contract details say of trading hours in place of the calendar."""
    last_close: Price | None = None
    """The close that quotes carry; without it the price at the start."""
    quote_fault: QuoteFault | None = None
    """What is wrong with the quotes clients are told: bid above ask, both 0, no ask, no price (-1) at all, no tick
    at all, the last trade an hour ago, neither bid nor ask as outside trading hours, a halt, no last close, or
    every price 0.0001."""


class ToldHours(_Section):
    """Trading hours word by word, as contract details tell them."""

    time_zone: str = "US/Eastern"
    """As contract details name it."""
    regular: str
    """Regular hours, word by word."""
    extended: str | None = None
    """With those before and after; without it the regular ones."""


class SessionSetup(_Section):
    """One trading session. The gateway tells it by the minute, so seconds are not allowed."""

    opens: AwareDatetime
    """When it opens, at a full minute."""
    closes: AwareDatetime
    """When it closes, at a full minute."""

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "SessionSetup":
        if self.opens >= self.closes or any(each.second or each.microsecond for each in (self.opens, self.closes)):
            raise ValueError("a session opens before it closes, both at full minutes")
        return self


class PriceMove(_Section):
    """A price that changes."""

    after: Seconds
    """Seconds after the gateway was set up."""
    symbol: str
    """What moves."""
    price: Price
    """Its price from then on."""


class Latency(_Section):
    """How long the gateway takes, in seconds."""

    request: Seconds = 0.0
    """Before any request is looked at."""
    ack: Seconds = 0.0
    """Before an order or a cancel is acknowledged."""
    fill: tuple[Seconds, Seconds] = (0.0, 0.0)
    """An order is filled completely after something between these two."""
    commission: Seconds = 0.0
    """A commission report follows each part after this."""
    account_values: Seconds = 0.0
    """Account figures lag behind the fills by this (IBKR refreshes them up to three minutes late)."""

    @model_validator(mode="after")
    def _fill_range_is_ordered(self) -> "Latency":
        if self.fill[0] > self.fill[1]:
            raise ValueError("fill: the first number is the shortest time, the second the longest")
        return self


class ClockSetup(_Section):
    """What time it is."""

    mode: Literal["real", "fixed"] = "real"
    """`real` time, or `fixed`: the clock begins at `start` and runs on from there at normal speed."""
    start: AwareDatetime | None = None
    """With `fixed` only: where it begins."""

    @model_validator(mode="after")
    def _fixed_needs_a_start(self) -> "ClockSetup":
        if (self.mode == "fixed") != (self.start is not None):
            raise ValueError("start belongs to mode 'fixed', and mode 'fixed' needs it")
        return self


class CommissionSetup(_Section):
    """US fixed pricing: so much a share, at least the minimum, at most a percentage of the trade value."""

    per_share: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.005")
    """US dollars a share."""
    minimum: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("1.00")
    """At least so much an order."""
    maximum_percent: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal("1.0")
    """At most so many percent of the trade value."""


class PacingSetup(_Section):
    """A token bucket of messages."""

    per_second: float = Field(default=50.0, gt=0)
    """Messages that come back to the bucket each second."""
    capacity: int = Field(default=50, gt=0)
    """Messages at once."""
    violations: int = Field(default=3, gt=0)
    """So many, and the gateway hangs up."""


class Scenario(_Section):
    """Everything the simulated gateway is told before it starts."""

    accounts: tuple[AccountSetup, ...] = Field(min_length=1)
    """The managed accounts."""
    instruments: tuple[InstrumentSetup, ...] = Field(min_length=1)
    """What can be traded."""
    hours: HoursKind = "us_stocks"
    """When things trade: `us_stocks`, `always_open`, or `listed`, which is `sessions`."""
    sessions: tuple[SessionSetup, ...] = ()
    """Trading sessions, with `hours: listed`."""
    extended_sessions: tuple[SessionSetup, ...] = ()
    """The same with what comes before the opening and after the close."""
    moves: tuple[PriceMove, ...] = ()
    """Prices that change."""
    market_data: MarketDataMode = "live"
    """What market data clients may have."""
    latency: Latency = Latency()
    """How long the gateway takes."""
    clock: ClockSetup = ClockSetup()
    """The gateway's clock."""
    commission: CommissionSetup = CommissionSetup()
    """What trading costs."""
    pacing: PacingSetup = PacingSetup()
    """How many messages it takes."""
    seed: int = 1
    """Of everything that is left to chance."""
    max_fill_parts: int = Field(default=3, ge=1, le=20)
    """An order fills in so many parts at most."""
    first_order_id: int = Field(default=1, ge=1)
    """The first order id that clients are told."""
    price_volatility: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """The standard deviation of each random step of every price, as a share of it; 0 lets prices stand still."""
    breathing: Seconds = 0.0
    """Seconds between two small steps of every price, which never leave the spread around the price that was set; 0
    lets prices stand still."""
    exchange_rates: dict[Currency, Price] = {"EUR": Decimal("1.08"), "GBP": Decimal("1.27")}
    """US dollars for one of each currency; they stand still."""
    ledger_prefix: bool = False
    """Tells the tags of figures by currency with `$LEDGER-` before them, as a gateway from 10.47 on does unless it
    is told otherwise."""

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
