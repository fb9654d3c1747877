"""A process of its own that is started, killed, frozen and started again; always by its own process id."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from worker.tied_process import tied_to_this_process

ORDERLY_END: Final = 15.0
"""Seconds a process may take to end after SIGTERM, before it is killed."""


class ChildProcess:
    """A command that should run. It ends with this process, even if that is killed."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Output goes to ``<name>.log`` in ``folder``, which is also where the command runs."""
        self.name = name
        self.own_ends = 0
        """How often it ended although nobody asked for that."""
        self._command = list(command)
        self._folder = folder
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._frozen = False

    @property
    def is_running(self) -> bool:
        """Whether the process exists and is not frozen."""
        return self._process is not None and self._process.returncode is None and not self._frozen

    @property
    def process_id(self) -> int:
        """The id of the process, or of the last one. Raises ``RuntimeError`` before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    async def start(self, *more: str) -> None:
        """Start the command, with more arguments for this time only; nothing happens if it runs already."""
        if self._process is not None and self._process.returncode is None:
            return
        with (self._folder / f"{self.name}.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tied_to_this_process([*self._command, *more]),
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the parent alone, which ends its children itself.
                start_new_session=True,
            )
        self._frozen = False

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self._send(signal.SIGKILL) and self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM; what has not ended in time is killed."""
        self.thaw()
        if not self._send(signal.SIGTERM) or self._process is None:
            return
        try:
            async with asyncio.timeout(ORDERLY_END):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def ended(self, within: float) -> int:
        """Its exit status once it has ended by itself. Raises ``TimeoutError`` after so many seconds."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        async with asyncio.timeout(within):
            return await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its sockets and does nothing."""
        self._frozen = self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._frozen:
            self._send(signal.SIGCONT)
        self._frozen = False

    async def revive(self) -> bool:
        """Start it again if it ended by itself; whether that was so."""
        if self._process is None or self._process.returncode is None:
            return False
        self.own_ends += 1
        await self.start()
        return True

    def _send(self, number: signal.Signals) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        os.kill(self._process.pid, number)
        return True
