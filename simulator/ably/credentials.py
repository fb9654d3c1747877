"""Keys, tokens and what they may do."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.ably.capabilities import Capability, allows, parse_capability
from simulator.ably.channels import Clock
from simulator.ably.errors import AblyError, invalid_credential, not_permitted
from simulator.ably.jwt import JWT_DOTS, Claims, read_jwt

ANYTHING: Capability = {"*": ["*"]}
DEFAULT_TOKEN_TTL_MS = 60 * 60 * 1000
_TOKEN_REQUEST_AGE_MS = 15 * 60 * 1000
"""A signed token request is good for a quarter of an hour around the server's clock."""


class BadKeyError(ValueError):
    """What was to be the server's key does not have the form of one."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a checked credential allows: what all of its capabilities do, the key's and the token's.

    `expires` is milliseconds since the epoch; a key never expires.
    """

    capabilities: tuple[Capability, ...]
    client_id: str | None = None
    expires: int | None = None

    def require(self, operation: str, channel: str) -> None:
        """Raises AblyError 40160 unless `operation` is allowed on `channel`."""
        if not all(allows(capability, operation, channel) for capability in self.capabilities):
            raise not_permitted(operation, channel)


class Credentials:
    """Checks keys and tokens against the one key this server knows, and issues tokens signed with it.

    Tokens carry their own grant, so that one stays good when the server is restarted.
    """

    def __init__(self, key: str, *, capability: Capability, token_ttl_ms: int, clock: Clock) -> None:
        self.key_name, separator, self._secret = key.partition(":")
        if not (separator and self.key_name and self._secret):
            raise BadKeyError("an Ably key has the form <app>.<key id>:<secret>")
        self._capability = capability
        self._token_ttl_ms = token_ttl_ms
        self._clock = clock

    def from_key(self, key: str) -> Grant:
        """The grant of a whole key. Raises AblyError 40005 or 40101."""
        name, separator, secret = key.partition(":")
        if not separator:
            raise AblyError(40005, 400, "invalid credential: not of the form <app>.<key id>:<secret>")
        if name != self.key_name or not _same(secret, self._secret):
            raise invalid_credential()
        return Grant((self._capability,))

    def from_token(self, token: str) -> Grant:
        """The grant inside a token of our own or a JWT. Raises AblyError 40101 or 40144, 40142 once it has expired."""
        if token.count(".") == JWT_DOTS:
            claims = read_jwt(token, key_name=self.key_name, secret=self._secret)
        else:
            claims = self._own_claims(token)
        if claims.expires <= self._clock():
            raise AblyError(40142, 401, "token expired")
        capabilities = (self._capability, claims.capability or ANYTHING)
        return Grant(capabilities, client_id=claims.client_id, expires=claims.expires)

    def _own_claims(self, token: str) -> Claims:
        payload, _, signature = token.partition(".")
        if not _same(signature, self._signature(payload)):
            raise invalid_credential("invalid token")
        claims = json.loads(base64.urlsafe_b64decode(payload))
        return Claims(claims["expires"], claims["capability"], claims.get("clientId"))

    def from_header(self, authorization: str) -> Grant:
        """The grant of an Authorization header, Basic or Bearer. Raises AblyError."""
        scheme, _, value = authorization.partition(" ")
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except ValueError:
            decoded = value  # Some clients send a token as it is.
        if scheme.lower() == "basic":
            return self.from_key(decoded)
        if scheme.lower() == "bearer":
            return self.from_token(decoded)
        raise invalid_credential("no authentication information provided")

    def of_request(self, authorization: str | None, query: Mapping[str, str]) -> Grant:
        """The grant of a request or a WebSocket address, by its header, or a token or key in its query.

        Raises AblyError.
        """
        if authorization is not None:
            return self.from_header(authorization)
        for name in ("accessToken", "access_token"):
            if name in query:
                return self.from_token(query[name])
        if "key" in query:
            return self.from_key(query["key"])
        raise invalid_credential("no authentication information provided")

    def issue(self, key_name: str, request: Mapping[str, object], authorization: str | None) -> dict[str, object]:
        """Answer a token request: signed by the key, or unsigned with the key itself in the header.

        Raises:
            AblyError: 40101 for a wrong signature, 40104 for one too old or too new.
        """
        if key_name != self.key_name:
            raise invalid_credential()
        if request.get("mac") is None:
            self.from_header(authorization or "")
        else:
            self._check_signature(request)
        now = self._clock()
        capability = self._requested_capability(request)
        expires = now + (_whole_number(request.get("ttl")) or self._token_ttl_ms)
        client_id = request.get("clientId")
        claims = {"expires": expires, "capability": capability, "clientId": client_id, "id": secrets.token_hex(8)}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        details: dict[str, object] = {
            "token": f"{payload}.{self._signature(payload)}",
            "keyName": key_name,
            "issued": now,
            "expires": expires,
            "capability": json.dumps(capability),
        }
        if client_id is not None:
            details["clientId"] = client_id
        return details

    def _requested_capability(self, request: Mapping[str, object]) -> Capability:
        """The wish, or else the key's own; a token allows only what its key does as well."""
        wish = request.get("capability")
        return parse_capability(wish) if isinstance(wish, str) else self._capability

    def _check_signature(self, request: Mapping[str, object]) -> None:
        names = ("keyName", "ttl", "capability", "clientId", "timestamp", "nonce")
        text = "".join(f"{request.get(name) or ''}\n" for name in names)
        expected = base64.b64encode(hmac.digest(self._secret.encode(), text.encode(), hashlib.sha256)).decode()
        if not _same(str(request.get("mac")), expected):
            raise invalid_credential("the token request is not signed with this key")
        if abs((_whole_number(request.get("timestamp")) or 0) - self._clock()) > _TOKEN_REQUEST_AGE_MS:
            raise AblyError(40104, 401, "timestamp not current")

    def _signature(self, payload: str) -> str:
        return hmac.new(self._secret.encode(), payload.encode(errors="replace"), hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _whole_number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
