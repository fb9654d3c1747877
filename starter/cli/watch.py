"""Says on standard error how far a rebalance is that a command waits for."""

import asyncio
from typing import Final

from contract.status import Status
from starter.cli.console import error_console

NO_ANSWER_AFTER: Final = 5.0
"""Seconds without an answer after which people are told that no worker seems to run."""


class Watch:
    """Prints a line whenever a rebalance enters another phase, and once if nobody answers."""

    def __init__(self) -> None:
        self._console = error_console()
        self._shown = ""
        self._asked_since = asyncio.get_running_loop().time()
        self._has_warned = False

    def show(self, status: Status | None) -> None:
        """Take in where it stands now; ``None`` is no answer."""
        now = asyncio.get_running_loop().time()
        if status is None:
            if now - self._asked_since > NO_ANSWER_AFTER and not self._has_warned:
                self._has_warned = True
                self._console.print(
                    "No worker answers. The request is safe and is carried out once one runs (`rebalancer worker`).",
                    style="yellow",
                )
            return
        self._asked_since = now
        line = f"{status.phase.value} {status.detail}".strip()
        if line != self._shown:
            self._shown = line
            self._console.print(f"{status.account}  {line}", markup=False)
