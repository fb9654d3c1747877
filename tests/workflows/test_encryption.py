"""With a key, nobody reads in Temporal's database what accounts hold and trade; without it nothing is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from configuration.key_ring import line_of, new_key
from rebalancing.approval import Approval
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.approve import approve
from starter.desk.latest_run import query_status
from starter.desk.status import read_statuses
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.house import Holding, House, house, phase_reached

ANN, BOB = new_key("ann"), new_key("bob")
ACCOUNT_ID = "DU7654321"
PLANTED = {"ZZQX": {"price": "7.31"}, "ZZBN": {"price": "3.17"}}
RICH = Holding(cash="98765432.10", holdings={"ZZBN": 845123}, weights={"ZZQX": "0.7531", "CASH": "0.2469"})
SECRETS = (b"ZZQX", b"ZZBN", b"845123", b"98765432", b'"0.7531"', b'"7.31"')
"""Symbols, quantities, amounts, weights and prices; what is bought is added once it is known. The short ones are looked
for with their quotes: the fraction of a second in a time that stands in clear may be the same digits."""

READABLE = {
    "workflow_execution_started_event_attributes.workflow_id",
    "workflow_execution_started_event_attributes.search_attributes.indexed_fields.data",
    "activity_task_scheduled_event_attributes.priority.fairness_key",
}
"""Where a history has account ids in clear, as docs/encryption.md says."""


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ann's key, which everything in this process goes by."""
    file = tmp_path / "key"
    file.write_text(line_of(ANN), encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("REBALANCER_KEY_FILE", str(file))
    return file


def content_of(database: Path) -> bytes:
    """The database, with what is not yet written back to it."""
    files = (database, database.with_name(f"{database.name}-wal"))
    return b"".join(file.read_bytes() for file in files if file.exists())


async def rebalanced(database: Path) -> tuple[list[bytes], set[str]]:
    """What of the planted secrets and of what was traded is in the database, and where the history has the account."""
    async with (
        temporal_server(database=database) as server,
        house({ACCOUNT_ID: RICH}, temporal=server, instruments=PLANTED) as own,
    ):
        await (await own.trigger(ACCOUNT_ID, mode=ExecutionMode.DRY_RUN)).result()
        handle = await own.trigger(ACCOUNT_ID, "event-2")
        result = await handle.result()
        assert result.outcome is not None
        bought = [str(each.filled).encode() for each in result.outcome.orders]
        assert len(bought) == 2
        history = await handle.fetch_history()
        places = {place for event in history.events for place in places_of(ACCOUNT_ID.encode(), event)}
        content = content_of(database)
        return [each for each in (*SECRETS, *bought) if each in content], places


def places_of(text: bytes, message: Message, path: str = "") -> Iterator[str]:
    """The fields in which a message has this text."""
    for field, value in message.ListFields():
        own = f"{path}.{field.name}".lstrip(".")
        for each in _values(field, value):
            if isinstance(each, Message):
                yield from places_of(text, each, own)
            elif text in (each if isinstance(each, bytes) else str(each).encode()):
                yield own


def _values(field: FieldDescriptor, value: object) -> Iterator[object]:
    if hasattr(value, "items"):
        yield from (each for pair in value.items() for each in pair)  # pyright: ignore[reportAttributeAccessIssue]
    elif field.is_repeated:
        yield from value  # pyright: ignore[reportGeneralTypeIssues]
    else:
        yield value


async def test_with_a_key_no_symbol_quantity_or_amount_is_in_the_database(key_file: Path, tmp_path: Path) -> None:
    found, places = await rebalanced(tmp_path / "temporal.db")
    assert found == []
    assert places == READABLE


async def test_without_a_key_they_are_all_there_so_that_the_search_would_find_them(tmp_path: Path) -> None:
    found, places = await rebalanced(tmp_path / "temporal.db")
    assert set(SECRETS) <= set(found)
    assert places > READABLE


WAITING = Holding(more={"approval": {"required": "always"}})


async def waiting_for_approval(own: House) -> str:
    """Have DU1 wait for somebody; the plan's hash."""
    async with own.working():
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        return (await handle.query("status"))["waiting_plan"]["plan_hash"]


async def failed_task(client: Client, handle: WorkflowHandle[Any, Any]) -> str:
    """The words of the first workflow task that failed, once there is one."""

    async def words() -> str:
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                failure = event.workflow_task_failed_event_attributes.failure
                return str(await client.data_converter.decode_failure(failure))
        return ""

    await until(words)
    return await words()


def replaced(file: Path, text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put other keys there, or have nothing go by the file any more."""
    if text is None:
        monkeypatch.delenv("REBALANCER_KEY_FILE")
        return
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("REBALANCER_KEY_FILE", str(file))


@pytest.mark.parametrize("left", [line_of(BOB), None], ids=["another key", "no key"])
async def test_a_run_whose_key_was_lost_says_which_and_goes_on_once_it_is_back(
    key_file: Path, monkeypatch: pytest.MonkeyPatch, left: str | None
) -> None:
    accounts = {"DU1": WAITING, "DU2": Holding()}
    async with house(accounts, workers=0) as own:
        plan_hash = await waiting_for_approval(own)
        replaced(key_file, left, monkeypatch)
        lost = await own.another_client()
        async with own.working():
            await own.handle("DU1").signal("trigger", {"event_id": "another", "mode": "dry_run"})
            assert "with the key 'ann'" in await failed_task(lost, own.handle("DU1"))
            one, other = await read_statuses(lost, configured=own.configuration.accounts)
            assert "with the key 'ann'" in one.detail
            assert one.phase == Phase.WAITING_FOR_APPROVAL
            assert other.phase == "never run"
            assert own.accepted_orders("DU1") == []
            replaced(key_file, (left or "") + line_of(ANN), monkeypatch)
            await until(lambda: query_status(own.handle("DU1")))
            await approve(lost, "DU1", Approval(plan_hash=plan_hash))
            result = await own.handle("DU1").result()
            assert result.outcome is not None
            assert len(own.accepted_orders("DU1")) == 3
