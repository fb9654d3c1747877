"""Waiting for a rebalance: whoever stops waiting is told that it goes on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starter.cli.stopping import Stopped, stopped_by_signal


@asynccontextmanager
async def waiting_for(account: str | None) -> AsyncGenerator[None]:
    """While the block runs a signal ends the waiting, not the rebalance; ``None`` stands for those of many accounts."""
    try:
        async with stopped_by_signal():
            yield
    except Stopped:
        whose = f"the rebalance of {account} goes" if account else "the rebalances go"
        name = account or "ACCOUNT"
        follow = f"`rebalancer status{f' {account}' if account else ''} --watch`"
        raise Stopped(f"No longer waiting; {whose} on. Follow: {follow}; cancel: `rebalancer cancel {name}`.") from None
