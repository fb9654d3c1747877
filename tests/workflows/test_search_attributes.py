"""A newer release meets an older namespace: what workflows write is made there, or the worker says what to run."""

from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from contract.names import DRIFT, SEARCH_ATTRIBUTES
from rebalancing.errors import SearchAttributesMissing
from testbed.temporal_server import temporal_server
from tests.house import Holding, house
from worker.search_attributes import have_attributes, lacks, missing_attributes

OF_BEFORE = SEARCH_ATTRIBUTES[:4]


async def test_a_database_of_before_gets_what_is_new_and_its_accounts_are_rebalanced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "temporal.db"
    with monkeypatch.context() as patched:
        patched.setattr("worker.temporal.SEARCH_ATTRIBUTES", OF_BEFORE)
        async with temporal_server(database=database):
            pass
    async with temporal_server(database=database) as server:
        assert await missing_attributes(server.client) == SEARCH_ATTRIBUTES[4:], "the server's own options do nothing"
        async with house({"DU1": Holding()}, temporal=server) as own:
            result = await (await own.trigger("DU1")).result()
            assert result.outcome is not None
            assert (await own.handle("DU1").describe()).typed_search_attributes.get(DRIFT) is not None
        assert await missing_attributes(server.client) == ()


async def test_an_attribute_of_another_type_ends_the_worker_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.temporal.SEARCH_ATTRIBUTES", (*OF_BEFORE, SearchAttributeKey.for_keyword(DRIFT.name)))
    async with temporal_server() as server:
        assert DRIFT in await missing_attributes(server.client)
        with pytest.raises(SearchAttributesMissing, match=r"remove it \(temporal operator .* --name Drift\)"):
            await have_attributes(server.client)


async def test_what_is_missing_is_told_with_the_command_that_makes_it() -> None:
    async with temporal_server() as server:
        assert lacks(server.client, SEARCH_ATTRIBUTES[4:]).endswith(
            "lacks the search attributes Outcome, Drift. Create them: temporal operator search-attribute create "
            "--namespace default --name Outcome --type Keyword --name Drift --type Double"
        )


async def test_a_server_without_the_attribute_would_refuse_what_workflows_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.temporal.SEARCH_ATTRIBUTES", OF_BEFORE)
    async with temporal_server() as server:
        with pytest.raises(RPCError, match="Drift"):
            await server.client.count_workflows("Drift > 1")
