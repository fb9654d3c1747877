"""Keys for what is written into Temporal: derived from those of whoever may trade, or from a file of their own.

Who holds only a key for payloads reads everything and trades nothing: none tells the key that it was derived from.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from configuration.environment import Connections
from configuration.key_ring import Key, KeyRing, line_of, read_key_ring

PURPOSE: Final = "payloads"


@dataclass(frozen=True, repr=False)
class PayloadKey(Key):
    """A key for payloads, under the id of the one that it was derived from. It seals nothing."""


@dataclass(frozen=True)
class PayloadKeys:
    """At least one: the first encrypts, each decrypts what it encrypted. ``file`` is where they are from."""

    keys: tuple[PayloadKey, ...]
    file: Path

    @property
    def first(self) -> PayloadKey:
        """The one that encrypts."""
        return self.keys[0]

    def key(self, key_id: str) -> PayloadKey | None:
        """The one with this id."""
        return next((key for key in self.keys if key.key_id == key_id), None)

    @property
    def lines(self) -> str:
        """The file of those who may read and not trade."""
        return "".join(map(line_of, self.keys))


def read_payload_keys(connections: Connections | None = None) -> PayloadKeys | None:
    """The keys in ``REBALANCER_PAYLOAD_KEY_FILE``, else those derived from the keys of who may trade, if there are any.

    Raises ``KeyFileUnusable``, and what reading environment and ``.env`` raises where no ``connections`` are given.
    """
    connections = connections or Connections()
    if connections.rebalancer_payload_key_file is not None:
        ring = read_key_ring(connections.rebalancer_payload_key_file)
        assert ring is not None  # one that is named and missing is refused
        return PayloadKeys(tuple(PayloadKey(key.key_id, key.secret) for key in ring.keys), ring.file)
    ring = read_key_ring(connections.rebalancer_key_file)
    return derived_from(ring) if ring else None


def derived_from(ring: KeyRing) -> PayloadKeys:
    """The keys for payloads that come of these."""
    return PayloadKeys(tuple(PayloadKey(key.key_id, key.derived(PURPOSE)) for key in ring.keys), ring.file)
