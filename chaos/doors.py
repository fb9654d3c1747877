"""Ways around the application that only show when somebody takes them, and when that happens. Pure.

Each is drawn like any other fault; ``chaos/door_opener.py`` does it.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

SYMBOLS: Final = ("QQQ", "SPY", "BND", "GLD", "EDC", "TLT", "IWM", "VTI")

SHOCK: Final = (0.02, 0.06)
"""How far a price jumps at once, as a share of it."""

FURTHEST: Final = 0.08
"""How far jumps may take a price from where it began: twice that is still no price that nobody believes."""

DAY_CHANGES: Final = 2
"""Power cuts of one run that end on another day of the broker: a zone has no more midnights within a few minutes."""

TAKEOVER_TIME: Final = 25.0
"""Seconds a standby may need for a connection, by its longest pause, and some to work with it."""

CONNECTS_WITHIN: Final = 40.0
"""Seconds until a standby holds the connection for certain: a try that came too early, and its longest pause but one
and its longest one after it."""

CLOSED_TIME: Final = 130.0
"""Seconds until a market that closes at the next full minute but one has opened again a minute later."""


@dataclass(frozen=True)
class Takeover:
    """The worker with the gateway is frozen, its connection closed; it goes on ``seconds`` after the other has it."""

    seconds: float

    def __str__(self) -> str:
        return f"takeover from a frozen worker, which goes on {self.seconds:.1f} s later"


@dataclass(frozen=True)
class PowerCut:
    """Temporal's server ends at once and comes back with the database as it was ``seconds`` before.

    With ``new_day`` everything else but what IBKR and Ably run was off too, and is on again on the broker's next day.
    """

    seconds: float
    new_day: bool

    def __str__(self) -> str:
        return f"power cut that takes back {self.seconds:.1f} s" + (", until the next day" if self.new_day else "")


@dataclass(frozen=True)
class PriceShock:
    """Prices jump by several percent just when nobody can see it.

    ``when``: as all connections are ``closed``; ``at_order``, when one is closed that is about to bring an order; or
    when a gateway that was killed comes back (``restart``).
    """

    factors: Mapping[str, float] = field(hash=False)
    when: Literal["closed", "at_order", "restart"]

    def __str__(self) -> str:
        return f"prices jump ({self.when}): {dict(self.factors)}"


@dataclass(frozen=True)
class MarketClosing:
    """The market closes at a full minute soon, and opens again a minute later."""

    def __str__(self) -> str:
        return "the market closes for a minute"


@dataclass(frozen=True)
class ForeignRun:
    """Somebody starts or signals workflows by hand.

    ``how``: a live rebalance of an account under the id that a schedule makes, or under another account's id; or
    something that is no trigger, to the account's own id. Accounts are numbers to count them by.
    """

    how: Literal["schedule", "others_id", "bad_signal", "bad_start"]
    account: int
    other: int

    def __str__(self) -> str:
        return f"by hand: {self.how}, accounts {self.account} and {self.other}"


@dataclass(frozen=True)
class SecondInstallation:
    """For ``seconds`` a second Temporal and worker are at the same gateway, with a live event for an account."""

    seconds: float
    account: int

    def __str__(self) -> str:
        return f"a second installation for {self.seconds:.0f} s, account {self.account}"


Door = Takeover | PowerCut | PriceShock | MarketClosing | ForeignRun | SecondInstallation
DOORS: Final = (Takeover, PowerCut, PriceShock, MarketClosing, ForeignRun, SecondInstallation)


@dataclass(frozen=True)
class Drawn:
    """A door, and how long what it takes should be left alone: processes, or ``hours`` and ``second`` of its own."""

    door: Door
    takes: tuple[str, ...] = ()
    seconds: float = 0.0


class DoorChance:
    """Draws doors one after another; each knows what was drawn before."""

    def __init__(self, accounts: int, temporal: str, gateway: str, clients: Sequence[str]) -> None:
        """``clients`` are the processes that are on the user's machine beside Temporal's server."""
        self._accounts = accounts
        self._temporal = temporal
        self._gateway = gateway
        self._clients = tuple(clients)
        self._level: dict[str, float] = dict.fromkeys(SYMBOLS, 1.0)
        self._day_changes = 0
        self._drawers: Mapping[str, Callable[[random.Random], Drawn]] = {
            "shock": self._shock,
            "foreign": self._foreign,
            "takeover": self._takeover,
            "power": self._power_cut,
            "closing": lambda _: Drawn(MarketClosing(), ("hours",), CLOSED_TIME),
            "second": self._second,
        }

    def draw(self, chance: random.Random) -> Drawn:
        """The next one. Power cuts, closed markets and second installations are dear, and so they are rare."""
        kind = chance.choices(tuple(self._drawers), weights=(5, 4, 3, 2, 1, 2))[0]
        return self._drawers[kind](chance)

    def _takeover(self, chance: random.Random) -> Drawn:
        taken = (self._temporal, self._gateway, *self._clients)
        return Drawn(Takeover(round(chance.uniform(0.5, 4.0), 2)), taken, TAKEOVER_TIME)

    def _power_cut(self, chance: random.Random) -> Drawn:
        new_day = chance.random() < 0.4 and self._day_changes < DAY_CHANGES
        self._day_changes += new_day
        seconds = round(chance.uniform(1.0, 8.0), 2)
        taken = (self._temporal, self._gateway, *self._clients) if new_day else (self._temporal,)
        return Drawn(PowerCut(seconds, new_day), taken, seconds + 4.0)

    def _shock(self, chance: random.Random) -> Drawn:
        factors: dict[str, float] = {}
        for symbol in chance.sample(SYMBOLS, chance.randint(2, len(SYMBOLS))):
            size = chance.uniform(*SHOCK) * chance.choice((-1, 1))
            if abs(self._level[symbol] * (1 + size) - 1) > FURTHEST:
                size = -size
            factors[symbol] = round(1 + size, 4)
            self._level[symbol] *= factors[symbol]
        when = chance.choice(("closed", "at_order", "at_order", "restart"))
        return Drawn(PriceShock(factors, when), (self._gateway,) if when == "restart" else (), 3.0)

    def _foreign(self, chance: random.Random) -> Drawn:
        how = chance.choice(("schedule", "others_id", "others_id", "bad_signal", "bad_start"))
        account, other = chance.sample(range(self._accounts), 2)
        return Drawn(ForeignRun(how, account, other))

    def _second(self, chance: random.Random) -> Drawn:
        seconds = round(chance.uniform(10.0, 15.0), 1)
        door = SecondInstallation(seconds, chance.randrange(self._accounts))
        return Drawn(door, ("second",), seconds + 10.0)
