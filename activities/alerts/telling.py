"""The activities of alerts: who is told, the digest, and the telling itself."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.alerts.bursts import Bursts
from activities.alerts.receivers import Receivers, ReceiverUnreached
from activities.alerts.words import AlertWords, Message
from activities.heartbeat import heartbeating
from configuration.alert_settings import AlertSettings
from configuration.alert_templates import read_templates
from configuration.configuration_in_use import ConfigurationInUse
from contract.activities import AlertsContract
from contract.alerts import (
    ALERTS_QUEUE,
    COLLECT_SIGNAL,
    DIGEST_ID,
    DIGEST_WORKFLOW_TYPE,
    Alert,
    AlertRequest,
    Collected,
    DigestInput,
    OutcomePublisher,
    Routing,
    Telling,
)
from rebalancing.alerts import ALERTS, OUTCOMES, AlertKind
from rebalancing.market.gateway_restart import parse_restart

COLLECTING: Final = "Alerts that are not urgent, until the next digest is due"


class AlertActivities(AlertsContract):
    """Tells alerts by the configuration of the moment."""

    def __init__(
        self,
        client: Client,
        configuration: ConfigurationInUse,
        receivers: Receivers,
        publisher: OutcomePublisher | None = None,
        *,
        is_simulated: bool = False,
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._receivers = receivers
        self._publisher = publisher
        self._is_simulated = is_simulated
        self._bursts = Bursts()

    @activity.defn
    async def route_alert(self, request: AlertRequest) -> Routing:
        """Urgent ones to their receivers at once, the others into the digest; outcomes to Ably too.

        Of urgent ones that come in crowds all but the first go into a digest that is due within a minute.
        """
        settings = self._settings
        kinds = [alert.kind for alert in request.alerts]
        receivers = settings.receivers_of(kinds)
        has_outcome = not request.is_digest and any(kind in OUTCOMES for kind in kinds)
        publishes = has_outcome and settings.ably_channel is not None
        due = None if request.is_digest or not receivers else self._due(settings, kinds)
        if due is not None:
            return Routing(digest_due=due, publishes=publishes)
        return Routing(receivers=receivers, publishes=publishes)

    @activity.defn
    async def tell(self, telling: Telling) -> None:
        """Tell this receiver what of it it is to be told. Raises ``ReceiverUnusable``, or as ``ApplicationError``
        ``ReceiverUnreached``."""
        settings = self._settings
        alerts = tuple(alert for alert in telling.alerts if settings.gets(telling.receiver, alert.kind))
        if not alerts:
            return  # the configuration was changed since
        async with heartbeating():
            message = await asyncio.to_thread(self._message, settings, alerts, telling.is_digest)
            try:
                await self._receivers.send(telling.receiver, message)
            except ReceiverUnreached as error:
                # Tried again for hours, which is a line in the log when it begins and not one for each try.
                kind = type(error).__name__
                raise ApplicationError(str(error), type=kind, category=ApplicationErrorCategory.BENIGN) from None

    @activity.defn
    async def collect_alert(self, collected: Collected) -> None:
        """Signal the digest, starting it if none is being collected. Raises ``RPCError``."""
        await self._client.start_workflow(
            DIGEST_WORKFLOW_TYPE,
            DigestInput(),
            id=DIGEST_ID,
            task_queue=ALERTS_QUEUE,
            start_signal=COLLECT_SIGNAL,
            start_signal_args=[collected],
            static_summary=COLLECTING,
        )

    @activity.defn
    async def publish_outcome(self, alert: Alert) -> None:
        """Publish it, unless the configuration was changed since."""
        channel = self._settings.ably_channel
        if channel is None:
            return
        if self._publisher is None or not self._publisher.can_publish:
            raise ReceiverUnreached("This worker has no key for Ably: set ABLY_API_KEY; another worker may have one.")
        await self._publisher.publish(channel, alert)

    def _due(self, settings: AlertSettings, kinds: Iterable[AlertKind]) -> datetime | None:
        """Until when it may wait for others; ``None`` where it is to be told at once."""
        now = datetime.now(UTC)
        if settings.digest_every and not any(ALERTS[kind].is_urgent for kind in kinds):
            return digest_due(settings, now)
        return self._bursts.due(now)

    @property
    def _settings(self) -> AlertSettings:
        return self._configuration.now.alerts

    def _message(self, settings: AlertSettings, alerts: tuple[Alert, ...], is_digest: bool) -> Message:
        own = read_templates(settings.templates)
        words = AlertWords(settings, own.texts, self._client.namespace, is_simulated=self._is_simulated)
        return words.message(alerts, is_digest=is_digest)


def digest_due(settings: AlertSettings, now: datetime) -> datetime:
    """When what is collected from now on is to go out at the latest."""
    if settings.digest_at is None:
        return now + timedelta(seconds=settings.digest_every)
    at, zone = parse_restart(settings.digest_at)
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), at, zone)
    due = today if today > now else datetime.combine(local.date() + timedelta(days=1), at, zone)
    return due.astimezone(UTC)
