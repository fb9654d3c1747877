"""Reading the published target weights: from the configuration, a file, or the allocations API."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
from pydantic import SecretStr
from temporalio import activity

from rebalancing.accounts import Account
from rebalancing.errors import AllocationsRefused, AllocationsUnavailable
from rebalancing.targets import (
    ALLOCATIONS_LIMIT,
    Targets,
    apply_replacements,
    parse_allocations,
    parse_allocations_file,
    replaced_symbols,
)

REQUEST_TIMEOUT: Final = 10.0
"""Seconds for one answer of the allocations API."""


class AllocationActivities:
    """Reads targets, with the account's replacements applied.

    ``base_url`` serves the accounts that name no source of their own.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str | None, api_key: SecretStr | None) -> None:
        self._http = http
        self._base_url = base_url
        self._api_key = api_key

    @activity.defn
    async def read_targets(self, account: Account) -> Targets:
        """The target weights of the account's strategy.

        Raises:
            AllocationsUnavailable: no answer or a server error; trying again helps.
            AllocationsRefused, AllocationsInvalid: it does not.
        """
        targets = account.written_targets or await self._published(account)
        weights = apply_replacements(targets.weights, account.replacements)
        replaced = replaced_symbols(targets.weights, account.replacements)
        return targets.model_copy(update={"weights": weights, "replaced": replaced})

    async def _published(self, account: Account) -> Targets:
        source = account.allocations
        if source.file is not None:
            return parse_allocations_file(account.strategy_name, self._read_file(account, Path(source.file)))
        answer = await self._fetch(account, source.url or self._address(account))
        return parse_allocations(account.strategy_name, answer)

    def _address(self, account: Account) -> str:
        if self._base_url is None:
            raise AllocationsRefused(
                f"Account {account.account_id}: no source of allocations. Set ALLOCATIONS_BASE_URL, or give the "
                "account allocations with a url, a file or a list."
            )
        return f"{self._base_url.rstrip('/')}/{quote(account.strategy_name, safe='')}/allocations"

    def _read_file(self, account: Account, path: Path) -> bytes:
        try:
            return path.read_bytes()[: ALLOCATIONS_LIMIT + 1]
        except OSError as error:
            raise AllocationsRefused(
                f"Account {account.account_id}: the allocations file {path} cannot be read ({error.strerror})."
            ) from error

    async def _fetch(self, account: Account, url: str) -> bytes:
        headers = {} if self._api_key is None else {"x-api-key": self._api_key.get_secret_value()}
        about = f"The allocations API for strategy {account.strategy_name} (account {account.account_id})"
        try:
            answer = await self._http.get(url, headers=headers, timeout=REQUEST_TIMEOUT)
        except httpx.HTTPError as error:
            raise AllocationsUnavailable(
                f"{about} cannot be reached at {url}: {error or type(error).__name__}. It is tried again."
            ) from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise AllocationsUnavailable(f"{about} answered {answer.status_code} at {url}. It is tried again.")
        if answer.status_code != 200:
            raise AllocationsRefused(
                f"{about} answered {answer.status_code} at {url}. Check ALLOCATIONS_API_KEY and the strategy's name."
            )
        return answer.content
