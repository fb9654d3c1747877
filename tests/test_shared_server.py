"""The Temporal server that tests share: what one test leaves no other sees, and a port that was taken fails none."""

import socket

import pytest

from contract.halts import HALT_ID, halts_of, set_halt
from tests import shared_server
from tests.shared_server import namespace_of_its_own
from worker.free_ports import free_port


async def test_what_one_leaves_in_its_namespace_the_next_does_not_see() -> None:
    async with namespace_of_its_own() as one, namespace_of_its_own() as another:
        await set_halt(one.client, HALT_ID, "test", "")
        assert len(await halts_of(one.client, "DU1", None)) == 1
        assert await halts_of(another.client, "DU1", None) == ()


async def test_a_port_that_somebody_took_meanwhile_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], free_port()]
        monkeypatch.setattr(shared_server, "free_port", lambda: ports.pop(0))
        monkeypatch.setattr(shared_server, "_servers", [])
        monkeypatch.setattr(shared_server, "NAMESPACES", 1)  # so that it ends with this test
        async with namespace_of_its_own() as own:
            assert (await own.client.count_workflows()).count == 0
    assert ports == []
