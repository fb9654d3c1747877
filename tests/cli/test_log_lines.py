"""Lines of the log say which account, event and run they are about, to people and to programs."""

import json
import logging
import sys
from pathlib import Path

import httpx

from starter.cli.log_lines import ABOUT, LONGEST, JsonLine, whereabouts, with_whereabouts
from testbed.waiting import until
from tests.cli.command import desk, service
from worker.free_ports import free_ports

SECRET = "app.key:very-secret"


def record(message: str, **about: str) -> logging.LogRecord:
    """A record as the handlers get it."""
    made = logging.makeLogRecord({"name": "starter", "levelname": "INFO", "msg": message, **about})
    with_whereabouts(made)
    return made


def test_a_line_for_programs_is_one_object_of_bounded_length() -> None:
    line = JsonLine().format(record("two\nlines" + "x" * 10_000, account="DU1", event='e"1', run="r"))
    assert "\n" not in line
    told = json.loads(line)
    assert {name: told[name] for name in ABOUT} == {"account": "DU1", "event": 'e"1', "run": "r"}
    assert len(told["message"]) == LONGEST + 1


def test_a_line_about_nothing_says_nothing_of_it() -> None:
    assert json.loads(JsonLine().format(record("begun"))).keys() == {"time", "level", "logger", "message"}
    assert whereabouts(record("begun")) == ""


def test_a_traceback_is_in_the_same_line() -> None:
    try:
        raise ValueError("nobody foresaw it")
    except ValueError:
        made = record("went wrong")
        made.exc_info = sys.exc_info()
    told = json.loads(JsonLine().format(made))
    assert told["traceback"].endswith("ValueError: nobody foresaw it")


def test_people_are_told_what_the_message_does_not_say() -> None:
    assert whereabouts(record("DU1: sent", account="DU1", event="e1", run="0123456789")) == "event e1, run 01234567"
    assert whereabouts(record("sent for e1", account="DU1", event="e1")) == "DU1"


async def test_every_line_of_a_service_is_json_where_that_is_asked_for(tmp_path: Path) -> None:
    port, ui_port, http_port = free_ports(3)
    own = desk(tmp_path, LOG_FORMAT="json", ALLOCATIONS_API_KEY=SECRET, TEMPORAL_ADDRESS=f"127.0.0.1:{port}")
    ports = ("--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port))
    async with service(own, "up", "--simulated", *ports) as told, httpx.AsyncClient(trust_env=False) as client:
        await told.until("connected to the gateway")
        asked = f"http://127.0.0.1:{http_port}/rebalance/DU1000001"
        answer = await client.post(
            asked, json={"execution_mode": "rebalance"}, headers={"Idempotency-Key": "may"}, timeout=60
        )
        assert answer.json()["status"] == "success", answer.text
        await until(lambda: "completed" in told.errors)
    lines = [
        json.loads(line) for line in told.errors.splitlines() if not line.startswith(("Temporal on ", "A key was made"))
    ]
    assert SECRET not in told.errors
    of_run = [line for line in lines if line.get("run")]
    assert {line["account"] for line in of_run} == {"DU1000001"}
    assert len({line["run"] for line in of_run}) == 1
    assert {line["event"] for line in of_run if line["logger"].startswith("temporalio.workflow")} == {"may"}
    assert [line for line in of_run if "sent BUY" in line["message"]]
