"""Reading the published target weights: from the configuration, a file, or the allocations API."""

import asyncio
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr
from temporalio import activity

from configuration.reading_files import read_at_most
from contract.activities import TargetsContract
from rebalancing.accounts import Account
from rebalancing.errors import AllocationsRefused, AllocationsUnavailable
from rebalancing.targets import (
    ALLOCATIONS_LIMIT,
    AllocationsInvalid,
    Targets,
    apply_replacements,
    parse_allocations,
    parse_allocations_file,
    replaced_symbols,
)
from rebalancing.web_address import without_secrets

REQUEST_TIMEOUT: Final = 10.0
"""Seconds for one answer of the allocations API, from the connection to its last byte."""

THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")
"""The hosts that the key may be sent to without encryption."""

KEY_HEADER: Final = "x-api-key"

GZIP: Final = zlib.MAX_WBITS | 16
"""What zlib calls the gzip form."""


def allocations_client() -> httpx.AsyncClient:
    """The HTTP client to read with. This machine is asked directly: a proxy in between would be sent the key."""
    hosts = (f"[{host}]" if ":" in host else host for host in THIS_MACHINE)
    direct = {f"all://{host}": None for host in hosts}
    return httpx.AsyncClient(mounts=direct, follow_redirects=False, timeout=REQUEST_TIMEOUT)


class AllocationActivities(TargetsContract):
    """Reads targets, with the account's replacements applied.

    ``base_url`` serves the accounts that name no source of their own, and it alone is sent ``api_key``. ``configured``
    gives an account as it is configured now: a run that waited is planned for by the weights, sources and replacements
    of today, and workflows do not know the addresses, which may hold a password.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: Callable[[], str | None],
        api_key: SecretStr | None,
        configured: Callable[[str], Account],
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._api_key = "" if api_key is None else api_key.get_secret_value()
        self._configured = configured

    @activity.defn
    async def read_targets(self, account: Account) -> Targets:
        """The target weights of the account's strategy.

        Raises:
            AllocationsUnavailable: no answer or a server error; trying again helps.
            AllocationsRefused, AllocationsInvalid, AccountUnknown: it does not.
        """
        own = self._configured(account.account_id)
        if own.strategy_name != account.strategy_name:
            raise AllocationsRefused(
                f"Account {account.account_id} follows {own.strategy_name} by now, and this rebalance began for "
                f"{account.strategy_name}. Trigger it again."
            )
        targets = own.written_targets or await self._published(own)
        weights = apply_replacements(targets.weights, own.replacements)
        replaced = replaced_symbols(targets.weights, own.replacements)
        return targets.model_copy(update={"weights": weights, "replaced": replaced})

    async def _published(self, account: Account) -> Targets:
        source = account.allocations
        if source.file is not None:
            return parse_allocations_file(account.strategy_name, self._read_file(account, Path(source.file)))
        return parse_allocations(account.strategy_name, await self._fetch(account, self._address(account)))

    def _address(self, account: Account) -> str:
        if account.allocations.url is not None:
            return account.allocations.url
        base_url = self._base_url()
        if base_url is None:
            raise AllocationsRefused(
                f"Account {account.account_id}: no source of allocations. Set ALLOCATIONS_BASE_URL, or give the "
                "account allocations with a url, a file or a list."
            )
        base = urlsplit(base_url)
        path = f"{base.path.rstrip('/')}/{quote(account.strategy_name, safe='')}/allocations"
        return base._replace(path=path).geturl()

    def _read_file(self, account: Account, path: Path) -> bytes:
        try:
            return read_at_most(path, ALLOCATIONS_LIMIT)
        except OSError as error:
            raise AllocationsRefused(
                f"Account {account.account_id}: the allocations file {path} cannot be read ({error.strerror})."
            ) from None

    async def _fetch(self, account: Account, address: str) -> bytes:
        about = (
            f"The allocations API for strategy {account.strategy_name} (account {account.account_id}) "
            f"at {without_secrets(address)}"
        )
        try:
            url = httpx.URL(address)
            headers = {"accept-encoding": "gzip", **self._key_for(url, about)}
            async with asyncio.timeout(REQUEST_TIMEOUT), self._http.stream("GET", url, headers=headers) as answer:
                _require_success(answer, about, key_sent=KEY_HEADER in headers)
                return await _body(answer, account.strategy_name)
        except (httpx.InvalidURL, UnicodeError):
            raise AllocationsRefused(f"{about} is not asked: this is no address.") from None
        except (httpx.HTTPError, TimeoutError) as error:
            # Its words may quote what was sent or came back, and so may whatever caused it.
            reason = str(error) if isinstance(error, httpx.NetworkError) else ""
            raise AllocationsUnavailable(
                f"{about} cannot be read: {reason or type(error).__name__}. It is tried again."
            ) from None

    def _key_for(self, url: httpx.URL, about: str) -> dict[str, str]:
        """The header with the key, for the origin of ``base_url`` alone."""
        base_url = self._base_url()
        if not self._api_key or base_url is None or _origin(url) != _origin(httpx.URL(base_url)):
            return {}
        if url.scheme != "https" and url.host not in THIS_MACHINE:
            raise AllocationsRefused(
                f"{about} is not asked: ALLOCATIONS_API_KEY would go over the network unencrypted. Give "
                "allocations.base_url (or ALLOCATIONS_BASE_URL) as https://…, or unset the key."
            )
        if not self._api_key.isascii() or not self._api_key.isprintable():
            raise AllocationsRefused(f"{about} is not asked: ALLOCATIONS_API_KEY has characters that cannot be sent.")
        return {KEY_HEADER: self._api_key}


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _require_success(answer: httpx.Response, about: str, *, key_sent: bool) -> None:
    status = answer.status_code
    if status >= 500 or status == 429:
        raise AllocationsUnavailable(f"{about} answered {status}. It is tried again.")
    if answer.is_redirect:
        raise AllocationsRefused(f"{about} answered {status}: it has moved. Give the address where it is now.")
    if status != 200:
        unsent = "" if key_sent else " (not sent: it goes to allocations.base_url only)"
        raise AllocationsRefused(
            f"{about} answered {status}. Check ALLOCATIONS_API_KEY{unsent} and the strategy's name."
        )


async def _body(answer: httpx.Response, strategy: str) -> bytes:
    """The body, unpacked, and no more of it than tells that it is too long."""
    packed_as = answer.headers.get("content-encoding", "identity").strip().lower()
    if packed_as not in ("identity", "gzip"):
        raise AllocationsInvalid(strategy, f"the answer is packed as {packed_as[:20]!r}, which was not asked for")
    unpacking = zlib.decompressobj(GZIP) if packed_as == "gzip" else None
    body = bytearray()
    try:
        async for piece in answer.aiter_raw():
            left = ALLOCATIONS_LIMIT + 1 - len(body)
            body += piece[:left] if unpacking is None else unpacking.decompress(piece, left)
            if len(body) > ALLOCATIONS_LIMIT:
                break
    except zlib.error:
        raise AllocationsInvalid(strategy, "the answer says that it is packed with gzip, but is not") from None
    return bytes(body)
