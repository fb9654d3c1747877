"""One measurement: start everything, publish to all accounts at once, wait for the last, read what happened."""

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from bench.accounts.figures import (
    MESSAGES_A_SECOND,
    Figures,
    GatewayLog,
    Spread,
    activity_times,
    between_legs,
    blind_bound,
    critical_path,
    first_orders,
    slot_busy,
)
from bench.accounts.histories import RunHistory, read_histories
from bench.accounts.resources import usage_of
from bench.accounts.stage import MEASURED, Stage, set_stage
from bench.portfolios import price_of, weights_of
from chaos.checks import violations
from chaos.evidence import Evidence, broker_of
from chaos.findings import books_of
from chaos.histories import read_account, read_runs
from chaos.timeline import Publish
from contract.names import WORKFLOW_TYPE
from rebalancing.settings import Settings
from testbed.child_process import ChildProcess
from testbed.portfolios import Portfolio

EVENT: Final = "measurement"
POLL: Final = 0.25
TIMEOUT: Final = 1800.0
RESERVE: Final = Decimal(1)


async def measure(
    chosen: Sequence[Portfolio], folder: Path | None = None, gateways: int = 1, *, is_watched: bool = False
) -> Figures:
    """Rebalance these accounts at once; files and logs go to ``folder``, which exists, or nowhere.

    ``is_watched``: with the dashboard open and Prometheus scraping.
    """
    if folder is not None:
        return await _measured(chosen, folder, gateways, is_watched=is_watched)
    with tempfile.TemporaryDirectory(prefix="rebalancer-bench-") as temporary:
        return await _measured(chosen, Path(temporary), gateways, is_watched=is_watched)


async def _measured(chosen: Sequence[Portfolio], folder: Path, gateways: int, *, is_watched: bool) -> Figures:
    async with set_stage(folder, chosen, gateways, is_watched=is_watched) as stage:
        watched = {name: _first(stage, name).process_id for name in MEASURED}
        before = {name: usage_of(process_id) for name, process_id in watched.items()}
        messages_before = len(await stage.read("requests"))
        published_at = await stage.publish(EVENT, sorted({own.strategy for own in chosen}))
        await closed(stage, len(chosen))
        after = {name: usage_of(process_id) for name, process_id in watched.items()}
        log = await gateway_log(stage, published_at)
        histories = await read_histories(stage.client, [own.account for own in chosen])
        wrong = await broken_promises(stage, chosen, histories)
        return _figures(
            published_at,
            log,
            histories,
            gateways,
            messages_before,
            {name: after[name].cpu - before[name].cpu for name in MEASURED},
            {name: after[name].peak for name in MEASURED},
            wrong,
        )


def _first(stage: Stage, name: str) -> ChildProcess:
    """The process of this name, or the first of its kind where there are several."""
    kinds = {"worker": "worker", "gateway": "g"}
    return next(
        child
        for own, child in stage.installation.children.items()
        if own == name or own.startswith(kinds.get(name, name))
    )


async def closed(stage: Stage, count: int) -> None:
    """Return once so many runs have closed."""
    query = f"WorkflowType = '{WORKFLOW_TYPE}' AND ExecutionStatus != 'Running'"
    async with asyncio.timeout(TIMEOUT):
        while (await stage.client.count_workflows(query)).count < count:  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(POLL)


async def gateway_log(stage: Stage, since: datetime) -> GatewayLog:
    """What the gateway logged since a moment."""
    requests, orders, executions = [await stage.read(what) for what in ("requests", "orders", "executions")]
    return GatewayLog(requests, orders, executions).since(since)


async def broken_promises(
    stage: Stage,
    chosen: Sequence[Portfolio],
    histories: Sequence[RunHistory],
    event_id: str = EVENT,
    weights: Callable[[str], Mapping[str, float]] = weights_of,
) -> tuple[str, ...]:
    """What the checks of the chaos harness find in the gateway's ledger and in Temporal; and connections lost.

    The last event to all strategies was ``event_id``, with these ``weights``.
    """
    runs = await read_runs(stage.client)
    evidence = Evidence(
        broker=broker_of(await stage.read_accounts(), await stage.read("orders"), await stage.read("executions")),
        runs=runs,
        accounts={own.account: await read_account(stage.client, own.account, runs) for own in chosen},
    )
    symbols = {symbol for own in chosen for symbol in (*own.holdings, *weights_of(own.strategy))}
    prices = {symbol: price_of(symbol) for symbol in symbols}
    books = books_of(chosen, prices, RESERVE, float(Settings().freshness))
    strategies = sorted({own.strategy for own in chosen})
    published = [Publish(event_id, strategy, live=True, weights=weights(strategy)) for strategy in strategies]
    found = [str(each.text) for each in violations(evidence, published, books)]
    found += [f"{own.account} did not complete" for own in histories if not own.completed]
    connections = await stage.read("connections")
    if len(connections) > len(stage.gateways):
        found.append(f"the workers connected {len(connections)} times")
    found += [f"order {each['ref']} is {each['status']}" for each in await stage.read("orders")
              if each["status"] != "Filled"]  # fmt: skip
    return tuple(found)


def _figures(
    published_at: datetime,
    log: GatewayLog,
    histories: Sequence[RunHistory],
    gateways: int,
    messages_before: int,
    cpu: dict[str, float],
    memory: dict[str, float],
    wrong: tuple[str, ...],
) -> Figures:
    done = [(own.closed_at - published_at).total_seconds() for own in histories]
    message_bound, path_bound = len(log.requests) / (MESSAGES_A_SECOND * gateways), critical_path(log)
    return Figures(
        accounts=len(histories),
        orders=len(log.orders),
        seconds=max(done),
        bound_seconds=max(message_bound, path_bound),
        message_bound=message_bound,
        path_bound=path_bound,
        blind_bound=blind_bound(log, gateways),
        messages=len(log.requests),
        messages_before=messages_before,
        by_kind=dict(log.by_kind),
        first_order=Spread.of(list(first_orders(log, published_at).values())),
        done=Spread.of(done),
        between_legs=Spread.of(between_legs(log)),
        events=statistics.mean(own.events for own in histories),
        bytes=statistics.mean(own.size for own in histories),
        visits=statistics.mean(len(own.slot_visits) for own in histories),
        slot_busy=slot_busy(histories, max(done)) / gateways,
        activities=activity_times(histories),
        cpu=cpu,
        memory=memory,
        violations=wrong,
    )
