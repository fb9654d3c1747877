"""The answer to a caller whose request goes on without them: 202, with where to look."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse

from rebalancing.triggers import Trigger
from starter.web import shapes

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.ACCEPTED.value: {
        "model": shapes.Accepted,
        "description": "It goes on, and is not over yet: look where `Location` says",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Where to look"}},
    }
}

GOES_ON: Final = "It is not over yet and goes on; nobody has to wait for it."


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
