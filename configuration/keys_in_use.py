"""The keys a process goes by, and whether seals are required (promise P10).

The file is read anew each time it is asked for: a key that was added or taken out counts at once, without a restart.
"""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from configuration.environment import Connections
from configuration.key_ring import Key, KeyFileUnusable, KeyRing, default_key_file, read_key_ring
from rebalancing.errors import RebalancerError
from rebalancing.settings import Seals, Settings


class KeyMissing(RebalancerError):
    """Seals are required, and there is no key to look at them with, or to seal with.

    Do: if there is a file of keys elsewhere, say where (``REBALANCER_KEY_FILE``). Else ``rebalancer key new --id NAME``
    makes one; worker, listener and API need the same file. Only where Temporal itself is guarded: ``seals: optional``.
    """


class KeysUnread(RebalancerError):
    """The file of keys cannot be read at the moment; it could when this process began.

    Do: look whether the file of keys is still there and readable for this process (a mount that went away, a mode that
    changed). What is tried again goes on once it is; a rebalance in the middle of a leg fails after five tries:
    ``rebalancer show ACCOUNT``, then ``rebalancer retry ACCOUNT``.
    """

    retryable: ClassVar[bool] = True


class KeysInUse:
    """The file of keys that is named, or else the default one, beside the ``settings`` of the moment."""

    def __init__(self, settings: Callable[[], Settings], named: Path | None = None) -> None:
        self._settings = settings
        self._named = named
        self._has_held = read_key_ring(named) is not None

    @property
    def file(self) -> Path:
        """Where the keys are, or would be."""
        return self._named or default_key_file()

    @property
    def are_required(self) -> bool:
        """Whether nothing trades without a seal. Where nothing is said, it is so from the first key on.

        Raises ``KeysUnread``.
        """
        said = self._settings().seals
        return self.ring() is not None if said is None else said is Seals.REQUIRED

    def ring(self) -> KeyRing | None:
        """The keys as they are now; ``None`` where there never were any. A file that went away opens nothing.

        Raises ``KeysUnread``.
        """
        try:
            found = read_key_ring(self._named)
        except KeyFileUnusable as unusable:
            raise KeysUnread(f"{unusable} Nothing is traded until it can be read.") from unusable
        if found is None and self._has_held:
            raise KeysUnread(f"The file of keys {self.file} is gone. Nothing is traded until it is back.")
        self._has_held = found is not None
        return found

    def required_ring(self) -> KeyRing:
        """The keys where seals are required. Raises ``KeyMissing`` or ``KeysUnread``."""
        found = self.ring()
        if found is None:
            raise KeyMissing(_without_key(self.file))
        return found


def require_keys(settings: Settings, connections: Connections) -> None:
    """Refuse to start where seals are required and there is no key, or one is named that there is not.

    Raises ``KeyMissing``, ``KeyFileUnusable`` or ``KeyUnknown``.
    """
    if signing_key(connections) is None and settings.seals is Seals.REQUIRED:
        raise KeyMissing(_without_key(default_key_file()))


def signing_key(connections: Connections) -> Key | None:
    """The key that this process seals with: the one that is named, or the first; ``None`` where there is none.

    Raises ``KeyFileUnusable``, or ``KeyUnknown`` for an id that the file does not have.
    """
    ring = read_key_ring(connections.rebalancer_key_file)
    if ring is None:
        if connections.rebalancer_key_id is not None:
            raise KeyMissing(
                f"There is no file of keys {default_key_file()}, so nothing can be sealed with the key "
                f"{connections.rebalancer_key_id!r}."
            )
        return None
    return ring.first if connections.rebalancer_key_id is None else ring.key(connections.rebalancer_key_id)


def _without_key(file: Path) -> str:
    return (
        f"accounts.yaml says `seals: required`, and there is no file of keys {file}. Make one with `rebalancer key "
        "new`, or name one with REBALANCER_KEY_FILE."
    )
