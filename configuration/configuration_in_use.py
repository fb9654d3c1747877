"""The configuration a process goes by: that of ``accounts.yaml`` as it is, or as it was while it could last be used."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NamedTuple

from configuration.configuration import Configuration, ConfigurationInvalid, read_contents
from rebalancing.account_names import AccountNames
from rebalancing.accounts import Account
from rebalancing.errors import AccountRenamed, RebalancerError
from rebalancing.settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the file. Only what two of them found alike counts: editors write in pieces."""


class _Look(NamedTuple):
    """What a look at the file found. ``key`` tells whether another one found the same."""

    key: str
    configuration: Configuration | None
    problem: str


class ConfigurationInUse:
    """What whoever needs the configuration asks, each time anew. A file that cannot be used changes nothing of it."""

    def __init__(self, first: Configuration, path: Path = Path("accounts.yaml")) -> None:
        self.path = path
        self.now = first
        self.problem = ""
        """Why the file as it is now is not what this process goes by; empty where it is."""
        self._changed = asyncio.Event()
        self.names = first.names
        """What accounts are called here, also those that were taken out since this process began."""
        self._called = _called(first)

    @property
    def settings(self) -> Settings:
        """The settings of this moment."""
        return self.now.settings

    def account(self, account_id: str) -> Account:
        """The account of this name. Raises ``AccountUnknown`` if it is not configured or switched off."""
        return self.now.account(account_id)

    def __str__(self) -> str:
        return f"{self.path.name} {self.now.version}"

    def use(self, configuration: Configuration) -> None:
        """Go by this one from now on."""
        self.now, self.problem = configuration, ""
        self._called |= _called(configuration)
        self.names = AccountNames(numbers={**self.names.numbers, **configuration.names.numbers})
        off = [account.account_id for account in configuration.accounts if not account.enabled]
        enabled = ", ".join(account.account_id for account in configuration.enabled_accounts) or "none"
        log.info("%s is in use; accounts: %s%s", self, enabled, f"; switched off: {', '.join(off)}" if off else "")
        self._tell()

    def refuse(self, problem: str) -> None:
        """Stay with what there is, because of a problem with what came after it."""
        self.problem = problem
        log.error("%s; nothing was changed, this process goes on by %s", problem, self)
        self._tell()

    def change(self) -> Coroutine[Any, Any, object]:
        """What to await for the next change after this call, of what is in use or of the problem."""
        return self._changed.wait()

    async def follow(self, suits: Callable[[Configuration], object] = lambda _: None) -> None:
        """Take the file on whenever it has changed; until cancelled.

        ``suits`` raises ``RebalancerError`` for a configuration that is right in itself but cannot be served here.
        """
        judged = seen = self.now.version
        while True:
            await asyncio.sleep(LOOK_EVERY)
            look = await asyncio.to_thread(_look, self.path, known=judged)
            if look.key == seen and look.key != judged:
                judged = look.key
                self._judge(look, suits)
            seen = look.key

    def _judge(self, look: _Look, suits: Callable[[Configuration], object]) -> None:
        if look.configuration is None:
            self.refuse(look.problem)
            return
        try:
            self._require_same_names(look.configuration)
            suits(look.configuration)
        except RebalancerError as unsuitable:
            self.refuse(f"{self.path} was changed and cannot be used: {unsuitable}")
        else:
            self.use(look.configuration)

    def _require_same_names(self, configuration: Configuration) -> None:
        """Raise ``AccountRenamed`` where an account was called otherwise since this process began: its runs and pauses
        have that name, and only a start looks for them."""
        numbers = {name: number for number, name in self._called.items()}
        for number, name in _called(configuration).items():
            before = self._called.get(number, name)
            if name != before or numbers.get(name, number) != number:
                raise AccountRenamed(
                    f"the alias of account {name if name != number else before} was given, changed or taken out, which "
                    "counts from a start on. Put it back; or stop everything that runs by this file (up, worker, "
                    "listen, serve), and start it again (docs/encryption.md)."
                )

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _called(configuration: Configuration) -> dict[str, str]:
    """What each account is called, by its number."""
    names = [account.account_id for account in configuration.accounts]
    return {configuration.names.number_of(name): name for name in names}


def _look(path: Path, known: str) -> _Look:
    """What the file holds now; what is ``known`` is not read through again."""
    version = ""
    try:
        contents = read_contents(path)
        version = contents.version
        return _Look(version, contents.parsed() if version != known else None, "")
    except ConfigurationInvalid as invalid:
        problem = f"{path} was changed and cannot be used: {'; '.join(invalid.problems)}"
        return _Look(version or problem, None, problem)
