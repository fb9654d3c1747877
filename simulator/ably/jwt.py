"""JSON Web Tokens as Ably takes them: signed with the key's secret (HS256), naming the key in the header `kid`."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import NamedTuple, TypeGuard, cast

from simulator.ably.capabilities import Capability, parse_capability
from simulator.ably.errors import AblyError, invalid_credential, not_simulated

JWT_DOTS = 2
"""Header, claims and signature are separated by them; our own tokens have one."""

LONGEST_LIFE = 24 * 60 * 60
"""Seconds; Ably takes no token that is good for longer."""


class Claims(NamedTuple):
    """What a token says. `expires` is in milliseconds since the epoch; without a `capability` it is the key's."""

    expires: int
    capability: Capability | None
    client_id: str | None


def read_jwt(token: str, *, key_name: str, secret: str) -> Claims:
    """The claims of a JWT; whether it has expired is for the caller to see.

    Raises:
        AblyError: 40144 for one that is malformed, 40101 for another key or a wrong signature.
    """
    signed, _, signature = token.rpartition(".")
    header, claims = (_object(part) for part in signed.split("."))
    if header.get("alg") != "HS256":
        raise _malformed("its algorithm must be HS256")
    expected = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    if header.get("kid") != key_name or not hmac.compare_digest(_bytes(signature), expected):
        raise invalid_credential("the JWT is not signed with this key")
    if "x-ably-token" in claims:
        raise not_simulated("JWTs with a token in them are")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not _is_number(issued) or not _is_number(expires) or not 0 < expires - issued <= LONGEST_LIFE:
        raise _malformed("it needs iat and exp, at most a day apart")
    capability, client_id = claims.get("x-ably-capability"), claims.get("x-ably-clientId")
    return Claims(
        expires=round(expires * 1000),
        capability=parse_capability(capability) if isinstance(capability, str) else None,
        client_id=client_id if isinstance(client_id, str) else None,
    )


def _object(part: str) -> Mapping[str, object]:
    try:
        value = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _malformed("its parts must be JSON objects")
    return cast("Mapping[str, object]", value)


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars="-_", validate=True)
    except ValueError:
        raise _malformed("its parts must be Base64 for URLs") from None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _malformed(why: str) -> AblyError:
    return AblyError(40144, 401, f"invalid JWT format: {why}")
