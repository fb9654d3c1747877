"""What lasts and is wrong with the installation: gateways and listener away, channels on which nothing comes. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from configuration.alert_settings import AlertSettings
from contract.alerts import Alert, alert_id
from rebalancing.alerts import AlertKind
from starter.desk.installation import ChannelStanding, GatewayStanding, Installation

STATES: Final = (AlertKind.GATEWAY_AWAY, AlertKind.LISTENER_AWAY, AlertKind.NO_EVENT, AlertKind.SLOW)
"""What begins and ends by itself."""

LISTENER: Final = "ably"


@dataclass
class Found:
    """What a look found: the states that are to be told, by the alert's id, and those of which it is not certain yet
    that they are over."""

    told: dict[str, Alert] = field(default_factory=dict[str, Alert])
    doubtful: set[str] = field(default_factory=set[str])

    def is_over(self, alert_id: str) -> bool:
        """Whether a state that was told of has certainly ended."""
        return alert_id not in self.told and alert_id not in self.doubtful


class States:
    """What is remembered from look to look: since when something is missing of which nobody says since when."""

    def __init__(self) -> None:
        self._missing_since: dict[str, datetime] = {}

    def find(
        self,
        seen: Installation,
        settings: AlertSettings,
        now: datetime,
        *,
        listens: bool,
        newest: Mapping[str, datetime] | None = None,
    ) -> Found:
        """What is wrong. ``listens``: a listener is wanted; ``newest`` is when the last event of each channel came."""
        found = Found()
        for gateway in seen.gateways:
            self._gateway(found, gateway, settings, now)
        if listens:
            self._listener(found, seen, settings, now)
        if settings.no_event_days is not None:
            for alert in _silent(newest or {}, timedelta(days=settings.no_event_days), now):
                found.told[alert.alert_id] = alert
        return found

    def _gateway(self, found: Found, gateway: GatewayStanding, settings: AlertSettings, now: datetime) -> None:
        name = gateway.name or "default"
        own_id = alert_id(AlertKind.GATEWAY_AWAY, name)
        if gateway.holder is not None:
            self._missing_since.pop(own_id, None)
            return
        known = [self._missing_since.setdefault(own_id, now), *(each.since for each in gateway.news)]
        alert = Alert(
            alert_id=own_id,
            kind=AlertKind.GATEWAY_AWAY,
            at=now,
            subject=f"Gateway {gateway.name}" if gateway.name else "The gateway",
            since=min(known),
            reason="; ".join(dict.fromkeys(each.problem for each in gateway.news if each.problem))
            or "no worker that serves it runs",
        )
        _judge(found, alert, timedelta(minutes=settings.gateway_away_minutes), now)

    def _listener(self, found: Found, seen: Installation, settings: AlertSettings, now: datetime) -> None:
        own_id = alert_id(AlertKind.LISTENER_AWAY, LISTENER)
        limit = timedelta(minutes=settings.listener_away_minutes)
        stale = [channel for channel in seen.channels if (last := _last_sign(channel)) and now - last > limit]
        if seen.listens and not stale:
            self._missing_since.pop(own_id, None)
            return
        signs = [last for channel in (stale or seen.channels) if (last := _last_sign(channel))]
        known = min([self._missing_since.setdefault(own_id, now), *signs])
        detail = "No process listens." if not seen.listens else ""
        if stale:
            detail += f" Not read: {', '.join(channel.name for channel in stale)}."
        alert = Alert(
            alert_id=own_id, kind=AlertKind.LISTENER_AWAY, at=now, subject="The listener", since=known, detail=detail
        )
        _judge(found, alert, limit, now)


def _judge(found: Found, alert: Alert, limit: timedelta, now: datetime) -> None:
    """Tell it if it has lasted for long enough; if not, it may be the same one that was told of before."""
    if alert.since is not None and now - alert.since >= limit:
        found.told[alert.alert_id] = alert
    else:
        found.doubtful.add(alert.alert_id)


def _last_sign(channel: ChannelStanding) -> datetime | None:
    return max((each for each in (channel.last_sweep, channel.last_event) if each), default=None)


def _silent(newest: Mapping[str, datetime], limit: timedelta, now: datetime) -> Iterator[Alert]:
    for channel, at in newest.items():
        if now - at > limit:
            own_id = alert_id(AlertKind.NO_EVENT, channel)
            yield Alert(alert_id=own_id, kind=AlertKind.NO_EVENT, at=now, subject=f"channel {channel}", since=at)
