"""Publishing over Ably's REST interface, as a publisher of the real service would."""

from collections.abc import Mapping

import httpx

from simulator.ably.server import DEFAULT_KEY
from testbed.addresses import HOST


def event(event_id: str, *, live: bool) -> dict[str, object]:
    """What is published to have followers of a strategy rebalanced, or only their plans made."""
    return {"execution": "rebalance" if live else "dry_run", "eventId": event_id}


async def publish(http: httpx.AsyncClient, port: int, channel: str, data: Mapping[str, object]) -> None:
    """Publish one event; it returns when Ably has it. Raises ``httpx.HTTPError``."""
    key_name, _, secret = DEFAULT_KEY.partition(":")
    address = f"http://{HOST}:{port}/channels/{channel}/messages"
    answer = await http.post(address, json={"name": "rebalance", "data": data}, auth=(key_name, secret))
    answer.raise_for_status()
