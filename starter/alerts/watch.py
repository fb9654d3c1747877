"""The watch: a few questions to the server, again and again, and what is new goes to the outbox.

It may be killed at any moment and run any number of times: what it forgets, the server knows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from contract.alerts import Alert, Over, alert_id
from rebalancing.alerts import ENDINGS, AlertKind
from rebalancing.market.gateway_login import next_login_end
from starter.ably.channel_records import ChannelRecords
from starter.ably.temporal_away import TemporalAwayError
from starter.alerts.halts_watch import look_at_halts
from starter.alerts.outbox import Outbox
from starter.alerts.record import AlertRecord, Missed
from starter.alerts.runs_watch import RunsWatch
from starter.alerts.schedule_alerts import missed_since
from starter.alerts.schedules_watch import look_at_schedule_failures
from starter.alerts.states import STATES, States
from starter.desk.installation import MOST_CHANNELS, read_installation
from starter.desk.schedules import read_schedules

log = logging.getLogger(__name__)

TOLD_FOR: Final = timedelta(hours=20)
"""What is older than this is no news. The server may forget closed workflows, and with them what was told, after a
day."""

TICK: Final = 1.0
"""Seconds between two looks at the clock."""


class Timings(NamedTuple):
    """Seconds between two looks of each kind; tests shorten them."""

    runs: float = 5
    installation: float = 30
    schedules: float = 60
    channels: float = 3600


USUAL: Final = Timings()


class _Look(NamedTuple):
    every: float
    look: Callable[[], Awaitable[None]]


class Watch:
    """One process's watch."""

    def __init__(
        self, client: Client, configuration: ConfigurationInUse, connections: Connections, timings: Timings = USUAL
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._connections = connections
        self._timings = timings
        self._outbox = Outbox(client, configuration)
        self._record = AlertRecord(client)
        self._runs = RunsWatch(client, configuration, self._outbox)
        self._states = States()
        self._missed: Missed | None = None
        self._newest: dict[str, datetime] = {}
        self._due: dict[str, float] = {}

    async def run(self) -> None:
        """Watch until cancelled. What goes wrong is told in the log, and ends nothing."""
        while True:
            if self._configuration.now.alerts.is_on:
                await self._look_where_due()
            await asyncio.sleep(min(TICK, self._timings.runs))

    async def _look_where_due(self) -> None:
        looks = {
            "runs": _Look(self._timings.runs, self._look_at_runs),
            "channels": _Look(self._timings.channels, self._look_at_channels),
            "installation": _Look(self._timings.installation, self._look_at_installation),
            "schedules": _Look(self._timings.schedules, self._look_at_schedules),
        }
        clock = asyncio.get_running_loop()
        for name, each in looks.items():
            if clock.time() < self._due.get(name, 0):
                continue
            self._due[name] = clock.time() + each.every
            try:
                await each.look()
            except (RPCError, TemporalAwayError) as error:
                log.debug("alerts: %s could not be looked at: %s", name, error)
            except Exception as error:  # a defect here must not end the process that trades
                log.warning("alerts: %s could not be looked at", name, exc_info=error)

    async def _horizon(self) -> datetime:
        """From when on what happened is told."""
        born = await self._record.born()
        if born is None:
            schedules = await read_schedules(self._client)
            born = await self._record.establish({schedule.name: schedule.missed for schedule in schedules})
            log.info("alerts are sent from now on")
        return max(born, datetime.now(UTC) - TOLD_FOR)

    async def _look_at_runs(self) -> None:
        horizon = await self._horizon()
        await self._runs.look(horizon)
        await look_at_halts(self._client, self._outbox, horizon)

    async def _look_at_installation(self) -> None:
        now, settings = datetime.now(UTC), self._configuration.now.alerts
        if settings.gateway_login_ends is not None:
            await self._tell_login_end(settings.gateway_login_ends, settings.warn_before_hours, now)
        seen = await read_installation(self._client, self._configuration.now)
        followed = any(channel.last_sweep for channel in seen.channels)
        listens = followed or self._connections.ably_api_key is not None
        found = self._states.find(seen, settings, now, listens=listens, newest=self._newest)
        found.told.update(self._runs.slow(now))
        for alert in found.told.values():
            await self._outbox.state(alert)
        if seen.unknown:
            return  # what could not be told may go on
        for own_id, run_id in (await self._outbox.running()).items():
            kind = next((kind for kind in STATES if own_id.startswith(f"{alert_id(kind)}-")), None)
            if kind is not None and found.is_over(own_id):
                await self._outbox.end(own_id, run_id, Over(kind=ENDINGS[kind], at=now))

    async def _tell_login_end(self, ends: str, hours: float, now: datetime) -> None:
        end = next_login_end(ends, now)
        if now >= end - timedelta(hours=hours):
            own_id = alert_id(AlertKind.GATEWAY_LOGIN_ENDS, f"{end.astimezone(UTC):%Y-%m-%dT%H:%MZ}")
            await self._outbox.fact(Alert(alert_id=own_id, kind=AlertKind.GATEWAY_LOGIN_ENDS, at=now, until=end))

    async def _look_at_channels(self) -> None:
        """When the newest event of each channel came, or since when it is followed; where that is of interest."""
        if self._configuration.now.alerts.no_event_days is None:
            return
        records = ChannelRecords(self._client)
        for channel in tuple(self._configuration.now.strategies)[:MOST_CHANNELS]:
            recalled = await records.recall(channel)
            if recalled is not None:
                self._newest[channel] = recalled.record.newest or recalled.record.born

    async def _look_at_schedules(self) -> None:
        await look_at_schedule_failures(self._client, self._outbox, await self._horizon())
        if self._missed is None:
            self._missed = await self._record.missed()
        seen = {schedule.name: schedule.missed for schedule in await read_schedules(self._client)}
        for alert in missed_since(self._missed, seen, datetime.now(UTC)):
            await self._outbox.fact(alert)
        if seen != self._missed:
            await self._record.note(seen)
            self._missed = seen


async def watch(
    client: Client, configuration: ConfigurationInUse, connections: Connections, timings: Timings = USUAL
) -> None:
    """Have told what happens, from the moment on that somebody is to be told something; until cancelled."""
    await Watch(client, configuration, connections, timings).run()
