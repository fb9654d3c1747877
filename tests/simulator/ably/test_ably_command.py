"""`rebalancer simulate ably`: what the key may do and how long messages are kept are options."""

import asyncio
from pathlib import Path

import httpx
import pytest

from testbed.waiting import PATIENCE
from tests.cli.command import desk
from worker.free_ports import free_port


async def test_retention_and_capabilities_are_options(tmp_path: Path) -> None:
    port = free_port()
    options = ("--port", str(port), "--retention", "1", "--capability", '{"open": ["*"], "shut": ["publish"]}')
    async with desk(tmp_path).until_killed("simulate", "ably", *options) as process:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            await process.stdout.readline()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/channels", auth=("local.key", "secret"), trust_env=False
        ) as client:
            assert (await client.post("/shut/messages", json={"data": "x"})).status_code == 201
            assert (await client.get("/shut/messages")).status_code == 401
            assert (await client.post("/open/messages", json={"data": "x"})).status_code == 201
            async with asyncio.timeout(PATIENCE):
                while (await client.get("/open/messages")).json():  # noqa: ASYNC110  # another process's clock
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("option", [("--capability", "all"), ("--capability", '{"a": "b"}'), ("--retention", "0")])
async def test_an_option_that_makes_no_sense_is_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    answer = await desk(tmp_path).run("simulate", "ably", *option)
    assert answer.status == 2
    assert "Traceback" not in answer.errors
