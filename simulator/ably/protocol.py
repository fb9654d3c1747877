"""The numbers of the realtime protocol (version 5) and the frames the server builds from them."""

from enum import IntEnum
from urllib.parse import parse_qsl

from simulator.ably.channels import Publication
from simulator.ably.errors import AblyError

Frame = dict[str, object]


class Action(IntEnum):
    """The `action` of a protocol frame."""

    HEARTBEAT = 0
    ACK = 1
    NACK = 2
    CONNECTED = 4
    DISCONNECTED = 6
    CLOSE = 7
    CLOSED = 8
    ERROR = 9
    ATTACH = 10
    ATTACHED = 11
    DETACH = 12
    DETACHED = 13
    MESSAGE = 15
    AUTH = 17


HAS_BACKLOG = 1 << 1
RESUMED = 1 << 2
ATTACH_RESUME = 1 << 5
SUBSCRIBE_MODE = 1 << 18
SIMULATED_MODES = (1 << 17) | SUBSCRIBE_MODE
"""Publish and subscribe. Ably also has presence, which an attach gets that asks for nothing; here nobody gets it."""


def modes_of(flags: int) -> int:
    """The channel modes an ATTACH is granted: those it asked for, or all there are."""
    return (flags & ~0xFFFF or SIMULATED_MODES) & SIMULATED_MODES


def split_qualifier(name: str) -> tuple[str, dict[str, str]]:
    """`[?rewind=1]signals` as `("signals", {"rewind": "1"})`."""
    if not name.startswith("[?"):
        return name, {}
    qualifier, _, bare = name[2:].partition("]")
    return bare, dict(parse_qsl(qualifier))


def message_frame(publication: Publication, channel: str, *, binary: bool) -> Frame:
    """One publication as the frame that carries it. The serial is never absent: clients overwrite theirs with it."""
    return {
        "action": Action.MESSAGE,
        "channel": channel,
        "channelSerial": publication.serial,
        "id": publication.messages[0].id,
        "timestamp": publication.timestamp,
        "messages": [message.wire(binary=binary) for message in publication.messages],
    }


def error_frame(action: Action, error: AblyError | None, channel: str | None = None) -> Frame:
    """A frame that reports `error`: about one channel, or without one about the whole connection."""
    frame: Frame = {"action": action}
    if error is not None:
        frame["error"] = error.info()
    if channel is not None:
        frame["channel"] = channel
    return frame
