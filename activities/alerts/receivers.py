"""Sends a message to a receiver, by whatever service its address names. The only module that imports ``apprise``.

An address holds a token or a password. So neither it nor anything that the library says of it leaves this module: of
what went wrong only a status code or one of a few fixed words is told.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final

import apprise
from pydantic import SecretStr

from activities.alerts.words import Message
from configuration.alert_settings import variable_of
from rebalancing.errors import RebalancerError

log = logging.getLogger(__name__)

SENDING_TIMEOUT: Final = 20.0
"""Seconds for one message; the library's own limits for sockets are shorter."""

REST: Final = 1.0
"""Seconds for which a receiver that did not take a message is let alone."""

SLOTS: Final = 4
"""Messages that are sent at once."""

_ASSET: Final = apprise.AppriseAsset(
    app_id="rebalancer", app_desc="rebalancer", app_url="", async_mode=False, secure_logging=True, storage_mode="memory"
)

_NO_CONNECTION: Final = "there was no connection"
_NO_ANSWER: Final = "it did not answer in time"

_FIXED_WORDS: Final = {
    "connection error": _NO_CONNECTION,
    _NO_CONNECTION: _NO_CONNECTION,
    "timed out": _NO_ANSWER,
    "timeout": _NO_ANSWER,
    _NO_ANSWER: _NO_ANSWER,
}


class _WithoutAddress(logging.Filter):
    """Leaves nothing of what the library says but what may be told, whoever listens to its logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Put safe words in the record's place."""
        record.msg, record.args, record.exc_info = safe_reason(record.getMessage()), None, None
        return True


def safe_reason(said: str) -> str:
    """What of the library's words may be told: a status code, or that there was no connection; itself of that."""
    if code := re.search(r"\b(?:error=|answered )(\d{3})\b", said):
        return f"its service answered {code[1]}"
    known = (words for sign, words in _FIXED_WORDS.items() if sign in said.lower())
    return next(known, "its service did not say why")


_LOGGER: Final = logging.getLogger("apprise")
_LOGGER.addFilter(_WithoutAddress())
_LOGGER.propagate = False
_LOGGER.setLevel(logging.WARNING)
_LOGGER.addHandler(logging.NullHandler())
logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # by which it sends: it logs paths


class ReceiverUnusable(RebalancerError):
    """A receiver has no address, or one that names no service. Trying again does not help.

    Do: correct ``ALERT_<NAME>_URL`` in the environment, in ``.env`` or in its file of a secret, restart the worker, and
    try it with ``rebalancer notify test NAME``.
    """


class ReceiverUnreached(RebalancerError):
    """A receiver did not take a message.

    Do: nothing at first; the message is tried again by itself. If it goes on, look at the service, and try it with
    ``rebalancer notify test NAME``.
    """

    retryable: ClassVar[bool] = True


class Receivers:
    """All receivers. ``address_of`` gives the address that the environment has for one by now."""

    def __init__(self, address_of: Callable[[str], SecretStr | None]) -> None:
        self._address_of = address_of
        # Threads of their own: one that hangs takes up a place here and nowhere else.
        self._threads = ThreadPoolExecutor(max_workers=SLOTS, thread_name_prefix="alerts")
        self._rests_until: dict[str, float] = {}
        self._tries: set[str] = set()

    async def send(self, name: str, message: Message) -> None:
        """Send it; returns once the receiver has taken it. Raises ``ReceiverUnusable`` or ``ReceiverUnreached``.

        A receiver that did not take the last one is tried by one message at a time, and now and then: however many
        wait for it, they leave the places to those that are well.
        """
        loop = asyncio.get_running_loop()
        rests_until = self._rests_until.get(name)
        if rests_until is not None and (name in self._tries or loop.time() < rests_until):
            raise _unreached(name, "it did not take another one a moment ago")
        if rests_until is not None:
            self._tries.add(name)
        try:
            async with asyncio.timeout(SENDING_TIMEOUT + 5):
                await loop.run_in_executor(self._threads, self._send, name, message)
            if self._rests_until.pop(name, None) is not None:
                log.info("the receiver %s takes messages again", name)
        except (TimeoutError, ReceiverUnreached) as failed:
            error = failed if isinstance(failed, ReceiverUnreached) else _unreached(name, _NO_ANSWER)
            if name not in self._rests_until:
                log.warning("%s It is tried again.", error)
            self._rests_until[name] = loop.time() + REST
            raise error from None
        finally:
            self._tries.discard(name)

    def check(self, name: str) -> str:
        """The kind of service that an address names, such as ``ntfy``. Raises ``ReceiverUnusable``."""
        return str(self._service(name).service_name)

    def _send(self, name: str, message: Message) -> None:
        service = apprise.Apprise(asset=_ASSET)
        service.add(self._service(name))
        try:
            result: Any = service.notify(
                title=message.title,
                body=message.text,
                body_format=apprise.NotifyFormat.TEXT,
                notify_type=apprise.NotifyType.WARNING if message.is_urgent else apprise.NotifyType.INFO,
                timeout=SENDING_TIMEOUT,
            )
        except Exception:  # a library for a hundred services may raise anything, with the address in it
            raise _unreached(name, "the message could not be sent") from None
        if not result:
            raise _unreached(name, safe_reason(" ".join(str(entry.message) for entry in result.logs())))

    def _service(self, name: str) -> Any:
        address = self._address_of(name)
        if address is None:
            raise ReceiverUnusable(
                f"The receiver {name} has no address: set {variable_of(name)} in the environment or in .env, such as "
                "ntfy://ntfy.sh/topic or mailto://… (https://github.com/caronc/apprise lists all services)."
            )
        try:
            service = apprise.Apprise.instantiate(address.get_secret_value(), asset=_ASSET)
        except Exception:  # see above
            service = None
        if service is None:
            raise ReceiverUnusable(
                f"{variable_of(name)} is no address of a service that is known (it is not shown, it may hold a token). "
                "Look at https://github.com/caronc/apprise for how yours is written."
            )
        return service


def _unreached(name: str, reason: str) -> ReceiverUnreached:
    return ReceiverUnreached(f"The receiver {name} did not take it: {reason}.")
