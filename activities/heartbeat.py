"""Heartbeats for activities that wait: how the server notices a killed worker, and how a cancel arrives."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.api.common.v1 import Payloads
from temporalio.api.workflowservice.v1 import RecordActivityTaskHeartbeatRequest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.requests import SENDING_BEGAN
from rebalancing.errors import SendingUnconfirmed

BEAT: Final = 1.0
"""Seconds between heartbeats, half of the heartbeat time-out. The client library sends no more than one a second."""

SENDING_BEAT: Final = 0.5
"""Seconds between those of who sends orders, which go past the client library."""


CONFIRMATION_TIMEOUT: Final = timedelta(seconds=5)
"""For Temporal to confirm a heartbeat; it takes milliseconds."""


@asynccontextmanager
async def heartbeating() -> AsyncGenerator[None]:
    """Send heartbeats while the block runs."""

    async def beat() -> None:
        activity.heartbeat()

    async with _again_and_again(beat, BEAT):
        yield


class SendingHeartbeats:
    """The heartbeats of one attempt to place a leg, which tell the server when its sending begins (promise P3).

    They go to the server one after the other, past the client library's own, which it gathers and sends later: from the
    moment that ``confirm`` returns, every later attempt knows that orders may be under way.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._one_at_a_time = asyncio.Lock()
        self._began = began_before()

    @property
    def began(self) -> bool:
        """Whether the sending of this leg may have begun, in this attempt or an earlier one."""
        return self._began

    async def confirm(self) -> None:
        """Have the server record that the sending begins.

        Raises ``SendingUnconfirmed`` where it does not answer, or where another attempt has taken this one's place.
        """
        async with self._one_at_a_time:
            try:
                await self._beat(SENDING_BEGAN)
            except RPCError as error:
                raise SendingUnconfirmed(
                    f"Temporal did not confirm that the sending of orders begins ({error.message}), so none was sent. "
                    "It is tried again."
                ) from error
            self._began = True

    @asynccontextmanager
    async def beating(self) -> AsyncGenerator[None]:
        """Send heartbeats while the block runs. One that is lost is followed by the next."""

        async def beat() -> None:
            async with self._one_at_a_time:
                with suppress(RPCError):
                    await self._beat(*((SENDING_BEGAN,) if self._began else ()))

        async with _again_and_again(beat, SENDING_BEAT):
            yield

    async def _beat(self, *details: str) -> None:
        request = RecordActivityTaskHeartbeatRequest(
            namespace=self._client.namespace,
            task_token=activity.info().task_token,
            identity=self._client.identity,
        )
        if details:
            # In clear: it tells nothing, and a next attempt that could not read it would have failed for good.
            payloads = self._client.data_converter.payload_converter.to_payloads(details)
            request.details.CopyFrom(Payloads(payloads=payloads))
        await self._client.workflow_service.record_activity_task_heartbeat(
            request, retry=True, timeout=CONFIRMATION_TIMEOUT
        )


def began_before() -> bool:
    """Whether an earlier attempt at this activity told the server that its sending begins."""
    return SENDING_BEGAN in activity.info().heartbeat_details


@asynccontextmanager
async def _again_and_again(beat: Callable[[], Awaitable[None]], every: float) -> AsyncGenerator[None]:
    async def beats() -> None:
        while True:  # what is over sooner than the first beat needs none
            await asyncio.sleep(every)
            await beat()

    task = asyncio.create_task(beats())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
