"""How to reach Ably, how long to wait for what, and the errors that say what went wrong."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

ChannelName = Annotated[str, Field(min_length=1)]


class AblySettings(BaseModel):
    """The connection to Ably.

    `endpoint`, `port` and `tls` are for a server of one's own; without them it is Ably's production service.
    `retention` is how long the channels keep messages: two minutes unless persistence is switched on for them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr
    channels: Annotated[tuple[ChannelName, ...], Field(min_length=1)]
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\[\]-]+/?$")] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: bool = True
    retention: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(minutes=2)

    @field_validator("channels")
    @classmethod
    def _without_repeats(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        """One channel may serve many accounts; it is listened to once."""
        return tuple(dict.fromkeys(channels))


@dataclass(frozen=True, slots=True)
class AblyTimings:
    """All in seconds. The defaults are for the real service; tests shorten them."""

    sweep_interval: float = 60.0
    """History is read at least this often, so that a silent gap is found well within the retention."""
    sweep_overlap: float = 10.0
    """A sweep starts this much before the newest message the last one saw: history may lag between regions."""
    ping_interval: float = 10.0
    request_timeout: float = 10.0
    """For a connection, an attach, a ping or a history request."""
    reconnect_patience: float = 20.0
    """How long the client may try to get its connection back before it is replaced."""
    close_timeout: float = 2.0
    settled_after: float = 60.0
    """A connection that lived this long resets the back-off."""
    backoff_base: float = 1.0
    backoff_maximum: float = 30.0
    refused_delay: float = 60.0
    """A refused key does not mend itself within seconds."""


class AblyUnavailableError(Exception):
    """Ably could not be reached, or did not answer as it should. Worth trying again."""


class AblyKeyRefusedError(Exception):
    """Ably refuses the key, or the key may not do what is needed. Somebody has to act."""
