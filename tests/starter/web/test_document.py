"""The OpenAPI document says what is answered, and no request that it allows or forbids gets anything else."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.house import House
from tests.starter.web.api import Api

SCHEMATHESIS: Final = str(Path(sys.executable).parent / "schemathesis")

KNOWN: Final = """\
[parameters]
"path.account_id" = "DU1"
"path.strategy" = "test-strategy"
"path.name" = "weekly"
"""
"""So that what is asked reaches an account that there is."""


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def tried(api: Api, folder: Path, *more: str) -> str:
    """What Schemathesis finds; raises if it found something."""
    (folder / "schemathesis.toml").write_text(KNOWN, encoding="utf-8")
    # That it is not ready is what /ready answers with 503 here, where there is no listener.
    more = ("--exclude-path", "/ready", *more)
    command = ["--config-file", "schemathesis.toml", "run", f"{api.address}/openapi.json", "--checks", "all"]
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "127.0.0.1"}
    quickly = [
        "--generation-deterministic",
        "--no-color",
        "--max-examples",
        "12",
        "--phases",
        "examples,coverage,fuzzing",
    ]
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS, *command, *quickly, *more,
        cwd=folder, env=own, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_without_a_token_nothing_is_traded_and_every_answer_is_documented(
    own: House, api: Api, tmp_path: Path
) -> None:
    output = await tried(api, tmp_path, "--phases", "examples,coverage,fuzzing")
    assert "Fuzzing" in output
    assert own.gateway.engine.orders == []


async def test_with_a_token_every_answer_is_documented(own: House, api: Api, tmp_path: Path) -> None:
    # A halt of everything would have each of the other requests wait for the gateway until its time is up.
    await tried(
        api, tmp_path, "--exclude-path", "/halt", "--header", f"Authorization: {api.as_('trader')['Authorization']}"
    )
