"""The answer to a caller whose request goes on without them: 202, with where to look."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse

from contract.status import Status
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventStatus, Trigger
from starter.web import shapes

LONG_PHASES: Final = frozenset(
    {Phase.WAITING_FOR_APPROVAL, Phase.WAITING_FOR_MARKET, Phase.NEEDS_OPERATOR, Phase.HALTED}
)
"""What is certain to last longer than anybody waits at a socket."""

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.ACCEPTED.value: {
        "model": shapes.Accepted,
        "description": "It goes on, and is not over yet: look where `Location` says",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Where to look"}},
    }
}

GOES_ON: Final = "It is not over yet and goes on; nobody has to wait for it."

_UNDER_WAY: Final = (EventStatus.PENDING, EventStatus.RUNNING)


class WaitsLong(Exception):
    """It waits for something that takes its time; the message says for what."""


def stop_at_long_phases(trigger: Trigger) -> Callable[[Status | None], None]:
    """What to look on with: raises ``WaitsLong`` once that request is under way and waits for something long."""

    def look(status: Status | None) -> None:
        record = status.events.find(trigger.event_id, trigger.mode) if status else None
        if status is None or status.phase not in LONG_PHASES or (record and record.status not in _UNDER_WAY):
            return
        raise WaitsLong(f"{trigger.account}: {status.phase.value} {status.detail}".strip())

    return look


def accepted(trigger: Trigger, why: Exception) -> JSONResponse:
    """That the request was taken and is not over."""
    look_at = f"/accounts/{trigger.account}/status"
    told = shapes.Accepted(
        account_id=trigger.account,
        event_id=trigger.event_id,
        execution_mode=shapes.mode_of(trigger.mode),
        message=str(why) or GOES_ON,
        look_at=look_at,
        timestamp=datetime.now(UTC),
    )
    return JSONResponse(told.model_dump(mode="json"), HTTPStatus.ACCEPTED.value, {"Location": look_at})
