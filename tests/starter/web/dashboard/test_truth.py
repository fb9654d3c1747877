"""No page says more than is known, and none says less of what may cost money."""

from datetime import UTC, datetime
from pathlib import Path

from contract.halts import Halt
from rebalancing.outcomes import Outcome, Phase
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.planning import make_plan
from rebalancing.triggers import ExecutionMode
from starter.desk.installation import Installation
from starter.web.callers import Caller
from starter.web.dashboard.views import Looker, common, rendered
from starter.web.dashboard.watch import Board
from starter.web.dashboard.weights import weights_before
from starter.web.tokens import Role
from tests.house import House
from tests.starter.web.api import Api, api_of
from tests.starter.web.dashboard.test_pages_of_an_evening import words

LOOKER = Looker(Caller("trader", Role.TRADER), may_trade=True, is_signed_in=True)

SWAP = {"cash": "0", "positions": {"SPY": 10}, "prices": {"SPY": "600", "BND": "75"}, "targets": {"BND": "1"}}
"""What plans to sell all of one symbol and to buy another."""


def test_where_the_server_does_not_answer_nothing_is_said_to_go_on() -> None:
    told = words(common(Board(problem="No Temporal server answers within 5 s."), LOOKER)["strip"])
    assert "Trading ✕ not known" in told
    assert "goes on" not in told
    assert "does not run" not in told
    assert "Halt all trading" in told
    assert "No account is configured" not in rendered("cards.html", cards=[], is_read=False)


async def test_trusting_this_machine_is_not_called_a_simulation(own: House, tmp_path: Path) -> None:
    async with api_of(own, tmp_path, trust_loopback=True) as api:
        page = words((await api.client.get("/")).text)
        assert "nothing real can be moved" not in page
        assert "anybody here may trade" in page
        assert "Halt all trading" in page


def test_a_dry_run_is_not_said_to_have_brought_anything_to_its_target() -> None:
    now = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
    known = Outcome(
        account="DU1",
        strategy="s",
        mode=ExecutionMode.DRY_RUN,
        event_ids=("e",),
        phase=Phase.COMPLETED,
        started_at=now,
        finished_at=now,
    )
    told = words(rendered("gaps.html", outcome=known))
    assert "It was a dry run: nothing was sent" in told
    assert "every symbol is at its target" not in told


def test_the_button_of_a_pause_by_any_name_ends_that_pause_or_nothing() -> None:
    """Not the halt of everything, which is what this one would like."""
    named = Installation(halts=(Halt("pause-../resume?", "", "", datetime(2026, 11, 24, 14, 30, tzinfo=UTC)),))
    told = common(Board(installation=named), LOOKER)["attention"]
    assert 'data-post="/accounts/..%2Fresume%3F/unpause"' in told


def test_what_a_run_at_work_held_when_it_planned_is_not_said_to_be_held_now() -> None:
    plan = make_plan(PlanRequest.model_validate(SWAP))
    told = words(rendered("weights.html", weights=weights_before(plan), bars=()))
    assert "Holdings against targets, before its orders" in told
    assert "Held before its orders, against target: drift" in told


async def test_a_page_that_there_is_not_is_not_kept_up_to_date(api: Api) -> None:
    """Else it would tell of a lost connection for ever."""
    answer = await api.client.get("/dashboard/accounts/DU77")
    assert (answer.status_code, 'data-page=""' in answer.text) == (404, True)
