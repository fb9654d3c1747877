"""Whatever is written into Temporal is encrypted where there is a key: AES-256-GCM (NIST SP 800-38D).

Every payload is for itself: a random nonce of 96 bits, then the whole payload with what says its encoding, then the
tag. Beside it stands in clear which key it needs. The tag covers that too; it does not bind a payload to the workflow
it is in, for the codec endpoint is not told of one: that nobody moves a request from here to there is for its content
to say.

With random nonces a key may encrypt 2^32 payloads (SP 800-38D, 8.3). A rebalance writes about a hundred: fifty accounts
need two thousand years for that with one rebalance a day.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from configuration.key_ring import KeyFileUnusable, KeyUnknown
from configuration.payload_keys import PayloadKeys
from rebalancing.errors import RebalancerError

ENCODING: Final = "binary/encrypted"
KEY_ID: Final = "encryption-key-id"
"""Where the metadata of a payload say which key it needs."""

NONCE: Final = 12
"""Bytes; the length that GCM is made for."""

LONGEST_ID: Final = 60
"""Characters of somebody's key id that an error repeats."""


class PayloadKeyUnknown(KeyUnknown):
    """Something in Temporal was encrypted with a key that this process does not hold.

    Nothing is lost by it: what waits for it is tried again, and goes on once the key is there.
    """

    retryable: ClassVar[bool] = True


class PayloadAltered(RebalancerError):
    """Something in Temporal is not what was encrypted there, or was encrypted with another key of the same id."""


class EncryptingCodec(PayloadCodec):
    """Encrypts with the first key, and decrypts with whichever was used; what was written in clear is left as it is.

    Without keys it encrypts nothing, and refuses what is encrypted: a worker that took it for an odd value would drop
    events. ``read`` is asked once more for the keys where one is missing: so a key that was put back, or that another
    process begins to use, needs no restart.
    """

    def __init__(self, read: Callable[[], PayloadKeys | None]) -> None:
        """Raises whatever reading the keys raises."""
        self._read = read
        self._keys = read()

    @property
    def encrypts(self) -> bool:
        """Whether there is a key."""
        return self._keys is not None

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each of them encrypted, if there is a key."""
        return [self._encrypted(each) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each of them in clear. Raises ``PayloadKeyUnknown`` and ``PayloadAltered``."""
        return [self._decrypted(each) for each in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        if self._keys is None:
            return payload
        key, nonce = self._keys.first, secrets.token_bytes(NONCE)
        sealed = AESGCM(key.secret).encrypt(nonce, payload.SerializeToString(), _bound(key.key_id.encode()))
        metadata = {"encoding": ENCODING.encode(), KEY_ID: key.key_id.encode()}
        return Payload(metadata=metadata, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING.encode():
            return payload
        key_id = payload.metadata.get(KEY_ID, b"")
        secret = self._secret(key_id.decode(errors="replace"))
        nonce, sealed = payload.data[:NONCE], payload.data[NONCE:]
        try:
            return Payload.FromString(AESGCM(secret).decrypt(nonce, sealed, _bound(key_id)))
        except (InvalidTag, ValueError, DecodeError):  # a nonce that is too short is a ValueError
            raise PayloadAltered(
                f"What is in Temporal was altered, or encrypted with another key than the {_told(key_id)} of "
                f"{self._keys.file if self._keys else 'this process'}. Nothing is done with it: see "
                "docs/encryption.md."
            ) from None

    def _secret(self, key_id: str) -> bytes:
        found = self._keys.key(key_id) if self._keys else None
        if found is None:
            self._read_again()
            found = self._keys.key(key_id) if self._keys else None
        if found is not None:
            return found.secret
        held = f"has {', '.join(key.key_id for key in self._keys.keys)}" if self._keys else "has none"
        raise PayloadKeyUnknown(
            f"This is encrypted in Temporal with the key {_told(key_id.encode())}; this process {held}. Put "
            "its line back below the first (REBALANCER_KEY_FILE, REBALANCER_PAYLOAD_KEY_FILE): whatever waits for it "
            "then goes on. See docs/encryption.md."
        )

    def _read_again(self) -> None:
        """A file that cannot be read any more takes away no key that is known."""
        with suppress(KeyFileUnusable):
            self._keys = self._read() or self._keys


def _bound(key_id: bytes) -> bytes:
    """What the tag covers beside the payload."""
    return ENCODING.encode() + b" " + key_id


def _told(key_id: bytes) -> str:
    """Somebody's word for a key, fit for an error."""
    return repr(key_id.decode(errors="replace")[:LONGEST_ID])
