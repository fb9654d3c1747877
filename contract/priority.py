"""Who goes first in the gateway's slot. A lower number goes before a higher one, as Temporal has it (1 to 5)."""

from typing import Final

OPERATOR: Final = 1
"""What a person asks for and waits for goes before everything else (``rebalancer positions``, cancels)."""

FINISHING: Final = 2
"""Orders and the buy leg go before anything that only begins a rebalance."""

BEGINNING: Final = 4

IDLE: Final = 5
"""What is read before anybody needs it: only when nothing else waits."""
