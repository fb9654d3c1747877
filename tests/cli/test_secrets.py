"""Secrets are nowhere but where they are given: a rebalance and failures by real processes, and all is searched.

So is the number of an account that has an alias.
"""

import asyncio
import os
from base64 import b64encode
from pathlib import Path

import httpx
import pytest

from configuration.key_ring import line_of, new_key
from testbed.addresses import temporal_at
from testbed.waiting import until
from tests.alert_receiver import SECRET, Receiver, listening
from tests.cli.command import Desk, desk, service
from tests.starter.web.opened_ports import on_linux
from worker.free_ports import free_ports

pytestmark = [pytest.mark.timeout(300), on_linux]

NUMBER, TYPED = "DU1000001", ("arguments",)
"""An account's number, and where it is because somebody typed it."""

API_KEY = "plantedAllocationsKey9471"
ABLY = "plantedAblySecret9472"
PASSWORD = "plantedPassword9473"

ACCOUNTS = """\
concurrency: {settling_period: 0, operation_timeout: 10}
retry: {base_delay: 0.05, max_delay: 0.2}
alerts: {receivers: {phone: all}, digest_every: 0}
accounts:
  - {account_id: DU1000001, alias: pension, strategy_name: blend, allocations: [{symbol: QQQ, allocation: 1.0}]}
  - {account_id: DU1000004, strategy_name: hidden}
"""


def command_lines() -> bytes:
    """The arguments of all processes of this machine but those of the test itself, whose source has the secrets."""
    lines: list[bytes] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                lines.append((process / "cmdline").read_bytes())
            except OSError:  # it is over
                continue
    return b"\n".join(lines)


def kept(folder: Path) -> bytes:
    """The database, with what is not yet written back to it."""
    return b"".join(file.read_bytes() for file in folder.glob("temporal*.db*"))


async def test_planted_secrets_are_nowhere_after_a_rebalance_and_failures(tmp_path: Path) -> None:
    key = new_key("ann")
    (tmp_path / "key").write_text(line_of(key), encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    port, ui_port, http_port, nobody = free_ports(4)
    async with listening(Receiver(refusals=1)) as phone:
        own = desk(
            tmp_path, ACCOUNTS, REBALANCER_KEY_FILE=str(tmp_path / "key"), ALERT_PHONE_URL=phone.url,
            ALLOCATIONS_API_KEY=API_KEY, ALLOCATIONS_BASE_URL=f"http://ann:{PASSWORD}@127.0.0.1:{nobody}",
            ABLY_API_KEY=f"app.id:{ABLY}", ABLY_ENDPOINT="127.0.0.1", ABLY_PORT=str(nobody), ABLY_TLS="false",
            **temporal_at(port),
        )  # fmt: skip
        found = await searched(own, phone, (port, ui_port, http_port))
    tokens = [(await own.run("token", role)).output.strip() for role in ("viewer", "trader")]
    secret = line_of(key).split()[1]
    planted = [API_KEY, ABLY, PASSWORD, SECRET, secret, *tokens, b64encode(key.derived("payloads")).decode()]
    there = {place: [each for each in planted if each.encode() in content] for place, content in found.items()}
    assert {place: each for place, each in there.items() if each} == {}
    assert {place for place, content in found.items() if not content} == set()
    assert [place for place, content in found.items() if NUMBER.encode() in content and place not in TYPED] == []
    assert all(b"pension" in found[place] for place in ("commands", "/metrics", "/accounts", "alerts", "log"))
    assert f"127.0.0.1:{nobody}".encode() in found["commands"]  # so both were really asked for


async def searched(own: Desk, phone: Receiver, ports: tuple[int, int, int]) -> dict[str, bytes]:
    """What there is to be seen anywhere while and after accounts are rebalanced, one of which fails."""
    port, ui_port, http_port = (str(each) for each in ports)
    found: dict[str, bytes] = {}
    listens = ("--port", port, "--ui-port", ui_port, "--http-port", http_port)
    async with service(own, "up", "--simulated", *listens) as told:
        await told.until("connected to the gateway")
        answers = [
            await own.run("run", NUMBER, "--live", "--wait", "--yes"),
            await own.run("run", "DU1000004", "--live", "--wait", "--yes", timeout=100),
            await own.run("check", "--json"),
            await own.run("status", "--json"),
            await own.run("history", "--json"),
            await own.run("show", "DU1000004", "--json"),
            await own.run("status", NUMBER),
            await own.run("positions", "pension"),
        ]
        assert answers[0].status == 0, answers[0].errors
        assert answers[1].status != 0
        found["commands"] = "".join(each.output + each.errors for each in answers).encode()
        found["arguments"] = await asyncio.to_thread(command_lines)
        await until(lambda: phone.titles)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", trust_env=False) as client:
            for path in (
                "/",
                "/metrics",
                "/accounts",
                "/accounts/DU1000004",
                "/accounts/pension",
                "/openapi.json",
                "/nowhere",
            ):
                found[path] = (await client.get(path)).content
        found["database"] = await asyncio.to_thread(kept, own.folder)
    found["alerts"] = "\n".join(phone.titles + phone.texts).encode()
    found["log"] = told.errors.encode()
    return found
