"""Who signed in with a browser: a cookie that nobody can make without a token, and what it must bring for a change.

The cookie names its holder and its end, and is sealed with the holder's token: there is nothing to keep here, it
outlives a restart, and a token that is made anew ends all sessions that were begun with it. The token itself never
goes back to the browser.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from starter.web.tokens import Token

COOKIE: Final = "rebalancer"

CSRF_HEADER: Final = "x-csrf-token"
"""Where a page shows, with every change, that it is ours: a cookie alone would be sent by the browser itself."""

LASTS: Final = timedelta(hours=12)
"""An evening and the next morning; after it one signs in again."""


def new_session(name: str, token: Token, now: datetime) -> str:
    """The cookie of whoever showed this token just now."""
    content = f"{name}.{int((now + LASTS).timestamp())}"
    return f"{content}.{_seal(token, 'session', content)}"


def holder_of_session(cookie: str, tokens: Mapping[str, Token], now: datetime) -> str | None:
    """The name of the token that a cookie was made with; ``None`` for one that is over, or was not made here."""
    content, _, seal = cookie.rpartition(".")
    name, _, ends = content.partition(".")
    token = tokens.get(name)
    if token is None or not _is(seal, _seal(token, "session", content)):
        return None
    return name if datetime.fromtimestamp(int(ends), UTC) > now else None


def csrf_token(cookie: str, token: Token) -> str:
    """What a page has to show beside this cookie."""
    return _seal(token, "csrf", cookie)


def shows_csrf_token(shown: str, cookie: str, token: Token) -> bool:
    """Whether it was shown."""
    return _is(shown, csrf_token(cookie, token))


def _is(shown: str, seal: str) -> bool:
    return hmac.compare_digest(shown.encode(errors="replace"), seal.encode())


def _seal(token: Token, purpose: str, content: str) -> str:
    text = f"{purpose}\n{content}".encode(errors="replace")
    return hmac.new(token.token.encode(errors="replace"), text, hashlib.sha256).hexdigest()
