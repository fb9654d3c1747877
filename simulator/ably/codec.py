"""The two encodings Ably speaks, for REST bodies and for WebSocket frames alike: JSON and MessagePack."""

import json
from typing import Any, cast

import msgpack

from simulator.ably.errors import bad_request

JSON = "application/json"
MSGPACK = "application/x-msgpack"


def pack(value: object, *, binary: bool) -> bytes:
    """`value` as MessagePack if `binary`, else as UTF-8 JSON."""
    if binary:
        return cast(bytes, msgpack.packb(value, use_bin_type=True))
    return json.dumps(value, separators=(",", ":")).encode()


def unpack(raw: bytes | str, *, binary: bool) -> Any:
    """The value in `raw`.

    Raises:
        AblyError: 40000, if it cannot be read.
    """
    try:
        if binary:
            return msgpack.unpackb(raw if isinstance(raw, bytes) else raw.encode(), raw=False)
        return json.loads(raw)
    except (ValueError, msgpack.UnpackException) as error:
        raise bad_request(f"the body cannot be read: {error}") from error
