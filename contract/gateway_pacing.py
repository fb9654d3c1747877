"""How many messages a second go to one gateway: the limit of IBKR, and ours below it."""

from typing import Final

MESSAGES_ALLOWED: Final = 50
"""Messages a second that IBKR takes from a client; it hangs up on who sends more."""

MESSAGES_SENT: Final = 48
"""What ``ib_insync`` may send in any second; its own limit is 45."""
