"""Where traces are configured, one holds an event, its workflow, the orders and their fills; else nothing is loaded."""

import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import Replayer

from contract.payloads import DATA_CONVERTER
from starter.cli.setup import SIMULATED_ACCOUNTS
from testbed.publishing import event, publish
from testbed.waiting import until
from tests.metrics.stage import measured_up
from tests.source_tree import ROOT
from tests.workflows.test_replay import HISTORIES, history, replayer
from workflows.sandbox import worker_runner


class Receiver:
    """Takes traces by OTLP over HTTP, as a collector does. ``address`` is where."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: dict[bytes, Any] = {}

    async def take(self, request: web.Request) -> web.Response:
        """One delivery."""
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self.spans |= {span.span_id: span for span in scope.spans}
        return web.Response()

    def line_of(self, span: Any) -> list[str]:
        """The names from a span up to the one that began its trace."""
        names = [span.name]
        while span := self.spans.get(span.parent_span_id):
            names.append(span.name)
        return names

    def named(self, name: str) -> list[Any]:
        """The spans of this name."""
        return [span for span in self.spans.values() if span.name == name]


@asynccontextmanager
async def receiver() -> AsyncGenerator[Receiver]:
    """One on a free port of this machine."""
    own, app = Receiver(), web.Application()
    app.add_routes([web.post("/v1/traces", own.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        own.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield own
    finally:
        await runner.cleanup()


async def traded(folder: Path, accounts: str, address: str) -> tuple[list[Any], list[Any]]:
    """Have one event carried out with traces sent there; what the gateway's own books say of it in the end."""
    async with measured_up(folder, accounts, OTEL_EXPORTER_OTLP_ENDPOINT=address) as own:
        await publish(own.http, own.ably_port, "global-sixty-forty", event("monday", live=True))
        await until(lambda: own.shows("rebalancer_rebalances_total", outcome="completed"))
        return await own.control.read("executions"), await own.control.read("orders")


async def test_one_trace_leads_from_the_event_to_every_fill(tmp_path: Path) -> None:
    accounts = SIMULATED_ACCOUNTS.read_text(encoding="utf-8")
    async with receiver() as taking:
        executions, orders = await traded(tmp_path, accounts, taking.address)
    (began,) = taking.named("event")
    fills = taking.named("fill")
    assert len(fills) == len(executions) > 0
    assert len(taking.named("order")) == len(orders)
    for fill in fills:
        line = taking.line_of(fill)
        assert line[:3] == ["fill", "order", "RunActivity:place_leg"]
        assert line[-1] == "event"
        assert fill.trace_id == began.trace_id
    (run,) = taking.named("RunWorkflow:RebalanceAccount")
    assert run.trace_id == began.trace_id
    assert taking.line_of(run)[-1] == "event"
    attributes = {each.key: each.value.string_value for each in began.attributes}
    assert attributes == {"channel": "global-sixty-forty", "event": "monday", "mode": "rebalance"}


async def test_a_receiver_that_is_away_holds_up_nothing(tmp_path: Path) -> None:
    accounts = SIMULATED_ACCOUNTS.read_text(encoding="utf-8")
    async with measured_up(tmp_path, accounts, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as own:
        assert (await own.own.run("run", "DU1000001", "--live", "--wait")).status == 0


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_run_that_began_without_traces_goes_on_with_them(path: Path) -> None:
    """As workers run it; what traces add is in headers, and no command."""
    recorded_with = replayer().config(active_config=True).get("workflows", ())
    traced = Replayer(
        workflows=recorded_with,
        workflow_runner=worker_runner(),
        data_converter=DATA_CONVERTER,
        interceptors=[TracingInterceptor()],
    )
    await traced.replay_workflow(history(path))


@pytest.mark.parametrize("module", ["starter.cli.services", "starter.cli.up", "starter.cli.serve"])
def test_nothing_of_it_is_loaded_where_nothing_is_configured(module: str) -> None:
    asked = f"import {module}, sys; from contract.tracing import interceptors; assert not interceptors(); " \
            "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"  # fmt: skip
    subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=True, timeout=60)
