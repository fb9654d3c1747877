"""What is remembered of channels, without a Temporal server: for tests of what does not depend on one."""

from datetime import UTC, datetime, timedelta

from starter.ably.channel_inbox import NotNowError
from starter.ably.channel_records import ChannelRecord, Recalled

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Memory:
    """Records in memory. While ``is_away``, nothing is remembered and nothing is told."""

    def __init__(self, **records: ChannelRecord) -> None:
        self.records = records
        self.is_away = False
        self.went_back = False

    async def recall(self, channel: str) -> Recalled | None:
        """The record, if there is one."""
        self._be_there()
        record = self.records.get(channel)
        return Recalled(record, self.went_back) if record else None

    async def establish(self, channel: str, born: datetime) -> ChannelRecord:
        """Begin a record."""
        self._be_there()
        return self.records.setdefault(channel, ChannelRecord(born=born, read_to=born))

    async def note(self, channel: str, record: ChannelRecord) -> None:
        """Keep a record."""
        self._be_there()
        if channel in self.records:
            self.records[channel] = record

    def _be_there(self) -> None:
        if self.is_away:
            raise NotNowError("away")


class FollowedForYears(Memory):
    """Every channel was followed before anything of the test happened, and read a moment ago."""

    async def recall(self, channel: str) -> Recalled | None:
        """The record, made on first use."""
        if channel not in self.records:
            self.records[channel] = ChannelRecord(born=LONG_AGO, read_to=datetime.now(UTC) - timedelta(seconds=1))
        return await super().recall(channel)
