"""Accounts: which portfolio each follows, and how."""

import re
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self, cast

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from rebalancing.approval import ApprovalRules
from rebalancing.base import ConfiguredModel, Weight
from rebalancing.funding.account_kind import Funding
from rebalancing.guards import Guards
from rebalancing.market.snapshot import QuoteKind
from rebalancing.orders.order_policy import OrderPolicy
from rebalancing.planner.plan import DEFAULT_RESERVE_PERCENT
from rebalancing.planner.trading_rules import TradingRules
from rebalancing.symbols import BySymbol
from rebalancing.targets import AllocationsInvalid, Replacement, Targets, check_allocations
from rebalancing.web_address import WebAddress, without_secrets

ACCOUNT_PATTERN = r"^[A-Z]{1,5}[0-9]{1,12}$"

AccountNumber = Annotated[str, StringConstraints(pattern=ACCOUNT_PATTERN)]
"""An IBKR account number: letters, then digits. Those of paper accounts begin with D."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"

AccountId = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""What an account is called: its number, or its alias (``rebalancing.account_names``)."""


def is_account_number(text: str) -> bool:
    """Whether this is written as account numbers are."""
    return re.fullmatch(ACCOUNT_PATTERN, text) is not None


def is_account_id(text: str) -> bool:
    """Whether this is written as names of accounts are, be they numbers or aliases."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def _not_taken(name: str) -> str:
    if name in ("default", "fills"):
        raise ValueError(f"{name} means something else; choose another name for the gateway")
    return name


GatewayName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,30}$"), AfterValidator(_not_taken)]
"""A gateway among several, as in the names of its queues and of its environment variables."""

STRATEGY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"

StrategyName = Annotated[str, StringConstraints(pattern=STRATEGY_PATTERN)]
"""A strategy, which is also the name of its Ably channel."""

ReservePercent = Annotated[Decimal, Field(ge=0, lt=100)]
"""The cash reserve in percent of the net liquidation value."""


class AccountType(StrEnum):
    """Whether orders of an account move real money (promise P6)."""

    PAPER = "paper"
    LIVE = "live"

    @classmethod
    def of(cls, account_id: str) -> "AccountType":
        """The type an account number tells: IBKR begins those of paper accounts with D."""
        return cls.PAPER if account_id.startswith("D") else cls.LIVE


class OnForeignOrders(StrEnum):
    """What to do about working orders that this application cannot cancel: placed by hand, or by another client."""

    STOP = "stop"
    IGNORE = "ignore"


class WhenClosed(StrEnum):
    """What a run does when something that must trade does not trade now."""

    WAIT = "wait"
    FAIL = "fail"


class AllocationsSource(ConfiguredModel):
    """Where an account's target weights come from; with nothing set, from the allocations API under its base address.

    ``weights`` are written in the configuration itself, as a list of ``{symbol, allocation}``.
    """

    url: WebAddress | None = None
    """The address to ask."""
    file: str | None = Field(default=None, min_length=1)
    """A JSON file, found from where the configuration is."""
    weights: dict[str, Weight] | None = None
    """Weights by symbol; together 1 ± 0.01."""

    @field_validator("weights", mode="before")
    @classmethod
    def _checked(cls, value: object) -> object:
        if isinstance(value, dict):
            named = cast("dict[object, object]", value)
            value = [{"symbol": symbol, "allocation": weight} for symbol, weight in named.items()]
        if not isinstance(value, list):
            return value
        try:
            return check_allocations("this account", cast("list[object]", value))
        except AllocationsInvalid as invalid:
            raise ValueError(invalid.found) from None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.url, self.file, self.weights)) > 1:
            raise ValueError("only one of url, file and a list of weights may be given")
        return self


class Account(TradingRules):
    """One account, with the rules its plans keep to. The reserve is in percent of the net liquidation value.

    ``replacements`` are the rules of the set that ``replacement_set`` names.
    """

    account_id: AccountId
    """What the account is called: its alias, or its number where it has none."""
    strategy_name: StrategyName
    """The strategy, and its Ably channel; also `notification.channel`."""
    type: AccountType
    """`paper` or `live`."""
    enabled: bool = True
    """`false`: nothing is started for it, whoever asks; what is at work is seen through."""
    gateway: GatewayName | None = None
    """Through which gateway (login) the account is reached, where there are several: `IBKR_<NAME>_HOST` and
    `IBKR_<NAME>_PORT` say where it listens."""
    cash_reserve_percent: ReservePercent = DEFAULT_RESERVE_PERCENT
    """Cash never spent, in percent of the net liquidation value; also `rebalancing.equity_reserve_percentage`."""
    replacement_set: str | None = None
    """One of `replacement_sets`."""
    replacements: tuple[Replacement, ...] = ()
    allocations: AllocationsSource = AllocationsSource()
    """Where the weights come from, if not from the allocations API: a list of `{symbol, allocation}`, or one of the
    keys below."""
    guards: Guards = Guards()
    """Limits that stop a plan or have a person asked."""
    approval: ApprovalRules = ApprovalRules()
    """When a person must approve; `approval: always` says it in one word."""
    funding: Funding = Funding.AUTO
    """`cash` or `margin` account; `auto` goes by the broker's figures."""
    margin_check: bool = True
    """Before the first order of a margin account, ask IBKR what the plan would do to it."""
    foreign_orders: OnForeignOrders = OnForeignOrders.STOP
    """`stop` a run before any trade, or `ignore`, working orders placed by hand or by another program."""
    market_closed: WhenClosed = WhenClosed.WAIT
    """Outside trading hours `wait` until everything that must trade can, or `fail` at once."""
    quotes_needed: QuoteKind | None = None
    """The least fresh quotes orders are sized by: `live`, `delayed` or `close`."""

    order_policy: OrderPolicy = OrderPolicy()
    """How orders are sent: type, limit, repricing, the close, Adaptive."""
    symbol_order_policies: BySymbol[OrderPolicy] = {}
    """`{symbol: {type: …}}`: policies of single symbols; each stands for itself, what it leaves out is the default."""

    def policy_for(self, symbol: str) -> OrderPolicy:
        """How orders of this symbol are sent."""
        return self.symbol_order_policies.get(symbol, self.order_policy)

    @property
    def least_quotes(self) -> QuoteKind:
        """The least fresh quotes this account trades by. Paper accounts seldom have market data of their own."""
        if self.quotes_needed is not None:
            return self.quotes_needed
        return QuoteKind.LIVE if self.type is AccountType.LIVE else QuoteKind.DELAYED

    def rules_without_selling(self, symbols: Iterable[str]) -> dict[str, object]:
        """The trading rules at a moment when these symbols must not be sold (``rebalancing.funding.settlement``)."""
        return {**self.trading_rules, "never_sell": self.never_sell.union(symbols)}

    @property
    def without_secrets(self) -> Self:
        """The account as a workflow's history may hold it: where its weights come from is told by the host alone."""
        source = self.allocations
        if source.url is None:
            return self
        told = source.model_copy(update={"url": without_secrets(source.url)})
        return self.model_copy(update={"allocations": told})

    @property
    def written_targets(self) -> Targets | None:
        """The targets written in the configuration itself, if they are."""
        weights = self.allocations.weights
        return None if weights is None else Targets(strategy=self.strategy_name, weights=weights)
