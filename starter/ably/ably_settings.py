"""How to reach Ably, how long to wait for what, and the errors that say what went wrong."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from rebalancing.errors import RebalancerError

ChannelName = Annotated[str, Field(min_length=1)]


class AblySettings(BaseModel):
    """The connection to Ably.

    `endpoint`, `port` and `tls` are for a server of one's own; without them it is Ably's production service.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr
    channels: Annotated[tuple[ChannelName, ...], Field(min_length=1)]
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\[\]-]+/?$")] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: bool = True

    @field_validator("channels")
    @classmethod
    def _without_repeats(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        """One channel may serve many accounts; it is listened to once."""
        return tuple(dict.fromkeys(channels))


@dataclass(frozen=True, slots=True)
class AblyTimings:
    """All in seconds. The defaults are for the real service; tests shorten them."""

    sweep_interval: float = 60.0
    """History is read at least this often, so that a silent gap is found well before any channel forgets."""
    kept_at_least: float = 120.0
    """Every channel keeps its messages this long (Ably's documents), so each sweep looks back that far: history may lag
    between regions, and what is known already is dropped by its id."""
    ping_interval: float = 10.0
    request_timeout: float = 10.0
    """For a connection, an attach, a ping or a history request."""
    slowest_page: float = 160.0
    """A page of history that does not come in time is given twice as long the next time, up to this."""
    reconnect_patience: float = 20.0
    """How long the client may try to get its connection back before it is replaced."""
    close_timeout: float = 2.0
    settled_after: float = 60.0
    """A connection that lived this long resets the back-off."""
    backoff_base: float = 1.0
    backoff_maximum: float = 30.0
    refused_delay: float = 60.0
    """What is refused does not mend itself within seconds."""
    longest_rest: float = 3600.0
    """A server that asks for more rest than this is not believed."""


class AblyUnavailableError(RebalancerError):
    """Ably could not be reached, or did not answer as it should. Worth trying again.

    `asked_to_wait`: the seconds it asked us to wait before that, if it did.

    Do: nothing; it is tried again, and events of the time are read from Ably's history, as far back as Ably keeps it.
    If it goes on, look at this machine's network; the listener's log says what may be lost.
    """

    retryable = True

    def __init__(self, message: str, asked_to_wait: float = 0) -> None:
        super().__init__(message)
        self.asked_to_wait = asked_to_wait


class AblyKeyRefusedError(RebalancerError):
    """Ably refuses the key, or the key may not do what is needed. Somebody has to act.

    Do: look at ``ABLY_API_KEY``: it needs to subscribe and to read history on the channels, to publish on
    ``alerts.ably_channel`` if that is set, and no more. ``rebalancer check`` says what it may. Only the listener looks
    again, every now and then; a new key needs its restart.
    """
