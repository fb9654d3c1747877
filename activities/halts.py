"""Whether trading is held, asked of the server itself right before anything of an order's kind goes out."""

from collections.abc import Callable

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from contract.activities import HaltsContract
from contract.halts import halts_of
from rebalancing.errors import HaltsUnread


class Halts(HaltsContract):
    """Asks for what holds an account: a halt, its own pause, or that of the strategy it follows by now."""

    def __init__(self, client: Client, strategy_of: Callable[[str], str | None]) -> None:
        self._client = client
        self._strategy_of = strategy_of

    @activity.defn
    async def what_holds(self, account: str) -> str:
        """What lets no order of this account go out, in words; empty where nothing does. Raises ``HaltsUnread``."""
        try:
            halts = await halts_of(self._client, account, self._strategy_of(account))
        except RPCError as error:
            raise HaltsUnread(
                f"Account {account}: Temporal did not say whether trading is halted ({error.message}), so nothing was "
                "sent. It is tried again."
            ) from error
        return "; ".join(f"{halt} (`{halt.ended_by}` ends it)" for halt in halts)
