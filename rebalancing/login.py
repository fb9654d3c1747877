"""Whose gateway it is: the login that the orders of a history belong to (promise P6)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from rebalancing.account_names import AccountNames
from rebalancing.accounts import AccountType
from rebalancing.base import FrozenModel

NAMED: Final = 8
"""How many accounts a message names."""


class LoginKind(StrEnum):
    """What an order of this login moves."""

    SIMULATED = "simulated"
    PAPER = "paper"
    LIVE = "live"


class Login(FrozenModel):
    """What a gateway is logged in with, as far as it can be told: its kind, and the accounts it manages.

    The stand-in says of itself that it is one. Of the others only the account numbers tell: somebody else's simulator
    that has the numbers of a paper login cannot be told from it.
    """

    kind: LoginKind
    accounts: tuple[str, ...]

    @classmethod
    def of(cls, accounts: Iterable[str], *, simulated: bool) -> "Login":
        """The login that manages these accounts. With a single live account among them it is a live one."""
        managed = tuple(sorted(accounts))
        is_live = any(AccountType.of(account) is AccountType.LIVE for account in managed)
        real = LoginKind.LIVE if is_live else LoginKind.PAPER
        return cls(kind=LoginKind.SIMULATED if simulated else real, accounts=managed)

    def is_as_real_as(self, other: "Login") -> bool:
        """Whether both are simulated, or neither is."""
        return (self.kind is LoginKind.SIMULATED) is (other.kind is LoginKind.SIMULATED)

    def continues(self, earlier: "Login") -> bool:
        """Whether what was begun with the earlier login may go on with this one.

        Accounts are opened and closed, so one that both manage is enough. The accounts of a stand-in are anybody's.
        """
        if self.kind is not earlier.kind:
            return False
        return self.kind is LoginKind.SIMULATED or not set(self.accounts).isdisjoint(earlier.accounts)

    def named(self, names: AccountNames) -> "Login":
        """The same for people: its accounts as they are called. What belongs to whom is told by their numbers."""
        return self.model_copy(update={"accounts": tuple(map(names.name_of, self.accounts))})

    def __str__(self) -> str:
        more = len(self.accounts) - NAMED
        named = ", ".join(self.accounts[:NAMED]) + (f" and {more} more" if more > 0 else "")
        what = "simulated gateway" if self.kind is LoginKind.SIMULATED else f"{self.kind} login"
        return f"the {what} with {named}"
