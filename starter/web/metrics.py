"""The metrics of this process, as Prometheus reads them."""

from http import HTTPStatus
from typing import Final

import httpx
from fastapi import APIRouter
from fastapi.responses import Response

from starter.web.open_desk import TheDesk
from starter.web.problems import Refusal

router = APIRouter()

ANSWER_WITHIN: Final = 5.0

FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


# Left out of the document, as the document itself is: it is text for Prometheus.
@router.get("/metrics", include_in_schema=False)
async def metrics(desk: TheDesk) -> Response:
    """Hand on what Temporal's library has counted. Raises ``Refusal`` where it counts nothing, or does not answer."""
    if desk.metrics is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "This process keeps no metrics.")
    try:
        # Without TLS, for which a client would load all certificates of this machine each time.
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=ANSWER_WITHIN) as client:
            answer = await client.get(f"http://{desk.metrics}/metrics")
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"The metrics cannot be had: {error}.") from None
    return Response(answer.content, media_type=FORMAT)
