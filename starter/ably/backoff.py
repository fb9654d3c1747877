"""Waiting longer after each failure, with jitter so that many clients do not return at the same moment."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `base`, then each twice the one before, up to `maximum`; as much as half is left to chance.

    `chance` returns values in [0, 1).
    """

    base: float
    maximum: float
    chance: Callable[[], float] = random.random
    _failures: int = 0

    def next(self) -> float:
        """The delay after one more failure, in seconds."""
        # The exponent is capped because a float overflows long before a patient service gives up.
        delay = min(self.maximum, self.base * 2 ** min(self._failures, 64))
        self._failures += 1
        return delay * (1 - self.chance() / 2)

    def reset(self) -> None:
        """Start again with `base`: what failed has worked."""
        self._failures = 0
