"""What all open pages show, read once for all of them, and no more often than people notice.

The server is asked once a second what runs or has ended since; the rest is asked for in turns. Each answer that a
worker has to give costs a rebalance a little: so details are rationed, those first that wait for a person.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from contract.halts import ALL_HALTS, Halt, halt_of, is_halt
from rebalancing.accounts import is_account_id
from rebalancing.outcomes import Outcome, Phase
from starter.desk.account_status import AccountStatus
from starter.desk.installation import Installation, read_installation
from starter.desk.mistakes import told_of
from starter.desk.pending_steps import positions
from starter.desk.runs import OURS, Run, is_own, run_of
from starter.desk.show import outcome_in
from starter.desk.status import at_once, detailed, held, listed_statuses, of_run
from starter.desk.temporal_errors import innermost_reason, is_away, is_unknown

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at what runs, while somebody looks on."""

INSTALLATION_EVERY: Final = 10.0
"""Seconds between two looks at gateways, listener and processes: a dozen questions and more, and little changes."""

EVERYTHING_EVERY: Final = 60.0
"""Seconds after which all accounts are listed anew, for whatever a look may have missed."""

DETAILS_A_LOOK: Final = 1
"""So many running accounts are asked for details at one look."""

MOST_NEW_A_LOOK: Final = 20
"""So many besides that just began to wait for a person."""

OUTCOMES_A_LOOK: Final = 10
"""So many outcomes of runs that are over are read at one look; each is read once."""

ANSWER_WITHIN: Final = 5.0
"""Seconds for a look; whoever looks on is told that nothing is known before the client library gives up."""

OVERLAP: Final = timedelta(seconds=10)
"""The server's list lags behind what has happened."""

MOST_LISTED: Final = 1000


@dataclass(frozen=True)
class Known:
    """The latest outcome that is known of an account, and the run that came to it."""

    run_id: str
    outcome: Outcome


@dataclass(frozen=True)
class Board:
    """How everything stands. ``outcomes`` are the latest that are known, by account.

    ``problem`` says why it is not known how things stand by now; then the rest is what was known at ``read_at``.
    """

    statuses: tuple[AccountStatus, ...] = ()
    outcomes: Mapping[str, Known] = field(default_factory=dict[str, Known])
    installation: Installation = field(default_factory=Installation)
    read_at: datetime | None = None
    problem: str = ""

    def status(self, account: str) -> AccountStatus | None:
        """One account."""
        return next((each for each in self.statuses if each.account == account), None)

    def measured(self, account: str) -> Outcome | None:
        """The latest outcome that is known of an account, whichever run came to it."""
        known = self.outcomes.get(account)
        return known.outcome if known else None

    def outcome_of(self, status: AccountStatus) -> Outcome | None:
        """What the run that this tells of came to; ``None`` while it runs, and where it returned nothing."""
        known = self.outcomes.get(status.account)
        return known.outcome if known and known.run_id == status.run_id and not status.is_running else None


class Watch:
    """Keeps the board of one installation up to date while it is asked for."""

    def __init__(self, client: Client, configuration: ConfigurationInUse) -> None:
        self._client = client
        self._configuration = configuration
        self._statuses: dict[str, AccountStatus] = {}
        self._halts: tuple[Halt, ...] = ()
        self._shown: dict[str, tuple[str, str, bool]] = {}
        self._outcomes: dict[str, tuple[str, Outcome | None]] = {}
        self._installation = Installation()
        self._detailed_at: dict[str, float] = {}
        self._looked_at = self._listed_at = self._installation_at = float("-inf")
        self._known_to = datetime.now(UTC)
        self._read_at: datetime | None = None
        self._problem = ""
        self._looking = asyncio.Lock()

    async def board(self) -> Board:
        """How everything stands, as of a second ago at most, or with the reason why that is not known."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= LOOK_EVERY:
                self._problem = await self._problem_of_a_look(now)
                self._looked_at = asyncio.get_running_loop().time()
        shown = held(sorted(self._statuses.values(), key=_as_people_count), self._halts)
        places = positions({each.account: each.steps for each in shown if each.is_running})
        return Board(
            statuses=tuple(replace(each, position=places.get(each.account)) for each in shown),
            outcomes={name: Known(run_id, came) for name, (run_id, came) in self._outcomes.items() if came},
            installation=replace(self._installation, halts=self._halts),
            read_at=self._read_at,
            problem=self._problem,
        )

    async def boards(self) -> AsyncGenerator[Board]:
        """The board, again and again."""
        while True:
            yield await self.board()
            await asyncio.sleep(LOOK_EVERY)

    async def _problem_of_a_look(self, now: float) -> str:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._look(now)
            with suppress(TimeoutError):  # the server answers, so how things stand is known but for some details
                async with asyncio.timeout(ANSWER_WITHIN):
                    await self._ask_for_details(now)
                    await self._read_outcomes()
        except TimeoutError:
            return f"No Temporal server answers within {ANSWER_WITHIN:g} s."
        except RPCError as error:
            return told_of(error)
        except RuntimeError as error:
            if not is_away(error):
                raise
            return f"No Temporal server answers: {innermost_reason(error)}."
        self._read_at = datetime.now(UTC)
        return ""

    async def _look(self, now: float) -> None:
        configured = self._configuration.now.accounts
        names = {each.account_id for each in configured}
        if now - self._listed_at >= EVERYTHING_EVERY or not names <= self._statuses.keys():
            listed = await listed_statuses(self._client, configured)
            self._statuses = {each.account: self._with_known_details(each) for each in listed if _is_account(each)}
            self._listed_at = now
        await self._look_at_what_changed()
        if now - self._installation_at >= INSTALLATION_EVERY:
            self._installation = await read_installation(self._client, self._configuration.now)
            self._installation_at = now

    def _with_known_details(self, listed: AccountStatus) -> AccountStatus:
        known = self._statuses.get(listed.account)
        if known is None or not listed.is_running or (known.run_id, known.phase) != (listed.run_id, listed.phase):
            self._detailed_at.pop(listed.account, None)
            return listed
        return replace(
            known,
            is_configured=listed.is_configured,
            is_enabled=listed.is_enabled,
            strategy=listed.strategy,
            last_live=listed.last_live,
        )

    # --- what runs ------------------------------------------------------------------------------------------------

    async def _look_at_what_changed(self) -> None:
        asked_at = datetime.now(UTC)
        since = (self._known_to - OVERLAP).isoformat()
        query = f"({OURS} OR {ALL_HALTS}) AND (ExecutionStatus = 'Running' OR CloseTime > '{since}')"
        found = [each async for each in self._client.list_workflows(query, limit=MOST_LISTED)]
        self._known_to = asked_at  # not before it was answered: what closes while nothing is answered is told then
        halts = [await halt_of(each) for each in found if is_halt(each.id) and not each.close_time]
        self._halts = tuple(sorted(halts, key=lambda halt: halt.since))
        runs = [await run_of(each) for each in found if is_own(each)]
        latest = {run.account: run for run in sorted(runs, key=lambda run: run.started_at) if not run.is_idle}
        for account, run in latest.items():
            if is_account_id(account):
                self._note(account, run)
        running = {run.run_id for run in runs if run.is_running}
        is_whole = len(found) < MOST_LISTED
        if is_whole and any(each.is_running and each.run_id not in running for each in self._statuses.values()):
            self._listed_at = float("-inf")  # one that is over, and how it ended was missed or says nothing

    def _note(self, account: str, run: Run) -> None:
        known = self._statuses.get(account)
        if known is None:
            self._listed_at = float("-inf")  # an account nobody knew of: the next look lists everything
            return
        shown = (run.run_id, run.phase, run.is_running)
        if self._shown.get(account) == shown or _is_older(run, known):
            return
        self._shown[account] = shown
        self._detailed_at.pop(account, None)
        is_same = run.run_id == known.run_id
        status = of_run(known if is_same else replace(known, orders=(), plan=None, pending_events=()), run)
        status = replace(status, steps=(), position=None, waiting_plan=None)
        self._statuses[account] = replace(status, last_live=run) if run.is_live and run.closed_at else status

    # --- what the list cannot tell --------------------------------------------------------------------------------

    async def _ask_for_details(self, now: float) -> None:
        """Of all that just began to wait for a person, which is no work for anybody; of the others in turns."""
        running = [each for each in self._statuses.values() if each.is_running]
        new = [each for each in running if each.waits_for_you and each.account not in self._detailed_at]
        working = [each for each in running if each not in new]
        longest_ago = sorted(working, key=lambda each: self._detailed_at.get(each.account, float("-inf")))
        asked = (*new[:MOST_NEW_A_LOOK], *longest_ago[:DETAILS_A_LOOK])
        self._detailed_at |= {each.account: now for each in asked}
        for told in await at_once(partial(detailed, self._client), asked):
            # That a run is over, and which is the next, is for the list to tell: it knows of all of them.
            if told.is_running and told.run_id == self._statuses[told.account].run_id:
                self._statuses[told.account] = told

    async def _read_outcomes(self) -> None:
        """Of each account's latest run that came to its end; of one at work, of the run before."""
        lacking = [
            (status.account, run_id)
            for status in self._statuses.values()
            if (run_id := _carried_out(status)) and self._outcomes.get(status.account, ("",))[0] != run_id
        ]
        for account, run_id in lacking[:OUTCOMES_A_LOOK]:
            self._outcomes[account] = run_id, await _outcome(self._client, account, run_id)


async def _outcome(client: Client, account: str, run_id: str) -> Outcome | None:
    """What a run came to; ``None`` where that is not kept any more, or cannot be read by now."""
    try:
        return await outcome_in(client, account, run_id)
    except RPCError as error:
        if is_unknown(error):
            return None
        raise
    except Exception as error:  # a converter may raise anything, and one run must not hide the others
        if is_away(error):
            raise
        return None


def _is_account(status: AccountStatus) -> bool:
    """Whether its name is an account's: anybody may start a workflow by any id at the server."""
    return is_account_id(status.account)


def _as_people_count(status: AccountStatus) -> tuple[str, int]:
    """So that DU2 comes before DU10."""
    letters = status.account.rstrip("0123456789")
    return letters, int(status.account.removeprefix(letters) or 0)


def _is_older(run: Run, known: AccountStatus) -> bool:
    """Whether the list, which lags, tells of a run before the one that is known."""
    return run.run_id != known.run_id and known.since is not None and run.started_at < known.since


def _carried_out(status: AccountStatus) -> str:
    """The id of the run whose outcome tells what the account holds."""
    if not status.is_running and status.phase in (Phase.COMPLETED, Phase.INCOMPLETE):
        return status.run_id
    live = status.last_live
    return live.run_id if live and live.phase in (Phase.COMPLETED, Phase.INCOMPLETE) else ""
