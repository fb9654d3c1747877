"""What the `ably` client library raises, in the words of our own errors, and its logs without the key."""

import logging
from collections.abc import Mapping

from ably import AblyException

from starter.ably.ably_options import without_key
from starter.ably.ably_settings import AblyKeyRefusedError, AblySettings, AblyUnavailableError


def keep_key_out_of_logs() -> None:
    """The client prints the whole address, key included, at INFO; the WebSocket library at DEBUG.

    Its errors are pages of traceback about what we say in one line.
    """
    logging.getLogger("ably").setLevel(logging.CRITICAL)
    logging.getLogger("websockets").setLevel(logging.CRITICAL)


def translated(error: BaseException, settings: AblySettings) -> Exception:
    """Our error for whatever the library raised."""
    if isinstance(error, AblyKeyRefusedError | AblyUnavailableError):
        return error
    if isinstance(error, TimeoutError):
        return AblyUnavailableError("no answer in time")
    text = without_key(error, settings)
    if not isinstance(error, AblyException):
        return AblyUnavailableError(f"{type(error).__name__}: {text}")
    return refusal(int(error.code or 0), text)


def raise_for(problems: Mapping[str, Exception]) -> None:
    """Raise one error for all that is wrong with channels; if somebody must act for one of them, it says so."""
    if not problems:
        return
    is_refused = any(isinstance(problem, AblyKeyRefusedError) for problem in problems.values())
    told = "; ".join(f"channel {channel}: {problem}" for channel, problem in problems.items())
    raise (AblyKeyRefusedError if is_refused else AblyUnavailableError)(told)


def refusal(code: int, text: str, asked_to_wait: float = 0) -> Exception:
    """Our error for one of Ably's codes."""
    if code == 40160:
        return AblyKeyRefusedError(f"{text}. The key needs `subscribe` and `history` on this channel")
    if code in (40005, 40400) or 40100 <= code < 40140:
        return AblyKeyRefusedError(f"{text}. Check the Ably key: it has the form <app>.<key id>:<secret>")
    return AblyUnavailableError(text, asked_to_wait)
