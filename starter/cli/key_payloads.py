"""``rebalancer key payloads``: the keys of whoever may read and not trade."""

from configuration.payload_keys import read_payload_keys
from starter.cli.setup import read_connections
from starter.desk.mistakes import UserMistake


async def run_payloads_command() -> None:
    """Print their file. Raises ``UserMistake`` where there is no key, or ``KeyFileUnusable``."""
    keys = read_payload_keys(read_connections())
    if keys is None:
        raise UserMistake("There is no key that others could be derived from: make one with `rebalancer key new`.")
    print(keys.lines, end="")  # noqa: T201  # for a file
