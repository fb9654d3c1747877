"""How long a visit to the gateway may take, whoever asks for it."""

from datetime import timedelta
from typing import Final

VISIT_TIMEOUT: Final = timedelta(seconds=60)
"""One visit to the gateway's slot: several requests of 10 s each at the very worst."""

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=2)
"""A worker that was killed is noticed after this long, and what it did is taken over."""
