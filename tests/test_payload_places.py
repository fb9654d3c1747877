"""What activities are asked and answer counts in its own place alone, and not in clear where seals are required."""

import dataclasses
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext
from temporalio.testing import ActivityEnvironment

from configuration.key_ring import new_key
from contract.encryption import NEVER_SECRET, EncryptingCodec, PayloadAltered, PayloadRefused
from contract.payload_places import RunActivity
from tests.test_encryption import CLEAR, codec, keys, once

KEY = new_key("ann")
AT_WORKER = ActivitySerializationContext(
    namespace="default",
    activity_id="7",
    activity_type="read_snapshot",
    activity_task_queue="ibkr",
    workflow_id="rebalance-DU1",
    workflow_type="RebalanceAccount",
    is_local=False,
)


def in_run(*run_ids: str, **changed: Any) -> RunActivity:
    """The same activity as its workflow sees it, or another one."""
    known = {field.name: getattr(AT_WORKER, field.name) for field in dataclasses.fields(AT_WORKER)}
    return RunActivity(**{**known, **changed}, run_ids=run_ids or ("run-1",))


def required() -> EncryptingCodec:
    """As a worker has it where seals are required."""
    return codec(KEY).requiring(lambda: True)


async def answered(run_id: str = "run-1", **changed: Any) -> Payload:
    """What the activity answers in a run."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_run_id=run_id)
    context = dataclasses.replace(AT_WORKER, **changed)

    async def work() -> Payload:
        assert activity.in_activity()
        return await once(required().with_context(context))

    return await environment.run(work)


async def test_what_is_asked_and_answered_arrives_as_it_was_and_the_codec_endpoint_reads_it() -> None:
    asked, answer = await once(required().with_context(in_run())), await answered()
    assert await required().with_context(AT_WORKER).decode([asked]) == [CLEAR]
    assert await required().with_context(in_run()).decode([answer]) == [CLEAR]
    assert await codec(KEY).decode([asked, answer]) == [CLEAR, CLEAR]


@pytest.mark.parametrize(
    "changed",
    [
        {"workflow_id": "rebalance-DU2"},
        {"activity_type": "place_leg"},
        {"activity_id": "8"},
        {"run_id": "an earlier run"},
        {"run_id": "workflow"},
    ],
)
async def test_an_answer_of_anything_else_is_refused(changed: dict[str, Any]) -> None:
    answer = await answered(**changed)
    with pytest.raises(PayloadRefused, match="What read_snapshot answers in rebalance-DU1 is of something else"):
        await required().with_context(in_run()).decode([answer])


async def test_what_was_asked_is_no_answer() -> None:
    asked = await once(required().with_context(in_run()))
    with pytest.raises(PayloadRefused, match=r"of something else \(read_snapshot 7 of rebalance-DU1, workflow\)"):
        await required().with_context(in_run()).decode([asked])


@pytest.mark.parametrize(
    "changed", [{"workflow_id": "rebalance-DU2"}, {"activity_type": "place_leg"}, {"activity_id": "8"}]
)
async def test_what_was_asked_of_anything_else_is_refused(changed: dict[str, Any]) -> None:
    asked = await once(required().with_context(in_run(**changed)))
    with pytest.raises(PayloadRefused, match="What read_snapshot is asked in rebalance-DU1 is of something else"):
        await required().with_context(AT_WORKER).decode([asked])


async def test_a_run_that_was_reset_takes_the_answers_of_before() -> None:
    answer = await answered("the first")
    assert await required().with_context(in_run("the second", "the first")).decode([answer]) == [CLEAR]


async def test_a_signal_or_what_the_codec_endpoint_encrypted_is_no_answer() -> None:
    for elsewhere in (codec(KEY), codec(KEY).with_context(WorkflowSerializationContext("default", "rebalance-DU1"))):
        with pytest.raises(PayloadRefused, match="is encrypted for no activity"):
            await codec(KEY).with_context(in_run()).decode([await once(elsewhere)])


async def test_in_clear_nothing_counts_in_an_activity_and_everything_else_does() -> None:
    for context in (AT_WORKER, in_run()):
        with pytest.raises(PayloadRefused, match="is in clear, so it is refused: whoever reaches Temporal") as raised:
            await required().with_context(context).decode([CLEAR])
        assert isinstance(raised.value, PayloadAltered)
        assert not raised.value.retryable
    workflow = WorkflowSerializationContext("default", "rebalance-DU1")
    assert await required().with_context(workflow).decode([CLEAR]) == [CLEAR]
    assert await required().decode([CLEAR]) == [CLEAR]


async def test_in_clear_everything_counts_where_seals_are_optional_or_there_is_no_key() -> None:
    for lenient in (codec(KEY), codec(KEY).requiring(lambda: False), codec().requiring(lambda: True)):
        assert await lenient.with_context(in_run()).decode([CLEAR]) == [CLEAR]


async def test_the_mark_that_sending_began_counts_in_clear() -> None:
    mark = Payload(metadata={"encoding": b"json/plain"}, data=NEVER_SECRET)
    assert await required().with_context(AT_WORKER).decode([mark]) == [mark]


async def test_whether_seals_are_required_is_asked_for_nothing_that_is_encrypted() -> None:
    def unread() -> bool:
        raise AssertionError("a file that went away must not stop what is encrypted from being read")

    answer = await answered()
    assert await codec(KEY).requiring(unread).with_context(in_run()).decode([answer]) == [CLEAR]


async def test_whoever_asks_an_activity_outside_of_workflows_may_do_it_in_clear_or_by_the_codec_endpoint() -> None:
    alone = dataclasses.replace(AT_WORKER, workflow_id=None, workflow_type=None)
    assert await required().with_context(alone).decode([CLEAR, await once(codec(KEY))]) == [CLEAR, CLEAR]
    with pytest.raises(PayloadRefused, match="is encrypted for no activity"):
        await required().with_context(in_run()).decode([await once(required().with_context(alone))])


async def test_a_key_that_is_put_back_is_found_in_every_place_at_once() -> None:
    held = [keys(new_key("bob"))]
    running = EncryptingCodec(lambda: held[-1])
    placed = running.with_context(in_run())
    held.append(keys(KEY))
    assert await placed.decode([await answered()]) == [CLEAR]
    assert await running.decode([await once(codec(KEY))]) == [CLEAR]
