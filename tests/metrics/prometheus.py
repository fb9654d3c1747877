"""A real Prometheus, which scrapes every second and evaluates the shipped rules without their patience."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from testbed.addresses import HOST
from testbed.child_process import ChildProcess
from testbed.waiting import until
from tests.metrics.deployed import PROMETHEUS_FILE, write_quick_rules
from worker.free_ports import free_port

PROGRAM: Final = shutil.which("prometheus") or "prometheus"

EVERY: Final = "1s"


class Prometheus:
    """What it answers."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self._http = http
        self._address = f"http://{HOST}:{port}/api/v1"

    async def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return (await self._http.get(f"{self._address}/status/buildinfo")).is_success
        except httpx.HTTPError:
            return False

    async def ask(self, query: str) -> list[Any]:
        """The series that a query has now."""
        answer = await self._http.get(f"{self._address}/query", params={"query": query})
        assert answer.is_success, answer.text
        return answer.json()["data"]["result"]

    async def firing(self) -> set[tuple[str, str]]:
        """Job and name of every alert that fires."""
        alerts = (await self._http.get(f"{self._address}/alerts")).json()["data"]["alerts"]
        return {(one["labels"]["job"], one["labels"]["alertname"]) for one in alerts if one["state"] == "firing"}


@asynccontextmanager
async def prometheus(folder: Path, targets: Mapping[str, str]) -> AsyncGenerator[Prometheus]:
    """Run it by the shipped configuration, with these targets by job in the place of the shipped one."""
    document = yaml.safe_load(PROMETHEUS_FILE.read_text(encoding="utf-8"))
    document["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    document["rule_files"] = [str(write_quick_rules(folder))]
    (shipped,) = document["scrape_configs"]
    document["scrape_configs"] = [
        {**shipped, "job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    port = free_port()
    command = [PROGRAM, "--config.file=prometheus.yml", f"--web.listen-address={HOST}:{port}",
               "--storage.tsdb.path=series", "--log.level=warn"]  # fmt: skip
    process = ChildProcess("prometheus", command, folder, {"HOME": str(folder)})
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        try:
            await process.start()
            own = Prometheus(http, port)
            await until(own.is_up)
            yield own
        finally:
            await process.stop()


async def checked(*arguments: str) -> str:
    """What ``promtool`` says of it; raises where it finds fault."""
    process = await asyncio.create_subprocess_exec(
        "promtool", "check", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()
