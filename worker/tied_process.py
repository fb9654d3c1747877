"""Child processes that end with their parent, even if it is killed: a server left behind would keep its port.

Run as a script it asks the kernel for that and then becomes the command. Only Linux offers it; elsewhere the child is
started as it is, and outlives a parent that is killed.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""The option of prctl(2) that has a signal sent to this process when its parent ends; it survives exec."""


def tied_to_this_process(command: list[str]) -> list[str]:
    """The command line that runs ``command`` (its first word a path) for as long as this process lives."""
    if not sys.platform.startswith("linux"):
        return command
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() == parent:  # else the parent has ended already, and its signal will never come
        os.execv(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
