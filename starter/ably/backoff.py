"""Waiting longer after each failure, with jitter so that many clients do not return at the same moment."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `base`, then each `multiplier` times the one before, up to `maximum`.

    `jitter` is the share of each delay that is left to chance (0 to 1); `chance` returns values in [0, 1).
    """

    base: float
    maximum: float
    multiplier: float = 2.0
    jitter: float = 0.5
    chance: Callable[[], float] = random.random
    _failures: int = 0

    def next(self) -> float:
        """The delay after one more failure, in seconds."""
        # The exponent is capped because a float overflows long before a patient service gives up.
        delay = min(self.maximum, self.base * self.multiplier ** min(self._failures, 64))
        self._failures += 1
        return delay * (1 - self.jitter * self.chance())

    def reset(self) -> None:
        """Start again with `base`: what failed has worked."""
        self._failures = 0
