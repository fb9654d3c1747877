"""What every model of the domain shares: immutability, and money that is exact (promise P9)."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Money = Decimal
"""An amount or a price in US dollars."""

Weight = Annotated[Decimal, Field(ge=0, le=1)]
"""A share of the base, between 0 and 1."""

Percent = Annotated[Decimal, Field(ge=0, le=100)]
"""A percentage between 0 and 100."""

CENT: Final = Decimal("0.01")
WEIGHT_PLACES: Final = Decimal("0.000001")
PERCENT_PLACES: Final = Decimal("0.0001")
"""To what amounts, weights and percentages are rounded that people read."""

NUMBER_LENGTH: Final = 40
"""Characters of the longest number that is read from files and publishers: beyond all amounts, weights and seconds."""

Instant = AwareDatetime
"""A moment in time with its zone."""


class FrozenModel(BaseModel):
    """An immutable value.

    Unknown fields are ignored on purpose: a payload written by a newer worker must stay readable to an older one. NaN
    and infinity are refused in every number.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class ConfiguredModel(FrozenModel):
    """What is written in ``accounts.yaml``. The text below a field is its description, for documents and editors."""

    model_config = ConfigDict(use_attribute_docstrings=True)
