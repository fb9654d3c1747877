"""The gateway's limit on incoming messages, as a token bucket.

A window that slides over the last second would turn away clients that send 45 messages at once, once a second; the
real gateway does not, so the allowance refills steadily instead.
"""

from datetime import datetime

from simulator.gateway.scenario import PacingSetup


class TokenBucket:
    """Allowance of one connection."""

    def __init__(self, setup: PacingSetup, now: datetime) -> None:
        self._setup = setup
        self._tokens = float(setup.capacity)
        self._last = now
        self.violations = 0

    def take(self, now: datetime) -> bool:
        """Use up one message; ``False``, counted as a violation, when there is none left."""
        self._refill(now)
        if self._tokens < 1:
            self.violations += 1
            return False
        self._tokens -= 1
        return True

    def take_in_turn(self, now: datetime) -> float:
        """Use up one message, even one that is not there yet; the seconds after which it will be."""
        self._refill(now)
        self._tokens -= 1
        return max(-self._tokens, 0.0) / self._setup.per_second

    def _refill(self, now: datetime) -> None:
        passed = max((now - self._last).total_seconds(), 0.0)
        self._tokens = min(self._tokens + passed * self._setup.per_second, float(self._setup.capacity))
        self._last = now

    @property
    def exhausted(self) -> bool:
        """Whether the client has overdone it so often that it is disconnected."""
        return self.violations >= self._setup.violations
