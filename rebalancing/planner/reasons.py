"""Why a symbol is traded, or left as it is."""

from enum import StrEnum


class Reason(StrEnum):
    """The reason of one line of a plan, in the words people read."""

    OVER_TARGET = "over target"
    UNDER_TARGET = "under target"
    PAYS_FOR_ANOTHER = "pays for a share of a symbol that is further from its target"
    NOT_IN_TARGETS = "not in the targets"
    REPLACED = "replaced"
    SHORT = "covers a short position"
    ON_TARGET = "on target"
    WITHIN_BAND = "within the tolerance band"
    BELOW_MINIMUM = "below the minimum order value"
    NO_WHOLE_SHARE = "no whole share fits"
    NO_CASH = "no cash above the reserve"
    ONLY_CASH = "a sale would only add to the idle cash"
    TURNOVER = "the maximum turnover is reached"
    NOT_WORTH_IT = "mending the drift costs more than it is worth"
    HELD_OUT = "held out"
    NEVER_BOUGHT = "may not be bought"
    NEVER_SOLD = "may not be sold"
    FRACTION = "a fraction of a share, which the API refuses to trade (10243)"
