"""What each page shows, region by region: the live stream sends a region anew once it has changed."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from contract.halts import Halt
from rebalancing.orders.order import OrderReport, OrderState
from rebalancing.outcomes import Phase
from starter.desk.account_status import AccountStatus
from starter.desk.history import History, HistoryRequest, read_history
from starter.desk.limits import limits_of
from starter.desk.show import details_of, find_run
from starter.desk.status import detailed, held, status_of
from starter.web.callers import Caller
from starter.web.dashboard.addresses import account_page, run_page, temporal_page
from starter.web.dashboard.charts import WeightBar, cost_plot, drift_plot, span_bars, weight_bars
from starter.web.dashboard.events import published_events
from starter.web.dashboard.rendering import environment
from starter.web.dashboard.timeline import timeline_of
from starter.web.dashboard.watch import Board, Watch
from starter.web.dashboard.weights import Weights, weights_before, weights_of
from starter.web.open_desk import OpenDesk

Regions = Mapping[str, str]
"""HTML by the id of the element it is in."""

CONTAINERS: Final = frozenset({"cards"})
"""Regions that are only the elements around other ones."""

RUNS_SHOWN: Final = 50

EVENTS_EVERY: Final = 5.0
"""Seconds between two looks at what all accounts remember of events, which is a question to the server for each."""

_TEMPLATES: Final = environment()


@dataclass(frozen=True)
class Looker:
    """Who looks at a page: ``may_trade`` decides which buttons there are, ``csrf`` goes with each change.

    ``is_rehearsal``: whatever is done here moves nothing real."""

    caller: Caller
    may_trade: bool
    is_signed_in: bool
    is_rehearsal: bool = False
    csrf: str = ""


class View(Protocol):
    """A page. ``template`` holds its regions, ``title`` is what the window is called."""

    template: str
    title: str

    def regions(self) -> AsyncGenerator[Regions]:
        """All its regions, again and again, about once a second."""
        ...


def rendered(template: str, **told: Any) -> str:
    """One template."""
    return _TEMPLATES.get_template(template).render(told)


@dataclass(frozen=True)
class Card:
    """One account on the board."""

    status: AccountStatus
    weights: Weights | None
    href: str

    @property
    def bars(self) -> Sequence[WeightBar]:
        """Target against actual."""
        return weight_bars(self.weights) if self.weights else ()


class BoardView:
    """All accounts on one screen."""

    template = "board.html"
    title = "Accounts"

    def __init__(self, watch: Watch, looker: Looker) -> None:
        self._watch, self._looker = watch, looker
        self._cards: dict[str, tuple[Card, str]] = {}

    async def regions(self) -> AsyncGenerator[Regions]:
        """What stands on top, what waits for a person, and a card for each account."""
        async for board in self._watch.boards():
            cards = [_card(board, each) for each in board.statuses]
            yield {
                **common(board, self._looker),
                "cards": rendered("cards.html", cards=cards, is_read=board.read_at is not None),
                **{f"account-{card.status.account}": self._drawn(card) for card in cards},
            }

    def _drawn(self, card: Card) -> str:
        """A card as it was drawn before, where nothing about it has changed."""
        account = card.status.account
        before, html = self._cards.get(account, (None, ""))
        if before != card:
            html = rendered("card.html", card=card)
            self._cards[account] = card, html
        return html


class AccountView:
    """One account."""

    template = "account.html"

    def __init__(self, desk: OpenDesk, watch: Watch, looker: Looker, account: str) -> None:
        self._desk, self._watch, self._looker, self._account = desk, watch, looker, account
        self._history = History((), ())
        self._history_of: object = None
        self.title = account

    async def regions(self) -> AsyncGenerator[Regions]:
        """How it stands, what it holds and trades, and what was before. Raises ``AccountUnknown``."""
        status = await self._status()
        async for board in self._watch.boards():
            status = await self._renewed(status, board)
            weights = _weights(board, status)
            outcome = board.outcome_of(status)
            plan, orders = (outcome.plan, outcome.orders) if outcome else (status.plan, status.orders)
            yield {
                **common(board, self._looker, self._account),
                "account-head": rendered(
                    "account_head.html",
                    status=status,
                    looker=self._looker,
                    limits=self._limits(),
                ),
                "weights": rendered("weights.html", weights=weights, bars=weight_bars(weights) if weights else ()),
                "plan": rendered("plan.html", plan=plan),
                "orders": rendered("orders.html", orders=orders, outcome=outcome),
                "gaps": rendered("gaps.html", outcome=outcome),
                "history": rendered(
                    "history.html",
                    history=self._history,
                    plot=drift_plot(self._history.runs),
                    costs=cost_plot(self._history.runs),
                    run_page=run_page,
                ),
            }

    def _limits(self) -> Mapping[str, str]:
        accounts = self._desk.configuration.now.accounts
        return next((limits_of(each) for each in accounts if each.account_id == self._account), {})

    async def _status(self) -> AccountStatus:
        return await status_of(self._desk.client, self._account, self._desk.configuration.now.accounts)

    async def _renewed(self, known: AccountStatus, board: Board) -> AccountStatus:
        """With details as often as the page is made anew: somebody looks at this very account."""
        listed = board.status(self._account)
        has_moved = listed is not None and (listed.run_id, listed.is_running) != (known.run_id, known.is_running)
        if has_moved or self._history_of is None:
            known = await self._status()
        elif known.is_running:
            known = await detailed(self._desk.client, known)
        if self._history_of != (known.run_id, known.is_running):
            asked = HistoryRequest(account=self._account, limit=RUNS_SHOWN)
            self._history = await read_history(self._desk.client, asked)
            self._history_of = (known.run_id, known.is_running)
        if listed is not None:
            known = replace(known, is_configured=listed.is_configured, is_enabled=listed.is_enabled)
        (told,) = held([known], board.installation.halts)
        return told


class RunView:
    """One run."""

    template = "run.html"

    def __init__(self, desk: OpenDesk, watch: Watch, looker: Looker, account: str, run_id: str) -> None:
        self._desk, self._watch, self._looker = desk, watch, looker
        self._account, self._run_id = account, run_id
        self._is_over = False
        self.title = f"{account} · run {run_id[:8]}"

    async def regions(self) -> AsyncGenerator[Regions]:
        """What it did when, and what came of it; read again while it runs. Raises ``RunUnknown``."""
        told: Regions = {}
        async for board in self._watch.boards():
            if not self._is_over:
                told = await self._told()
            yield {**common(board, self._looker, self._account), **told}

    async def _told(self) -> Regions:
        client = self._desk.client
        run = await find_run(client, self._account, self._run_id)
        self._is_over = not run.is_running
        details = await details_of(client, run)
        spans = await timeline_of(client, self._account, run.run_id, datetime.now(UTC))
        link = temporal_page(self._desk.temporal_ui, client.namespace, run.workflow_id, run.run_id)
        outcome = details.outcome
        weights = weights_of(outcome) if outcome else None
        return {
            "run-head": rendered(
                "run_head.html", run=run, details=details, link=link, account_page=account_page(self._account)
            ),
            "timeline": rendered("timeline.html", bars=span_bars(spans), run=run),
            "weights": rendered("weights.html", weights=weights, bars=weight_bars(weights) if weights else ()),
            "plan": rendered("plan.html", plan=details.plan),
            "orders": rendered("orders.html", orders=details.orders, outcome=outcome),
            "gaps": rendered("gaps.html", outcome=outcome),
        }


class EventsView:
    """The events that were published, and what became of each."""

    template = "events.html"
    title = "Events"

    def __init__(self, desk: OpenDesk, watch: Watch, looker: Looker) -> None:
        self._desk, self._watch, self._looker = desk, watch, looker

    async def regions(self) -> AsyncGenerator[Regions]:
        """A row for each event, the latest first; read again once an account's run has changed."""
        told, told_of, read_at = "", None, float("-inf")
        async for board in self._watch.boards():
            now = [(each.run_id, each.is_running, each.phase) for each in board.statuses]
            time = asyncio.get_running_loop().time()
            if now != told_of and time - read_at >= EVENTS_EVERY:
                read_at = time
                events = await published_events(self._desk.client, [each.account for each in board.statuses])
                told, told_of = rendered("event_rows.html", events=events, account_page=account_page), now
            yield {
                **common(board, self._looker),
                "channels": rendered("channels.html", installation=board.installation),
                "events": told,
            }


def common(board: Board, looker: Looker, account: str | None = None) -> Regions:
    """What stands on top of every page: how the installation stands, and what waits for a person."""
    waiting = [
        each
        for each in board.statuses
        if each.waits_for_you and each.phase != Phase.HALTED and account in (None, each.account)
    ]
    questions = [(each, unknown_of(each)) for each in waiting if each.phase == Phase.NEEDS_OPERATOR]
    return {
        "strip": rendered("strip.html", board=board, looker=looker),
        "attention": rendered(
            "attention.html",
            halts=[halt for halt in board.installation.halts if _concerns(halt, account and board.status(account))],
            plans=[each for each in waiting if each.phase == Phase.WAITING_FOR_APPROVAL],
            questions=questions,
            looker=looker,
            account=account,
            account_page=account_page,
        ),
    }


def _concerns(halt: Halt, status: AccountStatus | str | None) -> bool:
    """Whether it holds this account; where none is named, it is of interest whatever it holds."""
    if not isinstance(status, AccountStatus):
        return True
    return halt.account in (None, status.account) and halt.strategy in (None, status.strategy)


def unknown_of(status: AccountStatus) -> list[OrderReport]:
    """The orders that a person has to look up."""
    return [order for order in status.orders if order.state is OrderState.UNKNOWN]


def _card(board: Board, status: AccountStatus) -> Card:
    return Card(status, _weights(board, status), account_page(status.account))


def _weights(board: Board, status: AccountStatus) -> Weights | None:
    """As the plan of a run at work found it, or as the last run left it."""
    if status.is_running and status.plan is not None:
        return weights_before(status.plan)
    outcome = board.measured(status.account)
    return weights_of(outcome) if outcome else None
