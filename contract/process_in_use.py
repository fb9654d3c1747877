"""What a running process says of itself, as whoever asks which processes run is told it.

Each says so in the identity with which it polls a queue that nothing is ever put on: the server tells who polls a
queue, and forgets who does not any more. That leaves no history, and shows nothing that has ended.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple

POLL: Final = timedelta(seconds=20)
"""How long one poll lasts; each is a sign of life."""

LONGEST_IDENTITY: Final = 900
"""Characters; the server takes a thousand."""

REFUSED: Final = "; REFUSED: "


class Role(StrEnum):
    """What a process is started as."""

    WORKER = "worker"
    LISTENER = "listener"
    API = "api"


class ProcessInUse(NamedTuple):
    """What a process is, which configuration it goes by, and what is wrong with its file if it is."""

    name: str
    told: str
    problem: str

    @classmethod
    def of(cls, identity: str) -> "ProcessInUse":
        """What an identity says."""
        name, _, rest = identity.partition(": ")
        told, _, problem = rest.partition(REFUSED)
        return cls(name, told, problem)

    @property
    def identity(self) -> str:
        """As it is said to the server."""
        problem = f"{REFUSED}{' '.join(self.problem.split())}" if self.problem else ""
        return f"{self.name}: {self.told}{problem}"[:LONGEST_IDENTITY]

    def __str__(self) -> str:
        known = f"{self.name} goes by {self.told}"
        return f"{known}, because what came after it is refused: {self.problem}" if self.problem else known
