"""An evening at the desk: accounts in every state that an operator meets, at once, over the real parts."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from activities.gateway import order_desk
from contract.halts import pause_id
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk.halt import hold
from testbed.temporal_server import TemporalServer
from tests.cli.command import Desk, desk
from tests.house import Holding, House, failure_of, house, phase_reached, quick_settings
from tests.workflows.test_incomplete import refuse
from tests.workflows.test_market_opening import NEW_YORK, hours

WORKS_ON: Final = {"type": "LMT", "limit_at": "midpoint", "reprice_every": 3600, "reprice_times": 1}
"""An order that is at work for as long as a test takes."""

RUNNING, QUEUED, MARKET, APPROVAL, APPROVAL_TOO, OPERATOR, FAILED, INCOMPLETE, PAUSED, DISABLED, NEVER_RUN, DONE = (
    f"DU{number}" for number in range(1, 13)
)

PHASES: Final = {
    RUNNING: "buying",
    QUEUED: "waiting for its turn",
    MARKET: "waiting for market",
    APPROVAL: "waiting for approval",
    APPROVAL_TOO: "waiting for approval",
    OPERATOR: "needs operator",
    FAILED: "failed",
    INCOMPLETE: "incomplete",
    PAUSED: "halted",
    DISABLED: "never run",
    NEVER_RUN: "never run",
    DONE: "completed",
}
"""What is shown of each account."""

ENTRIES: Final[dict[str, dict[str, Any]]] = {
    RUNNING: {"weights": {"QQQ": "1"}, "order_policy": WORKS_ON},
    QUEUED: {},
    MARKET: {"weights": {"EDC": "1"}},
    APPROVAL: {"approval": {"required": "always"}},
    APPROVAL_TOO: {"approval": {"required": "always"}},
    OPERATOR: {"weights": {"BND": "1"}},
    FAILED: {"guards": {"maximum_order_value": "10"}},
    INCOMPLETE: {"weights": {"GLD": "1"}},
    PAUSED: {},
    DISABLED: {"enabled": False},
    NEVER_RUN: {"strategy_name": "other"},
    DONE: {},
}
"""What is special about each; what is not said is QQQ and SPY in halves, by the strategy ``blend``."""

PLAIN: Final = {"QQQ": "0.5", "SPY": "0.5"}

SETTINGS: Final = Settings.model_validate(
    {**quick_settings(max_concurrent_rebalances=2).model_dump(), "max_wait": 5 * 86_400}
)


@asynccontextmanager
async def evening(
    folder: Path, monkeypatch: pytest.MonkeyPatch, temporal: TemporalServer | None = None
) -> AsyncGenerator[tuple[House, Desk]]:
    """All of it, and a desk with the same accounts; on this Temporal server, if one is given."""
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    accounts = {
        account: Holding(
            weights=entry.get("weights", PLAIN),
            more={"strategy_name": "blend", **{key: value for key, value in entry.items() if key != "weights"}},
        )
        for account, entry in ENTRIES.items()
    }
    opens_late = {"EDC": hours(NEW_YORK, (30, 36))}
    async with house(accounts, settings=SETTINGS, temporal=temporal, instruments=opens_late) as own:
        refuse(own, "GLD")
        for account in (DONE, INCOMPLETE):
            await (await own.trigger(account)).result()
        await failure_of(await own.trigger(FAILED))
        await hold(own.client, pause_id(PAUSED), "ann@desk", "its owner asked")
        swallow = FaultMatch(request="placeOrder", symbol="BND")
        own.gateway.add_fault(FaultRule(action="swallow", match=swallow))
        for account, phase in (
            (OPERATOR, Phase.NEEDS_OPERATOR),
            (PAUSED, Phase.HALTED),
            (MARKET, Phase.WAITING_FOR_MARKET),
            (APPROVAL, Phase.WAITING_FOR_APPROVAL),
            (APPROVAL_TOO, Phase.WAITING_FOR_APPROVAL),
            (RUNNING, Phase.BUYING),
            (QUEUED, Phase.WAITING_FOR_TURN),
        ):
            await phase_reached(await own.trigger(account), phase)
        yield own, desk(folder, _file(), **own.variables)


def _file() -> str:
    accounts = [
        {
            "account_id": account,
            "strategy_name": "blend",
            **{key: value for key, value in entry.items() if key != "weights"},
            "allocations": [
                {"symbol": symbol, "allocation": float(weight)}
                for symbol, weight in entry.get("weights", PLAIN).items()
            ],
        }
        for account, entry in ENTRIES.items()
    ]
    return yaml.safe_dump({"accounts": accounts})
