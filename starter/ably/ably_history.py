"""The past of a channel, through a REST client of its own, so that it can be read while the live connection is down."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx
from ably import AblyRest, api_version

from starter.ably.ably_failures import refusal, translated
from starter.ably.ably_options import rest_options, without_key
from starter.ably.ably_settings import AblySettings, AblyTimings, AblyUnavailableError
from starter.ably.received_message import UnreadableMessageError, received

HISTORY_PAGE = 1000
"""The most Ably puts on one page."""
TOKEN_PROBLEMS = range(40140, 40150)
"""Ably's codes for a token that was good once: a new client asks for a new one."""


class HistoryReader:
    """Reads one channel's history.

    It takes the raw pages: decoding them, the library drops a whole page for one payload that is not what it says.
    A channel has a reader of its own, so that nothing that is wrong with one is in the way of another.
    """

    def __init__(self, settings: AblySettings, timings: AblyTimings, channel: str) -> None:
        self._settings = settings
        self._timings = timings
        self._path = f"/channels/{quote(channel, safe='')}/messages"
        self._page_timeout = timings.request_timeout
        self._client: AblyRest | None = None

    async def __aenter__(self) -> "HistoryReader":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._renew()

    async def server_time(self) -> datetime:
        """The server's clock. Raises AblyUnavailableError."""
        answer = await self._get("/time", self._timings.request_timeout, unsigned=True)
        try:
            (milliseconds,) = answer.to_native()
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            raise AblyUnavailableError(f"its time cannot be read: {error}") from error

    async def pages(self, start: datetime) -> AsyncGenerator[Sequence[object]]:
        """The raw messages since `start`, oldest first.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: the history could not be read.
        """
        query = {"direction": "forwards", "start": _milliseconds(start), "limit": str(HISTORY_PAGE)}
        following, before = urlencode(query), None
        while following:
            page, following = await self._page(following)
            if following and page == before:
                raise AblyUnavailableError("its history repeats itself")
            yield page
            before = page

    async def newest_until(self, end: datetime) -> datetime | None:
        """When the newest message that is not later than `end` was published; None if the history has none.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: the history could not be read.
        """
        page, _ = await self._page(urlencode({"direction": "backwards", "end": _milliseconds(end), "limit": "1"}))
        for raw in page:
            with contextlib.suppress(UnreadableMessageError):
                return received(raw).timestamp
        return None

    async def _page(self, query: str) -> tuple[Sequence[object], str]:
        """One page, and the query for the next one (empty if there is none). What is slow gets more time."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            answer = await self._get(f"{self._path}?{query}", self._page_timeout)
        except _TooSlowError:
            self._page_timeout = min(2 * self._page_timeout, self._timings.slowest_page)
            raise
        if loop.time() - asked < self._timings.request_timeout:
            self._page_timeout = self._timings.request_timeout
        try:
            items = answer.to_native() or []
        except Exception as error:  # whatever a decoder makes of hostile bytes
            raise AblyUnavailableError(f"a page of its history cannot be read: {type(error).__name__}") from error
        if not isinstance(items, list):
            raise AblyUnavailableError(f"a page of its history is {type(items).__name__}, not a list")
        # Only the query of the link counts: whatever else it says, nobody else is shown our key.
        link = cast("Mapping[str, Mapping[str, str]]", answer.links).get("next", {}).get("url", "")
        return cast("list[object]", items), urlsplit(link).query

    async def _get(self, path: str, timeout: float, *, unsigned: bool = False) -> Any:
        """The answer to a request; `timeout` is what each of the two hosts the library tries may take."""
        try:
            client = self._rest()
            client.http.options.http_request_timeout = timeout
            async with asyncio.timeout(2 * timeout):
                answer = await client.http.make_request(
                    "GET", path, version=api_version, skip_auth=unsigned, raise_on_error=False
                )
        except (TimeoutError, httpx.ReadTimeout) as error:
            raise _TooSlowError("no answer in time") from error
        except Exception as error:
            raise translated(error, self._settings) from error
        if not answer.is_success:
            raise await self._refused(answer)
        return answer

    async def _refused(self, answer: Any) -> Exception:
        told = answer.headers.get("X-Ably-Errorcode", "")
        code = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else answer.status_code * 100
        if code in TOKEN_PROBLEMS:
            await self._renew()
        text = without_key(answer.headers.get("X-Ably-Errormessage") or answer.reason_phrase, self._settings)
        return refusal(code, f"{code} {text[:200]}", _asked_to_wait(answer.headers, self._timings.longest_rest))

    def _rest(self) -> Any:
        if self._client is None:
            self._client = AblyRest(**rest_options(self._settings))
        return self._client

    async def _renew(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class _TooSlowError(AblyUnavailableError):
    """No answer within the time it was given."""


def _milliseconds(moment: datetime) -> str:
    return str(max(int(moment.timestamp() * 1000), 0))


def _asked_to_wait(headers: Mapping[str, str], longest: float) -> float:
    """Seconds by the header `Retry-After`, which holds them or a date; 0 if there is none that makes sense."""
    wish = headers.get("Retry-After", "").strip()
    if wish.isascii() and wish.isdigit():
        return min(float(wish), longest)
    try:
        # By the server's clock and not by ours.
        wait = parsedate_to_datetime(wish) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return 0
    return min(max(wait / timedelta(seconds=1), 0), longest)
