"""What the gateway's message codes mean for an order or for the connection.

Source: IBKR's TWS API page on message codes, and recordings of a gateway. ``ib_insync`` marks a trade cancelled on any
error; these sets are why we judge by code instead.
"""

from typing import Final

REJECTIONS: Final = frozenset(
    {109, 110, 113, 163, 200, 201, 203, 321, 354, 383, 387, 388, 434, 451, 460, 10243, 10289, 10293, 10329}
)
"""The order was refused and will not work: 201 is the general refusal, the others name one rule each."""

ID_USED_BEFORE: Final = frozenset({103, 104})
"""The id belongs to another order, or to this one if it went out before; the order that was sent now was not taken."""

LINK_LOST: Final = frozenset({1100, 2110})
"""The gateway lost IBKR; the socket stays open."""

LINK_RESTORED: Final = frozenset({1101, 1102})
"""The gateway has IBKR again. What it pushed meanwhile may be missing, so we connect afresh and ask again."""

JUST_INFORMATION: Final = frozenset(range(2100, 2170))
"""About the state of data farms and the like: nothing follows from them."""

SAID_BY_GATEWAY: Final = "activities.gateway.said"
"""The logger for what the gateway says of itself."""

CLIENT_ID_IN_USE: Final = 326
"""Another session holds our client id: the fence that keeps one writer per gateway (promise P4)."""

MARKET_DATA_FARM: Final = 2104
SIMULATED_FARM: Final = "simulated"
"""The market data farm that the stand-in names when one connects to it (2104); IBKR has none of that name."""

WHAT_TO_DO: Final = {
    321: "If it speaks of Read-Only: switch 'Read-Only API' off in the gateway's API settings.",
    203: "The account may not trade this; map the symbol to another with a replacement set.",
}
"""What an operator can do about a refusal whose own words do not say it."""

COMPETING_SESSION: Final = 10197
"""The same user name is logged in elsewhere and has the market data."""

NOT_THE_END_OF_QUOTES: Final = frozenset({300, 10090, 10167})
"""About a request for quotes that goes on: delayed ones are shown (10167), part of them is missing (10090)."""

WHAT_QUOTES_NEED: Final = {
    101: "all of the login's market data lines are in use: close some in TWS",
    354: "the login has no market data for it",
    10089: "the login has no market data for it that the API may have",
    10168: "the login has neither live nor delayed market data for it",
    COMPETING_SESSION: "the same user is logged in elsewhere and has the market data: log out there",
}
"""What an operator can do about the end of a request for quotes."""
