"""``rebalancer notify test`` and what ``check`` says of alerts, as people run them, without Temporal."""

import json
from pathlib import Path

from starter.alerts.record import AlertRecord
from testbed.waiting import until
from tests.alert_receiver import SECRET, Receiver, listening
from tests.cli.command import ACCOUNTS, desk, up
from worker.temporal import connect_embedded

ALERTS = ACCOUNTS + "alerts: {receivers: {phone: urgent, mail: all}, templates: words}\n"


async def test_a_test_alert_goes_to_every_receiver(tmp_path: Path) -> None:
    async with listening(Receiver()) as phone, listening(Receiver()) as mail:
        own = desk(tmp_path, ALERTS, ALERT_PHONE_URL=phone.url, ALERT_MAIL_URL=mail.url)
        answer = await own.run("notify", "test")
        assert (answer.status, answer.errors) == (0, "")
        assert "took it" in answer.output
        await own.run("notify", "test", "mail")
    assert phone.titles == ["Test: alerts of the rebalancer arrive here"]
    assert len(mail.titles) == 2
    assert mail.texts[0].startswith("Sent to mail at ")


async def test_it_says_which_receiver_did_not_take_it_and_shows_no_address(tmp_path: Path) -> None:
    async with listening(Receiver(refuses=True)) as phone:
        (tmp_path / ".env").write_text(f"ALERT_PHONE_URL={phone.url}\nALERT_MAIL_URL=bogus://{SECRET}\n")
        own = desk(tmp_path, ALERTS)
        answer = await own.run("notify", "test", "--json")
    assert answer.status == 1
    told = {each["receiver"]: each["told"] for each in json.loads(answer.output)}
    said = "The receiver phone did not take it: its service answered 500."
    assert told["phone"] == f"{said} More: rebalancer explain ReceiverUnreached"
    assert told["mail"].startswith("ALERT_MAIL_URL is no address of a service that is known")
    assert SECRET not in answer.output + answer.errors


async def test_without_receivers_it_says_what_to_do(tmp_path: Path) -> None:
    answer = await desk(tmp_path, ACCOUNTS).run("notify", "test")
    assert answer.status == 2
    assert "name receivers under `alerts:`" in answer.errors
    unknown = await desk(tmp_path, ALERTS).run("notify", "test", "pager")
    assert unknown.status == 2
    assert "there is phone, mail" in unknown.errors


async def test_check_tells_of_receivers_and_broken_templates_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "failed.txt").write_text("{{ nothing")
    async with listening(Receiver()) as phone:
        own = desk(tmp_path, ALERTS, ALERT_PHONE_URL=phone.url)
        found = {each["name"]: each for each in json.loads((await own.run("check", "--json")).output)}
        told = found["alerts"]["told"]
        assert not found["alerts"]["ok"]
        assert "failed.txt" in told
        assert "set ALERT_MAIL_URL" in told
        (tmp_path / "words" / "failed.txt").unlink()
        own.variables["ALERT_MAIL_URL"] = phone.url
        found = {each["name"]: each for each in json.loads((await own.run("check", "--json")).output)}
        assert found["alerts"]["ok"], found["alerts"]
        assert SECRET not in str(found)
    assert phone.titles == []


async def test_up_tells_what_happens_and_says_that_a_stand_in_did_it(tmp_path: Path) -> None:
    accounts = ACCOUNTS + "alerts: {receivers: {mail: all}, digest_every: 0}\n"
    async with listening(Receiver()) as mail:
        own = desk(tmp_path, accounts, ALERT_MAIL_URL=mail.url)
        async with up(own, "--simulated"):
            await until(AlertRecord(await connect_embedded(f"127.0.0.1:{own.port}")).born)
            answer = await own.run("run", "DU1000001", "--live", "--wait", "--yes")
            assert answer.status == 0, answer.errors
            await until(lambda: any("rebalanced" in title for title in mail.titles))
    (completed,) = [title for title in mail.titles if "rebalanced" in title]
    assert completed.startswith("SIMULATED: DU1000001: rebalanced, drift ")
