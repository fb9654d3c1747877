"""``accounts.yaml`` is edited while ``rebalancer up`` runs: what happens, and what whoever looks is told of it."""

import asyncio
import json
import shutil
from pathlib import Path

from starter.cli.setup import SIMULATED_ACCOUNTS
from testbed.waiting import PATIENCE
from tests.cli.command import Desk, desk, up

ACCOUNT = "DU1000001"


async def told(own: Desk, *words: str) -> str:
    """What ``status`` says of the processes, once it has these words."""
    async with asyncio.timeout(PATIENCE):
        while True:
            said = (await own.run("status")).output
            if all(word in said for word in words):
                return said


async def test_an_edited_file_counts_without_a_restart_and_a_bad_one_is_said_everywhere(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yaml"
    shutil.copy(SIMULATED_ACCOUNTS, accounts)
    good = accounts.read_text(encoding="utf-8")
    off = good.replace(f"account_id: {ACCOUNT}\n", f"account_id: {ACCOUNT}\n    enabled: false\n")
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated", until="the gateway is the "):
        first = (await told(own, "goes by accounts.yaml ")).partition("goes by accounts.yaml ")[2].split()[0]
        assert f"accounts.yaml {first}: 6 accounts" in (await own.run("check")).output

        accounts.write_text(good + "strange: 1\n", encoding="utf-8")
        await told(own, f"goes by accounts.yaml {first}, because", "strange: found an unknown key")
        assert "WRONG  configuration" in (await own.run("check")).output
        own.variables["ACCOUNTS_FILE"] = str(tmp_path / "mine.yaml")
        (tmp_path / "mine.yaml").write_text(good, encoding="utf-8")
        checked = (await own.run("check")).output
        assert "WRONG  processes" in checked
        assert "strange: found an unknown key" in checked
        installation = json.loads((await own.run("status", "--json")).output)["installation"]
        assert "strange: found an unknown key" in installation["processes"][0]["problem"]

        accounts.write_text(off, encoding="utf-8")
        while f"goes by accounts.yaml {first}" in await told(own, "goes by accounts.yaml "):
            pass
        assert "did not take it on" in (await own.run("check")).output
        # By a file in which it is enabled, as from another machine: the worker's own counts.
        refused = await own.run("run", ACCOUNT, "--live", "--wait")
        assert refused.status == 1
        assert f"{ACCOUNT} is switched off" in refused.errors
        (standing,) = await own.standings(ACCOUNT)
        assert standing["phase"] == "failed"
        assert "is switched off" in standing["detail"]
        del own.variables["ACCOUNTS_FILE"]
        assert (await own.run("run", ACCOUNT)).status == 2


async def test_a_live_command_and_a_check_name_where_they_go(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated", until="the gateway is the "):
        said = await own.run("run", "DU1000001", "--live", "--wait")
        where = said.errors.splitlines()[0]
        assert where.startswith(
            f"DU1000001 (paper) by Temporal at {own.variables['TEMPORAL_ADDRESS']}, namespace default, "
        )
        assert "the simulated gateway with DU1000001, DU1000002" in where
        assert "Temporal at" not in (await own.run("run", "DU1000002")).errors
        shutil.copy(SIMULATED_ACCOUNTS, tmp_path / "accounts.yaml")
        assert "belongs to the simulated gateway with DU1000001" in (await own.run("check")).output
        (tmp_path / "accounts.yaml").write_text("accounts: [{account_id: DU7, strategy_name: blend}]\n", "utf-8")
        assert "DU7 is NOT among its accounts" in (await own.run("run", "DU7", "--live")).errors
