"""Whatever is written into Temporal is encrypted where there is a key: AES-256-GCM (NIST SP 800-38D).

Every payload is for itself: a random nonce of 96 bits, then the whole payload with what says its encoding, then the
tag. Beside it stands in clear which key it needs; the tag covers that too.

What a workflow asks of an activity, and is answered, says inside which activity of which run it belongs to: whoever
reaches Temporal can send ciphertexts again that he finds there, but none counts in another place. Where seals are
required nothing in clear counts there. Everything else may come in clear, as the plain ``temporal`` command sends it,
so nothing would be gained by binding it: what may trade in it has seals and proofs (``rebalancing.seals``).

With random nonces a key may encrypt 2^32 payloads (SP 800-38D, 8.3). A rebalance writes about a hundred: fifty accounts
need two thousand years for that with one rebalance a day.
"""

import copy
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import ClassVar, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)

from configuration.key_ring import KeyFileUnusable, KeyUnknown
from configuration.payload_keys import PayloadKeys
from contract.payload_places import Place, RunActivity
from contract.requests import SENDING_BEGAN
from rebalancing.errors import RebalancerError

ENCODING: Final = "binary/encrypted"
KEY_ID: Final = "encryption-key-id"
"""Where the metadata of a payload say which key it needs."""

PLACE: Final = "encryption-place"
"""Where the metadata of what is encrypted say which activity of which run it belongs to."""

NEVER_SECRET: Final = json.dumps(SENDING_BEGAN).encode()
"""A heartbeat detail that is in clear on purpose; it only makes careful."""

NONCE: Final = 12
"""Bytes; the length that GCM is made for."""

LONGEST_ID: Final = 60
"""Characters of somebody's key id that an error repeats."""


class PayloadKeyUnknown(KeyUnknown):
    """Something in Temporal was encrypted with a key that this process does not hold.

    Nothing is lost by it: what waits for it is tried again, and goes on once the key is there.

    Do: put the line with this id back into the file of keys, below the first; no restart is needed, what waits goes on.
    A key has to stay for as long as there are histories that were written with it. If it is lost for good:
    docs/encryption.md.
    """

    retryable: ClassVar[bool] = True


class PayloadAltered(RebalancerError):
    """Something in Temporal is not what was encrypted there, or was encrypted with another key of the same id.

    Do: a key was made anew under an old id: put the old line back, and give the new key another id. If that is not so,
    somebody else writes to Temporal: ``rebalancer halt``, look who reaches the server and its database, look at the
    orders in TWS, and do not trust this history. ``rebalancer doctor`` says which runs are concerned. See
    docs/encryption.md.
    """


class PayloadRefused(PayloadAltered):
    """What an activity is asked or answers does not come from us: it is in clear, or belongs to something else.

    Do: somebody else asks or answers in our place: find out who reaches Temporal, and lock him out. A run that has such
    an answer cannot go on (``rebalancer doctor`` names it): look at its orders in TWS, ``rebalancer cancel --at-broker
    ACCOUNT``, then ``temporal workflow terminate --workflow-id rebalance-ACCOUNT``. The next one starts from what is
    held. Is it a run of before there was a key, see docs/encryption.md.
    """

    HOW_TOLD: ClassVar[str] = "so it is refused"
    """In every message, for whoever finds it in a history."""


class _Keys:
    """The keys of a process, for all codecs that it has."""

    def __init__(self, read: Callable[[], PayloadKeys | None]) -> None:
        self._read = read
        self.held = read()

    def secret(self, key_id: str) -> bytes:
        """The secret of a key. Raises ``PayloadKeyUnknown``."""
        found = self.held.key(key_id) if self.held else None
        if found is None:
            self._read_again()
            found = self.held.key(key_id) if self.held else None
        if found is not None:
            return found.secret
        held = f"has {', '.join(key.key_id for key in self.held.keys)}" if self.held else "has none"
        raise PayloadKeyUnknown(
            f"This is encrypted in Temporal with the key {_told(key_id.encode())}; this process {held}. Put "
            "its line back below the first (REBALANCER_KEY_FILE, REBALANCER_PAYLOAD_KEY_FILE): whatever waits for it "
            "then goes on. See docs/encryption.md."
        )

    def _read_again(self) -> None:
        """A file that cannot be read any more takes away no key that is known."""
        with suppress(KeyFileUnusable):
            self.held = self._read() or self.held


class EncryptingCodec(PayloadCodec, WithSerializationContext):
    """Encrypts with the first key, and decrypts with whichever was used; what was written in clear is left as it is.

    Without keys it encrypts nothing, and refuses what is encrypted: a worker that took it for an odd value would drop
    events. ``read`` is asked once more for the keys where one is missing: so a key that was put back, or that another
    process begins to use, needs no restart.
    """

    def __init__(self, read: Callable[[], PayloadKeys | None]) -> None:
        """Raises whatever reading the keys raises."""
        self._keys = _Keys(read)
        self._is_required: Callable[[], bool] = lambda: False
        self._activity: ActivitySerializationContext | None = None

    @property
    def encrypts(self) -> bool:
        """Whether there is a key."""
        return self._keys.held is not None

    @property
    def refuses_clear(self) -> bool:
        """Whether activities are asked and answer nothing in clear. Raises what that says raises."""
        return self.encrypts and self._is_required()

    def requiring(self, is_required: Callable[[], bool]) -> Self:
        """One with the same keys that refuses what activities are asked and answer in clear, where that says so."""
        own = copy.copy(self)
        own._is_required = is_required
        return own

    def with_context(self, context: SerializationContext) -> Self:
        """The same for what a workflow asks of an activity, and is answered."""
        if not isinstance(context, ActivitySerializationContext) or not context.workflow_id:
            return self
        own = copy.copy(self)
        own._activity = context
        return own

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each of them encrypted, if there is a key."""
        return [self._encrypted(each) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each of them in clear. Raises ``PayloadKeyUnknown``, ``PayloadAltered`` and ``PayloadRefused``."""
        return [self._decrypted(each) for each in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        if self._keys.held is None:
            return payload
        if self._activity is not None:
            place = json.dumps(Place.of(self._activity)).encode()
            payload = Payload(metadata={**payload.metadata, PLACE: place}, data=payload.data)
        key, nonce = self._keys.held.first, secrets.token_bytes(NONCE)
        sealed = AESGCM(key.secret).encrypt(nonce, payload.SerializeToString(), _bound(key.key_id.encode()))
        metadata = {"encoding": ENCODING.encode(), KEY_ID: key.key_id.encode()}
        return Payload(metadata=metadata, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING.encode():
            self._require_clear_is_taken(payload)
            return payload
        key_id = payload.metadata.get(KEY_ID, b"")
        secret = self._keys.secret(key_id.decode(errors="replace"))
        nonce, sealed = payload.data[:NONCE], payload.data[NONCE:]
        try:
            opened = Payload.FromString(AESGCM(secret).decrypt(nonce, sealed, _bound(key_id)))
        except (InvalidTag, ValueError, DecodeError):  # a nonce that is too short is a ValueError
            raise PayloadAltered(
                f"What is in Temporal was altered, or encrypted with another key than the {_told(key_id)} of "
                f"{self._keys.held.file if self._keys.held else 'this process'}. Nothing is done with it: see "
                "docs/encryption.md."
            ) from None
        self._require_own(opened)
        return opened

    def _require_clear_is_taken(self, payload: Payload) -> None:
        if self._activity is not None and payload.data != NEVER_SECRET and self.refuses_clear:
            raise self._refused("in clear", "may have written it, or a worker of before there was a key")

    def _require_own(self, opened: Payload) -> None:
        """Take away what says where it belongs, and raise ``PayloadRefused`` if that is not here."""
        told = opened.metadata.pop(PLACE, b"")
        if self._activity is None:
            return
        if not told:
            raise self._refused("encrypted for no activity", "may have copied it")
        place = Place(*json.loads(told))
        if not place.is_at(self._activity):
            raise self._refused(f"of something else ({place})", "may have copied it")

    def _refused(self, found: str, suspicion: str) -> PayloadRefused:
        assert self._activity is not None
        told = "answers" if isinstance(self._activity, RunActivity) else "is asked"
        what = f"What {self._activity.activity_type} {told} in {self._activity.workflow_id}"
        return PayloadRefused(
            f"{what} is {found}, {PayloadRefused.HOW_TOLD}: whoever reaches Temporal {suspicion}. See "
            'docs/encryption.md, "What is refused".'
        )


def _bound(key_id: bytes) -> bytes:
    """What the tag covers beside the payload."""
    return ENCODING.encode() + b" " + key_id


def _told(key_id: bytes) -> str:
    """Somebody's word for a key, fit for an error."""
    return repr(key_id.decode(errors="replace")[:LONGEST_ID])
