"""What ``rebalancer check`` tells of Ably: whether the key opens every channel, and whether they keep messages."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from configuration.configuration import Configuration
from configuration.environment import Connections
from starter.ably.ably_channel import check_access, kept_messages
from starter.ably.ably_rights import needless, rights
from starter.ably.channel_reach import Reach
from starter.ably.channel_records import ChannelRecords
from starter.ably.listener import ably_settings
from starter.ably.temporal_away import TemporalAwayError
from starter.cli.mistakes import CommandFailed
from starter.cli.setup import connect_temporal


async def check_ably(configuration: Configuration, connections: Connections) -> str:
    """Read and attach to every channel, and look whether anything older than two minutes is still there.

    Raises:
        AblyNotConfigured, AblyKeyRefusedError, AblyUnavailableError, CommandFailed: what is wrong and how to mend it.
    """
    settings = ably_settings(configuration, connections)
    await check_access(settings)
    reach = await kept_messages(settings, await _seen_on(settings.channels))
    if short := _named(reach, Reach.SHORT):
        raise CommandFailed(
            f"Ably keeps the messages of {short} for two minutes only: one that was received is not in the history any "
            "more. Switch on persistence (Ably dashboard, Rules, Persist all messages), or what is published while the "
            "listener is down for longer is lost."
        )
    told = f"the key may subscribe to and read {', '.join(settings.channels)}"
    if kept := _named(reach, Reach.COMPLETE):
        told += f"; kept for longer than two minutes: the messages of {kept}"
    if unknown := _named(reach, Reach.UNKNOWN):
        told += f"; whether those of {unknown} are kept cannot be told before one of them is older than that"
    if more := needless(await rights(settings), configuration.alerts.ably_channel):
        told += f"; it may more than anything needs ({', '.join(more)}): a key for subscribe and history is safer"
    return told


async def _seen_on(channels: tuple[str, ...]) -> Mapping[str, datetime]:
    """When the newest message of each channel was published, as far as Temporal remembers one."""
    seen: dict[str, datetime] = {}
    with suppress(CommandFailed, TemporalAwayError):  # which the check of Temporal itself tells
        records = ChannelRecords(await connect_temporal())
        for channel in channels:
            recalled = await records.recall(channel)
            if recalled is not None and recalled.record.newest is not None:
                seen[channel] = recalled.record.newest
    return seen


def _named(found: Mapping[str, Reach], wanted: Reach) -> str:
    return ", ".join(channel for channel, reach in found.items() if reach is wanted)
