"""Who holds the connection to a gateway, by what its workers say (``contract.gateway_news``)."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from contract.gateway_news import GatewayNews, news_queue
from starter.desk.task_queues import described, heard_of
from starter.desk.temporal_errors import is_away

ANSWER_WITHIN: Final = timedelta(seconds=2)
"""How long the server may take to say so where somebody only asks whether all is well."""


async def is_gateway_connected(client: Client, gateways: Iterable[str | None]) -> bool | None:
    """Whether a worker holds the connection to each of these gateways; ``None`` where Temporal does not tell."""
    try:
        told = await asyncio.gather(*(gateway_news(client, gateway, ANSWER_WITHIN) for gateway in gateways))
    except RPCError:
        return None
    except RuntimeError as error:
        if not is_away(error):
            raise
        return None
    return all(holder_in(news) for news in told)


async def gateway_news(client: Client, gateway: str | None, within: timedelta | None = None) -> tuple[GatewayNews, ...]:
    """What each worker said last, whoever holds the connection first. Raises ``RPCError``."""
    said: dict[str, GatewayNews] = {}
    for identity in heard_of(await described(client, news_queue(gateway), within)):
        if news := GatewayNews.of(identity):
            said[news.process] = news
    return tuple(sorted(said.values(), key=lambda news: bool(news.problem)))


def holder_in(news: Iterable[GatewayNews]) -> GatewayNews | None:
    """The worker that holds the connection, if one does."""
    return next((each for each in news if not each.problem), None)
