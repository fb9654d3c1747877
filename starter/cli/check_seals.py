"""What ``rebalancer check`` says of seals: whether nothing trades without one, and who could trade otherwise."""

import stat

from configuration.environment import CONTAINER_SECRETS, Connections
from configuration.key_ring import KeyRing, read_key_ring
from configuration.keys_in_use import require_keys, signing_key
from rebalancing.settings import Seals, Settings
from starter.cli.mistakes import CommandFailed
from starter.cli.plain_text import is_here
from starter.cli.private_files import is_open
from starter.cli.setup import temporal_address
from worker.temporal import connect_config


async def check_seals(settings: Settings, connections: Connections) -> str:
    """Say which holds. Raises ``CommandFailed`` for a key that others may read, ``KeyMissing`` and its like."""
    require_keys(settings, connections)
    ring = read_key_ring(connections.rebalancer_key_file)
    if ring is not None and ring.file.parent != CONTAINER_SECRETS and is_open(ring.file):
        raise CommandFailed(
            f"other users of this machine may read {ring.file} (mode {stat.S_IMODE(ring.file.stat().st_mode):o}), and "
            f"who can read it may trade: chmod 600 {ring.file}, and make a new key if somebody did."
        )
    told = _told(settings, ring, connections)
    return f"{told}. {_plain_text()}" if _plain_text() else told


def _told(settings: Settings, ring: KeyRing | None, connections: Connections) -> str:
    own = signing_key(connections)
    keys = f"{ring.file} has {', '.join(key.key_id for key in ring.keys)}" if ring else "there is no key"
    seals_with = f"; {own.key_id} seals what you ask for" if own else ""
    where = f"whoever reaches Temporal at {temporal_address()} may trade"
    if settings.seals is Seals.OPTIONAL:
        return f"optional, as accounts.yaml says: {where}; {keys}{seals_with}"
    if ring is None:
        return f"{keys}, so {where}; `rebalancer key new` makes one, and from then on nothing trades without it"
    return f"required: nothing trades without a seal by one of the keys; {keys}{seals_with}"


def _plain_text() -> str:
    """What is wrong with the way to Temporal; empty where it is encrypted, or on this machine."""
    config, host = connect_config(), temporal_address().rpartition(":")[0].strip("[]")
    if config.get("tls") or config.get("api_key") or is_here(host):
        return ""
    return (
        f"Temporal at {host} is reached in plain text: whoever is on the way reads everything, and may end and "
        "alter runs. Set TEMPORAL_TLS, or reach it through a tunnel"
    )
