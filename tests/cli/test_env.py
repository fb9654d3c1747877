"""``eval "$(rebalancer env)"``: the plain ``temporal`` command shows and sends clear text as if there were no key."""

import asyncio
import json
import os
import re
from base64 import b64decode
from pathlib import Path

import pytest

from configuration.key_ring import line_of, new_key
from testbed.addresses import clean_environment
from tests.cli.command import ACCOUNTS, Answer, Desk, desk, up
from worker.temporal import temporal_command

WORKFLOW = ("--workflow-id", "rebalance-DU1000001")


@pytest.fixture
def own(tmp_path: Path) -> Desk:
    """A desk with a key."""
    key = tmp_path / "key"
    key.write_text(line_of(new_key("ann")), encoding="utf-8")
    key.chmod(0o600)
    return desk(tmp_path, REBALANCER_KEY_FILE=str(key))


async def temporal(own: Desk, *arguments: str, within: str = "") -> Answer:
    """Run the ``temporal`` command in a shell, after what ``within`` has the shell do."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'{within}\nexec "$@"', "sh", temporal_command(), *arguments,
        cwd=own.folder, env={**clean_environment(), **own.variables, "HOME": str(own.folder)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert process.returncode is not None
    return Answer(process.returncode, output.decode(), errors.decode())


async def history(own: Desk, within: str = "") -> str:
    """The history of DU1000001 as the ``temporal`` command shows it, with what is written in its payloads."""
    answer = await temporal(own, "workflow", "show", *WORKFLOW, "--output", "json", within=within)
    encoded = re.findall(r'"(?:data|encoding)": "([^"]*)"', answer.output)
    return answer.output + answer.errors + "".join(b64decode(each).decode(errors="replace") for each in encoded)


async def exports(own: Desk, *arguments: str) -> str:
    """What ``rebalancer env`` prints."""
    port = ("--http-port", str(own.http_port)) if own.http_port else ()
    answer = await own.run("env", *port, *arguments)
    assert answer.status == 0, answer.errors
    return answer.output


async def test_the_temporal_command_shows_clear_text_with_it_and_none_without(own: Desk) -> None:
    async with up(own, "--simulated"):
        assert (await own.run("run", "DU1000001")).status == 0
        query = ("workflow", "query", *WORKFLOW, "--type", "status")
        sealed = await history(own)
        assert "QQQ" not in sealed
        assert "binary/encrypted" in sealed

        told = await exports(own)
        assert "QQQ" in await history(own, told)
        assert "completed" in (await temporal(own, *query, within=told)).output
        described = await temporal(own, "workflow", "describe", *WORKFLOW, within=told)
        assert described.status == 0, described.errors


async def test_what_the_temporal_command_sends_is_encrypted_and_done(own: Desk) -> None:
    async with up(own, "--simulated"):
        start = ("workflow", "signal-with-start", "--type", "RebalanceAccount", "--task-queue", "rebalances", *WORKFLOW,
                 "--input", '{"account": "DU1000001"}', "--signal-name", "trigger",
                 "--signal-input", json.dumps({"event_id": "by-hand-4711", "mode": "dry_run"}))  # fmt: skip
        told = await exports(own)
        assert (await temporal(own, *start, within=told)).status == 0
        assert (await temporal(own, "workflow", "result", *WORKFLOW, within=told)).status == 0
        assert "by-hand-4711" not in await history(own)
        assert "by-hand-4711" in await history(own, told)


async def test_with_a_wrong_token_it_shows_nothing(own: Desk) -> None:
    async with up(own, "--simulated"):
        assert (await own.run("run", "DU1000001")).status == 0
        wrong = f"{await exports(own)}\nexport TEMPORAL_CODEC_AUTH='Bearer wrong'"
        assert "QQQ" not in await history(own, wrong)
        asked = await temporal(own, "workflow", "query", *WORKFLOW, "--type", "status", within=wrong)
        assert asked.status != 0
        assert "401" in asked.errors


async def test_it_tells_a_viewers_token_or_the_one_that_is_named(own: Desk) -> None:
    viewer, trader = [(await own.run("token", role)).output.strip() for role in ("viewer", "trader")]
    assert f"export TEMPORAL_CODEC_AUTH='Bearer {viewer}'" in await exports(own)
    assert trader in await exports(own, "--token", "trader")
    unknown = await own.run("env", "--token", "nobody")
    assert (unknown.status, unknown.output) == (2, "")
    assert "it has trader, viewer" in unknown.errors


async def test_without_a_key_nothing_needs_the_api(tmp_path: Path) -> None:
    own = desk(tmp_path)
    answer = await own.run("env")
    assert "unset TEMPORAL_CODEC_ENDPOINT TEMPORAL_CODEC_AUTH" in answer.output
    assert "export TEMPORAL_ADDRESS=localhost:7233" in answer.output
    assert "nothing is encrypted" in answer.errors


async def test_what_the_env_file_says_of_temporal_reaches_the_shell_in_one_piece(tmp_path: Path) -> None:
    own = desk(tmp_path)
    (tmp_path / ".env").write_text(
        "TEMPORAL_ADDRESS=east:7233\nTEMPORAL_API_KEY='a b$(touch pwned)'\n", encoding="utf-8"
    )
    told = (await own.run("env")).output
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", f'{told}\nprintf "%s|%s" "$TEMPORAL_ADDRESS" "$TEMPORAL_API_KEY"',
        cwd=tmp_path, env={"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await shell.communicate()
    assert output.decode() == "east:7233|a b$(touch pwned)"
    assert not (tmp_path / "pwned").exists()


async def test_the_api_is_named_as_the_configuration_has_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(line_of(new_key("ann")), encoding="utf-8")
    own = desk(tmp_path, f"http: {{port: 8123}}\n{ACCOUNTS}", REBALANCER_KEY_FILE=str(key))
    assert "export TEMPORAL_CODEC_ENDPOINT=http://127.0.0.1:8123/codec\n" in (await own.run("env")).output
