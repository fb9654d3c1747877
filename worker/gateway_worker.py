"""The worker that owns the gateway connection (promise P4).

It polls ``ibkr`` with one slot, and ``ibkr-fills`` with many, only while it holds the connection. A second such worker
finds the client id in use (error 326), waits as a standby, and takes over when the first one is gone.
"""

import asyncio
import logging
import random
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.callers import EnabledAccountsOnly, NamedAsHereOnly, OwnWorkflowsOnly, PermittedOnly
from activities.fills import FillActivities
from activities.gateway.order_desk import OrderDesk
from activities.gateway.quote_feed import QuoteFeed
from activities.gateway.reading import AccountReader
from activities.gateway.repricing import Repricer
from activities.gateway.session import GatewayAddress, GatewaySession
from activities.gateway.what_if_orders import WhatIfDesk
from activities.halts import Halts
from activities.ibkr import IbkrActivities
from activities.measured import Measured
from activities.order_news import OrderNews
from activities.seals import Seals
from activities.typed_failures import GATEWAY_ATTEMPTS, TypedFailures
from configuration.configuration_in_use import ConfigurationInUse
from configuration.keys_in_use import KeysInUse
from contract.gateway_news import GatewayNews, news_queue
from contract.names import WORKFLOW_TYPE, fills_queue, gateway_queue, workflow_id
from rebalancing.errors import OtherLogin, RebalancerError
from worker.connection_metrics import measured_connection, show_unconnected
from worker.hosting import ACTIVITY_POLLS, activities_of, host, own_client
from worker.login_claim import claim
from worker.processes import Sign, process_name
from worker.read_ahead import ReadAhead

log = logging.getLogger(__name__)

FILL_SLOTS: Final = 1000
"""Legs that may wait for fills at once; a waiting leg costs a timer and nothing else."""

GRACE: Final = timedelta(seconds=10)
"""How long a visit may take to end by itself at shutdown; afterwards another worker takes it over."""

CANCEL_DELIVERY: Final = timedelta(seconds=1)
"""A cancel reaches an activity with a heartbeat; they are sent at least this often."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds between attempts to connect, doubling: the circuit breaker. Nothing polls the slot's queue meanwhile."""

STEADY: Final = timedelta(seconds=30)
"""A connection that held this long was a good one; after it the pauses begin anew."""


async def run_gateway_worker(
    client: Client,
    address: GatewayAddress,
    configuration: ConfigurationInUse,
    keys: KeysInUse,
    gateway: str | None = None,
) -> None:
    """Connect, work until the connection is lost, connect again; until cancelled.

    ``gateway`` is the name under which accounts are reached through it, where there are several. Each connection goes
    by the settings of the moment when it is made. Raises ``OtherLogin`` if the history belongs to another login than
    the first one that is met; one that comes later is waited out, for this process may serve other gateways as well.
    """
    news = Sign(client, news_queue(gateway))
    show_unconnected(gateway)
    try:
        await _work_again_and_again(client, address, configuration, keys, gateway, news)
    finally:
        news.end()


async def _work_again_and_again(
    client: Client,
    address: GatewayAddress,
    configuration: ConfigurationInUse,
    keys: KeysInUse,
    gateway: str | None,
    news: Sign,
) -> None:
    pause = FIRST_PAUSE
    last_problem = ""
    has_worked = False
    while True:
        settings = configuration.settings
        session = GatewaySession(
            address,
            request_timeout=settings.concurrency.request_timeout,
            figures_lag=timedelta(seconds=settings.figures_lag),
            names=configuration.names,
        )
        try:
            await _open(client, session, gateway)
        except (RebalancerError, RPCError) as error:
            if isinstance(error, OtherLogin) and not has_worked:
                raise
            if str(error) != last_problem:
                log.warning("%s", error.with_command if isinstance(error, RebalancerError) else error)
                last_problem = str(error)
                news.say(GatewayNews(process_name(), datetime.now(UTC), last_problem).identity)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE)
            continue
        last_problem, has_worked = "", True
        news.say(GatewayNews(process_name(), session.connected_at).identity)
        try:
            async with measured_connection(session, gateway):
                await _work(await own_client(client), session, configuration, keys, gateway)
            log.warning("gateway connection lost: %s", session.lost_reason)
            news.say(GatewayNews(process_name(), datetime.now(UTC), session.lost_reason).identity)
            await session.until_link_restored()
        finally:
            session.close()
        if datetime.now(UTC) - session.connected_at > STEADY:
            pause = FIRST_PAUSE
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))
        pause = min(pause * 2, LONGEST_PAUSE)


async def _open(client: Client, session: GatewaySession, gateway: str | None) -> None:
    """Connect, and make sure that this is the login the history belongs to before anything is served."""
    await session.open()
    try:
        await claim(client, gateway, session.login, session.names)
    except BaseException:
        session.close()
        raise
    log.info("the gateway is %s", session.login.named(session.names))


async def _work(
    client: Client, session: GatewaySession, configuration: ConfigurationInUse, keys: KeysInUse, gateway: str | None
) -> None:
    settings = configuration.settings
    desk = OrderDesk(session, timedelta(seconds=settings.concurrency.settling_period))
    quotes = QuoteFeed(session, settings.quotes)
    reader = AccountReader(session, quotes)
    margin = WhatIfDesk(session)
    halts = Halts(client, lambda account: configuration.now.strategy_of(account))
    visits = IbkrActivities(client, reader, desk, Repricer(session, desk, quotes, settings.quotes), margin, halts)
    interceptors = (
        Measured(),
        TypedFailures(GATEWAY_ATTEMPTS),
        OwnWorkflowsOnly(WORKFLOW_TYPE, workflow_id),
        NamedAsHereOnly(session.names),
        EnabledAccountsOnly(configuration.account),
        PermittedOnly(Seals(keys).is_permitted),
        OrderNews(),
    )
    slot = Worker(
        client,
        task_queue=gateway_queue(gateway),
        activities=activities_of(visits),
        max_concurrent_activities=1,
        interceptors=interceptors,
        graceful_shutdown_timeout=GRACE,
        max_heartbeat_throttle_interval=CANCEL_DELIVERY,
    )
    fills = Worker(
        client,
        task_queue=fills_queue(gateway),
        activities=activities_of(FillActivities(desk, reader, margin)),
        max_concurrent_activities=FILL_SLOTS,
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        interceptors=interceptors,
        max_heartbeat_throttle_interval=CANCEL_DELIVERY,
    )
    ahead = asyncio.create_task(ReadAhead(client, reader, configuration, gateway).run())
    renewing = asyncio.create_task(_renewed_for_names(session, configuration))
    try:
        await host([slot, fills], _until_lost(session, settings.concurrency.connection_check_interval))
    finally:
        ahead.cancel()
        renewing.cancel()


async def _renewed_for_names(session: GatewaySession, configuration: ConfigurationInUse) -> None:
    """Have a new connection made once there is an account with an alias that this one does not know: all that it has
    noted of orders and cash is by the names it began with."""
    while configuration.names == session.names:
        await configuration.change()
    session.abandon("an account with an alias was added; everything is read afresh")


async def _until_lost(session: GatewaySession, interval: float) -> None:
    """Watch the connection: silence does not close a socket."""
    while not session.lost.is_set():
        try:
            async with asyncio.timeout(interval):
                await session.lost.wait()
        except TimeoutError:
            try:
                await session.check()
            except RebalancerError:
                return
