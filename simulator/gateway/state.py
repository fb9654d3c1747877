"""What survives a restart of the simulated gateway: books, orders, trade log, counters, prices. Stored as JSON."""

from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from simulator.files import read_text
from simulator.gateway.ledger import Ledger
from simulator.gateway.orders import Execution, Order


class StateError(ValueError):
    """A state file cannot be used; the message says which and why."""


class GatewayState(BaseModel):
    """Everything the engine must remember. ``high_water`` is the highest order id used, per client id."""

    model_config = ConfigDict(extra="forbid")

    accounts: list[Ledger]
    orders: list[Order] = []
    executions: list[Execution] = []
    high_water: dict[int, int] = {}
    next_perm_id: int
    next_execution: int = 1
    prices: dict[str, Decimal] = {}

    def save(self, path: Path) -> None:
        """Write the state in one step: a reader never meets half a file."""
        partial = path.with_suffix(path.suffix + ".partial")
        partial.write_text(self.model_dump_json(), encoding="utf-8")
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "GatewayState":
        """Read a saved state; raise `StateError` when it is none."""
        try:
            return cls.model_validate_json(read_text(path))
        except (OSError, ValidationError) as error:
            raise StateError(f"{path}: no usable gateway state: {error}") from error

    def with_order_ids_rolled_back(self, count: int) -> "GatewayState":
        """The same state with every client's order id counter set back, as some gateway restarts do."""
        rolled = {client: max(0, highest - count) for client, highest in self.high_water.items()}
        return self.model_copy(update={"high_water": rolled}, deep=True)
