"""Whether this release may take over, before it takes anything: nothing that is open is broken by it.

A run is pinned to the release that began it (Worker Versioning), so no code meets a history that it does not fit. What
would be left to nobody is found here, at the start, where somebody looks.
"""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Final

from temporalio.client import Client

from contract.releases import Release, polled_releases, release_in_charge, release_of
from rebalancing.errors import ReleaseRefused
from worker.clear_runs import tell_of_clear_runs
from worker.contact import patiently
from worker.replay_check import open_runs_of_others, replay_problem

log = logging.getLogger(__name__)

MOST_NAMED: Final = 5
"""Runs that a message names."""


@dataclass(frozen=True)
class Upgrade:
    """What an operator said at the start.

    ``beside``: runs that this release cannot go on with are left to a worker of theirs that runs too. ``roll_back``:
    this release takes over although a newer one did before.
    """

    beside: bool = False
    roll_back: bool = False


NOTHING_SAID: Final = Upgrade()


async def admitted(client: Client, own: Release, upgrade: Upgrade) -> bool:
    """Whether new runs are to begin with this release; where not, it only goes on with those that are its own.

    A server that is away is waited for. Raises ``ReleaseRefused`` where it must not run at all, and ``RPCError``.
    """
    return await patiently(partial(_may_take_over, client, own, upgrade))


async def _may_take_over(client: Client, own: Release, upgrade: Upgrade) -> bool:
    current = await release_in_charge(client)
    if current is not None and own.is_older_than(current) and not upgrade.roll_back:
        await require_polled(client, own, current)
        log.warning("release %s only goes on with its own runs: new ones begin with %s, which is newer", own, current)
        return False
    await _require_replay(client, own, upgrade)
    await tell_of_clear_runs(client)
    return True


async def require_polled(client: Client, own: Release, newer: Release) -> None:
    """Raise ``ReleaseRefused`` if nobody serves the newer release, with which new runs begin."""
    if newer in await polled_releases(client):
        return
    raise ReleaseRefused(
        f"Release {own} is older than {newer}, with which new rebalances begin, and no worker of that runs. Start the "
        "newer one, or go back for good with --roll-back: it takes over what it can replay, and is refused if there is "
        "more."
    )


async def _require_replay(client: Client, own: Release, upgrade: Upgrade) -> None:
    blocked: list[tuple[str, Release | None]] = []
    why = ""
    async for run in open_runs_of_others(client, own):
        if problem := await replay_problem(client, run.id, run.run_id):
            blocked.append((run.id, release_of(run)))
            why = why or problem
    if not blocked:
        return
    named = [f"{workflow_id} (begun by {release or 'a release without a name'})" for workflow_id, release in blocked]
    told = ", ".join(named[:MOST_NAMED]) + (f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else "")
    if upgrade.beside and all(release is not None for _, release in blocked):
        log.warning("left to workers of their own releases, which must run until they are over: %s", told)
        return
    raise ReleaseRefused(
        f"Release {own} cannot go on with these open runs: {told}. Of the first it is said: {why}. It was not started, "
        "and nothing was changed. Start the release that began them and let it bring them to their end, or cancel them "
        "there; then start this one. Or have both run side by side: docs/upgrading.md."
    )
