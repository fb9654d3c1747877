"""``status`` and ``history`` ask the server a bounded number of things, however many accounts and runs there are."""

from collections import Counter
from typing import Any

from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    ListWorkflowsInput,
    OutboundInterceptor,
    QueryWorkflowInput,
    WorkflowExecutionAsyncIterator,
    WorkflowExecutionDescription,
)

from bench.desk import STRATEGY_NAME, seed
from contract.payloads import DATA_CONVERTER
from rebalancing.accounts import Account
from starter.desk.history import HistoryRequest, read_history
from starter.desk.runs import OURS
from starter.desk.status import read_statuses
from testbed.temporal_server import temporal_server
from testbed.waiting import until

ACCOUNTS = [f"DU{1000 + number}" for number in range(40)]
RUNS = 3


class _Counting(Interceptor):
    """Counts what a client asks the server about workflows."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _CountingCalls(next, self.asked)


class _CountingCalls(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, asked: Counter[str]) -> None:
        super().__init__(next)
        self._asked = asked

    def list_workflows(self, input: ListWorkflowsInput) -> WorkflowExecutionAsyncIterator:
        self._asked["list"] += 1
        return super().list_workflows(input)

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        self._asked["describe"] += 1
        return await super().describe_workflow(input)

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        self._asked["query"] += 1
        return await super().query_workflow(input)


async def test_of_closed_runs_none_is_asked_about_by_itself() -> None:
    async with temporal_server() as server:
        await seed(server.client, ACCOUNTS, RUNS)

        async def all_are_listed() -> bool:
            query = f"{OURS} AND ExecutionStatus = 'Completed'"
            return (await server.client.count_workflows(query)).count == len(ACCOUNTS) * RUNS

        await until(all_are_listed)
        counting = _Counting()
        client = Client(
            server.client.service_client,
            namespace=server.client.namespace,
            data_converter=DATA_CONVERTER,
            interceptors=[counting],
        )
        configured = [
            Account.model_validate({"account_id": name, "strategy_name": STRATEGY_NAME, "type": "paper"})
            for name in ACCOUNTS
        ]
        statuses = await read_statuses(client, None, configured)
        assert [status.phase for status in statuses] == ["completed"] * len(ACCOUNTS)
        assert all(status.last_live and status.last_live.summary for status in statuses)
        assert counting.asked == {"list": 1}

        counting.asked.clear()
        history = await read_history(client, HistoryRequest(limit=1000))
        assert len(history.runs) == len(ACCOUNTS) * RUNS
        assert counting.asked == {"list": 2}  # of runs, and of halts and pauses
