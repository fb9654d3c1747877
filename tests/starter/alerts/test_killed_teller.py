"""kill -9 of the worker process in between: each alert arrives once all the same, also when a receiver was dead."""

import asyncio
import random
from pathlib import Path

import pytest

from rebalancing.outcomes import Phase
from starter.alerts.record import AlertRecord
from testbed.waiting import until
from tests.alert_receiver import SECRET, Receiver, listening
from tests.cli.command import Desk
from tests.house import Holding, House, house
from tests.workflows.test_killed_worker import ACCOUNTS, kill, worker_desk

ALERTS = ACCOUNTS + "alerts: {receivers: {mail: all, phone: urgent}, digest_every: 0}\n"


def telling_desk(folder: Path, own: House, mail: Receiver, phone: Receiver) -> Desk:
    """Where worker processes are started that tell these receivers."""
    desk = worker_desk(folder, own, ALERTS)
    desk.variables |= {"ALERT_MAIL_URL": mail.url, "ALERT_PHONE_URL": phone.url}
    return desk


async def ended(process: asyncio.subprocess.Process) -> str:
    """kill -9; all that it had said."""
    process.kill()
    output, errors = await process.communicate()
    return (output + errors).decode()


async def test_an_alert_that_a_killed_worker_could_not_deliver_arrives_once(tmp_path: Path) -> None:
    async with (
        listening(Receiver(refuses=True)) as mail,
        listening(Receiver()) as phone,
        house({"DU1": Holding()}, workers=0) as own,
    ):
        desk = telling_desk(tmp_path, own, mail, phone)
        first = await desk.start("worker")
        await until(AlertRecord(own.client).born)
        result = await (await own.trigger("DU1")).result()
        await until(lambda: mail.refused > 1)
        said = await ended(first)
        mail.refuses = False
        second = await desk.start("worker")
        try:
            await until(lambda: mail.titles)
            await until(lambda: nothing_under_way(own))
        finally:
            said += await ended(second)
    assert result.outcome is not None
    assert result.outcome.phase is Phase.COMPLETED
    completed = [title for title in mail.titles if "rebalanced, drift" in title]
    assert len(completed) == 1
    assert len(mail.titles) == len(set(mail.titles))
    assert phone.titles == []
    assert SECRET not in said


async def test_what_happens_while_no_worker_runs_is_told_by_the_next(tmp_path: Path) -> None:
    async with listening(Receiver()) as mail, listening(Receiver()) as phone, house({"DU1": Holding()}) as own:
        desk = telling_desk(tmp_path, own, mail, phone)
        first = await desk.start("worker")
        await until(AlertRecord(own.client).born)
        await kill(first)
        await (await own.trigger("DU1")).result()
        second = await desk.start("worker")
        try:
            await until(lambda: mail.titles)
            await until(lambda: nothing_under_way(own))
        finally:
            await kill(second)
    assert ["rebalanced, drift" in title for title in mail.titles] == [True]


async def nothing_under_way(own: House) -> bool:
    """Whether every alert was told."""
    return (await own.client.count_workflows("WorkflowType = 'Alert' AND ExecutionStatus = 'Running'")).count == 0


@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
async def test_each_alert_arrives_once_however_the_processes_are_killed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with (
        listening(Receiver()) as mail,
        listening(Receiver()) as phone,
        house({"DU1": Holding()}) as own,
    ):
        desk = telling_desk(tmp_path, own, mail, phone)
        workers = [await desk.start("worker"), await desk.start("worker")]
        await until(AlertRecord(own.client).born)
        for number in range(5):
            await (await own.trigger("DU1", f"event-{number}")).result()
            mail.refuses = chance.random() < 0.5
            await asyncio.sleep(chance.uniform(0, 6))  # the moment is what is tried here
            victim = chance.randrange(2)
            await kill(workers[victim])
            workers[victim] = await desk.start("worker")
            mail.refuses = False
        try:
            await until(lambda: sum("rebalanced" in title for title in mail.titles) >= 5)
            await until(lambda: nothing_under_way(own))
        finally:
            for worker in workers:
                await kill(worker)
    assert sum("rebalanced" in title for title in mail.titles) == 5
