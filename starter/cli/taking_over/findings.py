"""What became of something that an old file says."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Fate(StrEnum):
    """What became of it."""

    TAKEN = "taken over"
    """It means the same here."""
    CHANGED = "changed"
    """It is written otherwise here, or means something else."""
    NO_EQUAL = "no equal"
    """It is left out."""
    TO_DO = "to do"
    """Somebody has to do something."""


class Finding(NamedTuple):
    """One of them. ``told`` is for people, and has no secret in it."""

    where: str
    what: str
    fate: Fate
    told: str

    def as_json(self) -> Mapping[str, str]:
        """For programs."""
        return {"where": self.where, "what": self.what, "fate": self.fate.value, "told": self.told}
