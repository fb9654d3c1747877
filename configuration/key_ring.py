"""Keys, from a file of lines ``ID SECRET``: who holds it may trade and read (promise P10).

The secret is 32 random bytes in URL-safe base64. The first key seals and encrypts; what any of the others sealed or
encrypted is still taken: so a key is rotated by putting a new line above the old one, and revoked by taking a line out.
What a key is used for has a secret of its own, derived by HKDF-SHA256 (RFC 5869): none tells another, nor the key.
"""

import binascii
import os
import re
import secrets
import stat
from base64 import b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from configuration.user_folder import user_folder
from rebalancing.errors import RebalancerError

BYTES: Final = 32
"""Of a secret, and of what is derived from it."""

KEY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")

OWNER_ONLY: Final = 0o600
FOLDER_OF_OWNER: Final = 0o700

OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class KeyFileUnusable(RebalancerError):
    """A file of keys is missing, cannot be read, is written wrongly, or others may change it.

    Do: mend what it names: the path in ``REBALANCER_KEY_FILE``, the lines (``ID SECRET``), or the mode (``chmod 600``;
    others could write it, so make new keys too). If it is gone, look for it first (a mount, a copy): what was encrypted
    with a lost key stays unreadable. Only then ``rebalancer key new --id NAME``, with an id that was never used.
    """


class KeyUnknown(RebalancerError):
    """Something was sealed or encrypted with a key that this installation does not hold.

    Do: put that key's line back into the file of keys of this process, or seal again with a key that is in it.
    ``rebalancer key list`` says which are; every worker, listener and API needs the same file (docs/keys.md).
    """


@dataclass(frozen=True)
class Key:
    """One key. ``key_id`` is no secret: it says whose it is, and stands in histories."""

    key_id: str
    secret: bytes

    def derived(self, purpose: str) -> bytes:
        """32 bytes for this purpose alone."""
        return HKDF(algorithm=SHA256(), length=BYTES, salt=None, info=f"rebalancer {purpose}".encode()).derive(
            self.secret
        )

    def __repr__(self) -> str:
        """Without the secret, wherever it may be printed."""
        return f"{type(self).__name__}({self.key_id!r})"


@dataclass(frozen=True)
class KeyRing:
    """The keys of one file; at least one."""

    keys: tuple[Key, ...]
    file: Path

    @property
    def first(self) -> Key:
        """The one that seals and encrypts."""
        return self.keys[0]

    def key(self, key_id: str) -> Key:
        """The one with this id; raises ``KeyUnknown``."""
        found = next((key for key in self.keys if key.key_id == key_id), None)
        if found is None:
            raise KeyUnknown(
                f"The key {key_id!r} is not in {self.file}, which has {', '.join(key.key_id for key in self.keys)}. If "
                "it was taken out, put it back below the first line for as long as what was made with it is needed."
            )
        return found


def default_key_file() -> Path:
    """``~/.config/rebalancer/key``, or as ``XDG_CONFIG_HOME`` says."""
    return user_folder() / "key"


def read_key_ring(named: Path | None = None) -> KeyRing | None:
    """The keys in the file that is named, or in the default one; ``None`` where none is named and there is none.

    Raises ``KeyFileUnusable``.
    """
    file = named or default_key_file()
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named is None:
            return None
        raise KeyFileUnusable(f"There is no file of keys {file}: make one with `rebalancer key new`.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileUnusable(f"The file of keys {file} cannot be read: {error}.") from error
    if mode & OTHERS_MAY_WRITE:
        raise KeyFileUnusable(f"Others may change the file of keys {file}: chmod go-w {file}, and make new keys.")
    return KeyRing(_keys_in(text, file), file)


def make_key_file(key_id: str, file: Path | None = None) -> KeyRing:
    """Write a file with one new key, for the owner alone; the ring of a file that somebody made meanwhile is taken.

    Raises ``KeyFileUnusable``, also where it cannot be written.
    """
    file = file or default_key_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_OF_OWNER)
        whole = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        whole.touch(mode=OWNER_ONLY, exist_ok=False)
        try:
            whole.write_text(line_of(new_key(key_id)), encoding="utf-8")
            with suppress(FileExistsError):
                os.link(whole, file)
        finally:
            whole.unlink()
    except OSError as error:
        raise KeyFileUnusable(f"The file of keys {file} cannot be written: {error}.") from error
    ring = read_key_ring(file)
    assert ring is not None
    return ring


def new_key(key_id: str) -> Key:
    """A key with a secret by chance; raises ``KeyFileUnusable`` for an id that is none."""
    if not KEY_ID.fullmatch(key_id):
        raise KeyFileUnusable(
            f"{key_id!r} is no id of a key: up to 40 letters, digits, dots, dashes and underscores, a letter or "
            "a digit first."
        )
    return Key(key_id, secrets.token_bytes(BYTES))


def line_of(key: Key) -> str:
    """The key as it stands in a file."""
    return f"{key.key_id} {urlsafe_b64encode(key.secret).decode()}\n"


def _keys_in(text: str, file: Path) -> tuple[Key, ...]:
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
    keys = tuple(_key(parts, f"{file}, line {number}") for number, parts in lines if parts and parts[0][0] != "#")
    if not keys:
        raise KeyFileUnusable(f"The file of keys {file} has none: `rebalancer key new` makes one, a line `ID SECRET`.")
    ids = [key.key_id for key in keys]
    for key_id in ids:
        if ids.count(key_id) > 1:
            raise KeyFileUnusable(f"The file of keys {file} has two keys with the id {key_id!r}: each has its own.")
    return keys


def _key(parts: list[str], where: str) -> Key:
    """The words of a line are not repeated in an error: one of them is a secret."""
    if len(parts) != 2:
        raise KeyFileUnusable(f"{where}: {len(parts)} words where `ID SECRET` are expected.")
    key_id, told = parts
    if not KEY_ID.fullmatch(key_id):
        raise KeyFileUnusable(f"{where}: the first word is no id of a key.")
    try:
        secret = b64decode(told, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != BYTES:
        raise KeyFileUnusable(f"{where}: the secret of {key_id!r} is not {BYTES} bytes in base64.")
    return Key(key_id, secret)
