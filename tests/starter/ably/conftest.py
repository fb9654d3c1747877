"""A real Temporal server for the tests of the listener."""

from collections.abc import AsyncGenerator

import pytest
from temporalio.client import Client

from testbed.temporal_server import temporal_server


@pytest.fixture
async def client() -> AsyncGenerator[Client]:
    """Connected to a server that knows nothing yet."""
    async with temporal_server() as server:
        yield server.client
