"""Releases of this program as trees of source of their own, and workers of each as processes beside each other."""

import json
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from testbed.addresses import clean_environment, gateway_at
from testbed.child_process import ChildProcess
from testbed.installation import REBALANCER
from tests.cli.command import Desk
from tests.house import Holding, House, house
from tests.source_tree import APPLICATION, ROOT

PACKAGES: Final = (
    "rebalancing",
    "configuration",
    "contract",
    "workflows",
    "activities",
    "worker",
    "testbed",
    "starter",
)


class Change(NamedTuple):
    """One text of a file that is another in a release."""

    file: str
    before: str
    after: str


_READING: Final = "        self._state.enter(Phase.READING)\n        targets = "
_STEP: Final = "await local_calls.held_by(self.account.account_id)"

UNCHECKED: Final = Change("worker/replay_check.py", "if failure is not None else", "if False else")
"""No look at whether open runs can be gone on with: what the check at the start spares an operator."""

PATCHED_STEP: Final = Change(
    "workflows/rebalance.py",
    _READING,
    f'        if workflow.patched("one-more-look"):\n            {_STEP}\n{_READING}',
)
"""One more recorded step before each reading, as a release adds one: old histories go on without it."""

BARE_STEP: Final = Change("workflows/rebalance.py", _READING, f"        {_STEP}\n{_READING}")
"""The same step without that: whoever has read already cannot be replayed by such a release."""


def release(folder: Path, version: str, *changes: Change) -> Path:
    """A tree of source that says it is this version: this one, but for these changes."""
    for package in (*APPLICATION, "testbed", "simulator"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for change in changes:
        path = folder / change.file
        text = path.read_text()
        assert text.count(change.before) == 1, f"{change.file} has changed: the test needs another place"
        path.write_text(text.replace(change.before, change.after))
    metadata = folder / f"rebalancer-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: rebalancer\nVersion: {version}\n")
    return folder


@dataclass
class Site:
    """Server and simulated gateway of a test, and a folder in which workers of any release are started."""

    house: House
    folder: Path
    variables: Mapping[str, str]
    _workers: list[ChildProcess] = field(default_factory=list[ChildProcess])

    async def worker(self, name: str, tree: Path, *options: str) -> ChildProcess:
        """A worker of this release; it is ended with the test."""
        environment = {**clean_environment(), **self.variables, "PYTHONPATH": str(tree)}
        worker = ChildProcess(name, [REBALANCER, "worker", *options], self.folder, environment)
        self._workers.append(worker)
        await worker.start()
        return worker

    def said(self, worker: ChildProcess) -> str:
        """What it wrote until now, on one line."""
        return " ".join((self.folder / f"{worker.name}.log").read_text().split())

    @property
    def desk(self) -> Desk:
        """The commands of this tree's own release."""
        return Desk(self.folder, {**self.variables, "PYTHONPATH": str(ROOT)})

    async def standing(self, account: str) -> dict[str, Any]:
        """What ``status`` tells of an account."""
        (told,) = await self.desk.standings(account)
        return told

    async def end(self) -> None:
        """End every worker that runs."""
        for worker in self._workers:
            await worker.stop()


@asynccontextmanager
async def site(folder: Path, accounts: Mapping[str, Holding], **gateway: Any) -> AsyncGenerator[Site]:
    """Server and gateway in this process, no worker yet."""
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(house(accounts, workers=0, **gateway))
        _write_accounts(folder, own)
        variables = {**own.variables, **gateway_at(own.gateway.port)}
        built = Site(own, folder, {**variables, "ACCOUNTS_FILE": str(folder / "accounts.yaml")})
        stack.push_async_callback(built.end)
        yield built


def _write_accounts(folder: Path, own: House) -> None:
    accounts = [account.model_dump(mode="json", exclude_unset=True) for account in own.configuration.accounts]
    settings = own.configuration.settings.model_dump(mode="json", exclude_unset=True)
    (folder / "accounts.yaml").write_text(json.dumps({**settings, "accounts": accounts}, indent=1))
