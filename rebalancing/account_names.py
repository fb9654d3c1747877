"""What accounts are called: by IBKR's number, or by a name of the operator's choice (an alias).

Everything but the gateway goes by the name. An account without an alias is called by its number.
"""

import math
import re
from functools import cached_property
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from rebalancing.accounts import NAME_PATTERN, is_account_number
from rebalancing.base import FrozenModel

TAKEN: Final = ("strategy-", "history-")
"""How no alias may begin: ``pause-strategy-x`` pauses the strategy x (``contract.halts``)."""


def _fit(alias: str) -> str:
    if is_account_number(alias):
        raise ValueError(f"{alias} looks like an account number; an alias is to hide it: choose a word")
    if alias.casefold().startswith(TAKEN):
        raise ValueError(f"{alias} begins with {' or '.join(TAKEN)}, which mean something else; choose another alias")
    return alias


Alias = Annotated[str, StringConstraints(pattern=NAME_PATTERN), AfterValidator(_fit)]
"""A name that can stand in ids, addresses and file names, and is never taken for a number."""


def masked(number: str) -> str:
    """A number as far as its owner needs it to recognise it: ``U•••4321``."""
    letters = number.rstrip("0123456789")
    digits = number[len(letters) :]
    return f"{letters}•••{digits[-4:] if len(digits) > 6 else ''}"  # half of a short one is too much


class AccountNames(FrozenModel):
    """The numbers of the accounts that have an alias, by that."""

    numbers: dict[str, str] = {}

    def number_of(self, name: str) -> str:
        """By what the broker knows an account."""
        return self.numbers.get(name, name)

    def name_of(self, given: str) -> str:
        """What an account is called, given its number or that name."""
        return self._by_number.get(given, given)

    def is_name(self, given: str) -> bool:
        """Whether an account may be called so: an alias that is known, or a number that has none."""
        return given in self.numbers or (is_account_number(given) and given not in self._by_number)

    def told(self, text: str) -> str:
        """What somebody said, with names in the place of numbers."""
        if len(text) < self._shortest:  # most of what a gateway sends are figures
            return text
        return self._number.sub(lambda found: self._by_number[found[0]], text)

    @cached_property
    def _by_number(self) -> dict[str, str]:
        return {number: name for name, number in self.numbers.items()}

    @cached_property
    def _shortest(self) -> float:
        return min(map(len, self._by_number), default=math.inf)

    @cached_property
    def _number(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(self._by_number)})(?![A-Za-z0-9])")


NO_ALIASES: Final = AccountNames()
"""Every account is called by its number."""
