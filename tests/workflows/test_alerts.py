"""Alerts on their way: each receiver once, whatever becomes of the others, and no address anywhere."""

import asyncio
import logging
import random
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.worker import Replayer

from activities.alerts import bursts
from configuration.alert_settings import AlertSettings
from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from contract.alerts import ALERT_WORKFLOW_TYPE, DIGEST_WORKFLOW_TYPE, OVER_SIGNAL
from contract.payloads import DATA_CONVERTER
from rebalancing.alerts import AlertKind
from testbed.waiting import until
from tests.alert_receiver import SECRET, Receiver, listening
from tests.readable_histories import unreadable
from tests.workflows.alerting import Alerting, alert, alerting, over
from tests.workflows.restoring import Restorable
from worker.temporal import connect_embedded
from workflows.alert import AlertWorkflow
from workflows.alert_digest import AlertDigest
from workflows.sandbox import watched_runner

FAILED = "DU1: rebalance FAILED"


async def replayed(own: Alerting) -> int:
    """Replay everything that the server knows of alerts, and read its steps; how many workflows that were."""
    replayer = Replayer(
        workflows=[AlertWorkflow, AlertDigest], workflow_runner=watched_runner(), data_converter=DATA_CONVERTER
    )
    histories: list[WorkflowHistory] = []
    async for execution in own.client.list_workflows(
        f"WorkflowType IN ('{ALERT_WORKFLOW_TYPE}', '{DIGEST_WORKFLOW_TYPE}')"
    ):
        histories.append(await own.client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history())
    for history in histories:
        await replayer.replay_workflow(history)
        assert unreadable(history) == []
    return len(histories)


async def test_an_urgent_alert_is_told_at_once_to_whoever_is_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as phone, listening(Receiver()) as mail, listening(Receiver()) as other:
        receivers = {"phone": phone, "mail": mail, "other": other}
        async with alerting(monkeypatch, receivers, {"phone": "urgent", "other": ["halted"]}) as own:
            result = await (await own.start(alert(AlertKind.FAILED, reason="no targets"))).result()
            assert set(result.told) == {"phone", "mail"}
            assert await replayed(own) == 1
    assert phone.titles == mail.titles == [FAILED]
    assert phone.texts[0].splitlines()[0] == "Reason: no targets"
    assert other.titles == []


async def test_a_receiver_that_is_away_gets_it_afterwards_once_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        listening(Receiver(refuses=True)) as phone,
        listening(Receiver()) as mail,
        alerting(monkeypatch, {"phone": phone, "mail": mail}) as own,
    ):
        handle = await own.start(alert(AlertKind.FAILED))
        await until(lambda: phone.refused > 1)
        assert mail.titles == [FAILED]
        phone.refuses = False
        assert set((await handle.result()).told) == {"phone", "mail"}
        assert SECRET not in await own.everything()
    assert phone.titles == mail.titles == [FAILED]
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


async def test_a_receiver_without_an_address_fails_at_once_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as mail, alerting(monkeypatch, {"phone": None, "mail": mail}) as own:
        result = await (await own.start(alert(AlertKind.FAILED))).result()
        assert result.told == ("mail",)
        assert "set ALERT_PHONE_URL" in result.not_told["phone"]
    assert mail.titles == [FAILED]


async def test_a_state_that_lasts_is_told_once_and_so_is_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    away = alert(AlertKind.GATEWAY_AWAY, subject="gateway east")
    back = over(AlertKind.GATEWAY_BACK)
    async with listening(Receiver()) as mail, alerting(monkeypatch, {"mail": mail}) as own:
        handle = await own.start(away, lasts=True)
        await until(lambda: mail.titles)
        with pytest.raises(WorkflowAlreadyStartedError):
            await own.start(away, lasts=True)
        await handle.signal(OVER_SIGNAL, back)
        await handle.signal(OVER_SIGNAL, back)
        await handle.result()
        assert await replayed(own) == 1
    assert mail.titles == ["gateway east is away since unknown", "gateway east is back"]


async def test_the_end_of_a_state_waits_for_its_beginning_at_each_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    away, back = alert(AlertKind.LISTENER_AWAY), over(AlertKind.LISTENER_BACK)
    async with (
        listening(Receiver(refuses=True)) as phone,
        listening(Receiver()) as mail,
        alerting(monkeypatch, {"phone": phone, "mail": mail}) as own,
    ):
        handle = await own.start(away, lasts=True)
        await handle.signal(OVER_SIGNAL, back)
        await until(lambda: len(mail.titles) == 2)
        assert phone.titles == []
        phone.refuses = False
        await handle.result()
    assert phone.titles == mail.titles == ["The listener is away", "The listener is back"]


async def test_a_state_that_returns_soon_is_not_told_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    away, back = alert(AlertKind.LISTENER_AWAY), over(AlertKind.LISTENER_BACK)
    async with listening(Receiver()) as mail, alerting(monkeypatch, {"mail": mail}) as own:
        handle = await own.start(away, lasts=True, quiet=3600)
        await handle.signal(OVER_SIGNAL, back)
        await until(lambda: len(mail.titles) == 2)
        with pytest.raises(WorkflowAlreadyStartedError):
            await own.start(away, lasts=True, quiet=3600)


async def test_what_is_not_urgent_is_told_together_and_of_each_run_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as mail, listening(Receiver()) as phone:
        receivers = {"mail": mail, "phone": phone}
        async with alerting(monkeypatch, receivers, {"phone": "urgent"}, digest_every=3) as own:
            for kind in (AlertKind.STARTED, AlertKind.WAITS_FOR_OPEN):
                await (await own.start(alert(kind, "r1", run_id="r1"))).result()
            await (await own.start(alert(AlertKind.STARTED, "r2", run_id="r2", account="DU2"))).result()
            await until(lambda: mail.titles)
            assert await replayed(own) == 5
    assert mail.titles == ["Rebalancer: 2 messages (times in UTC)"]
    told = [line.partition(": ")[2] for line in mail.texts[0].splitlines()[:2]]
    assert told == ["DU1: waits for the market to open", "DU2: rebalance started"]
    assert phone.titles == []


async def test_nothing_is_lost_between_two_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    count = 60
    async with listening(Receiver()) as mail, alerting(monkeypatch, {"mail": mail}, digest_every=0.05) as own:
        for number in range(count):
            await own.start(alert(AlertKind.STARTED, str(number), account=f"DU{number}"))
            await asyncio.sleep(chance.uniform(0, 0.05))  # the moment is what is tried here
        await until(lambda: sum(text.count("rebalance started") for text in mail.texts) >= count)
        lines = [line.partition(": ")[2] for text in mail.texts for line in text.splitlines() if "started" in line]
    assert sorted(lines) == sorted(f"DU{number}: rebalance started" for number in range(count))
    assert len(mail.titles) > 3


async def test_without_a_digest_everything_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Receiver()) as mail, alerting(monkeypatch, {"mail": mail}, digest_every=0) as own:
        await (await own.start(alert(AlertKind.STARTED))).result()
        assert mail.titles == ["DU1: rebalance started"]


async def test_a_crowd_of_urgent_alerts_is_told_together_but_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts, "WINDOW", timedelta(seconds=10))
    count = 150
    async with listening(Receiver()) as phone, alerting(monkeypatch, {"phone": phone}, {"phone": "urgent"}) as own:
        crowd = (own.start(alert(AlertKind.FAILED, str(n), account=f"DU{n}", run_id=f"r{n}")) for n in range(count))
        await asyncio.gather(*crowd)
        await until(lambda: told_in(phone) >= count)
    assert told_in(phone) == count
    assert bursts.AT_ONCE < len(phone.titles) < count / 2


def told_in(receiver: Receiver) -> int:
    """How many alerts a receiver has had, alone or in digests."""
    digests = (re.search(r"(\d+) message", title) for title in receiver.titles)
    return sum(int(found[1]) if found else 1 for found in digests)


async def test_many_that_wait_for_a_dead_receiver_are_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts, "AT_ONCE", 1000)
    async with dead() as port, listening(Receiver()) as mail:
        silent = Receiver(port=port)
        async with alerting(monkeypatch, {"phone": silent, "mail": mail}) as own:
            for number in range(40):
                await own.start(alert(AlertKind.FAILED, str(number)))
            await until(lambda: len(mail.titles) == 40)


@asynccontextmanager
async def dead() -> AsyncGenerator[int]:
    """A server that takes everything in and never answers; yields its port."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_server_that_was_away_is_told_from_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Restorable(tmp_path)
    async with listening(Receiver(refuses=True)) as mail:
        monkeypatch.setenv("ALERT_MAIL_URL", mail.url)
        alerts = AlertSettings.model_validate({"receivers": {"mail": "all"}})
        in_use = ConfigurationInUse(Configuration(accounts=(), alerts=alerts))
        client = await connect_embedded(await server.start())
        own = Alerting(server.address, client, in_use)
        async with own.working():
            await own.start(alert(AlertKind.FAILED, "before"))
            await until(lambda: mail.refused)
            await server.stop()
            mail.refuses = False
            await server.start()
            await until(lambda: mail.titles)
            handle = await own.start(alert(AlertKind.CANCELLED, "after"))
            await handle.result()
        await server.stop()
    assert mail.titles == [FAILED]
