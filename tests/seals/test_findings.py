"""What a worker says of seals, permits and proofs, case by case, with keys of its own (promise P10)."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from temporalio.testing import ActivityEnvironment

from activities.seals import Seals, refusal_of
from configuration.key_ring import Key, KeyRing, line_of, new_key, read_key_ring
from configuration.keys_in_use import KeyMissing, KeysInUse
from contract.messages import Resolution
from contract.requests import OpeningRequest
from contract.schedules import ScheduledRequest
from contract.seals import SealFindings, SealRequest
from rebalancing.approval import Approval
from rebalancing.failures import SealRefused
from rebalancing.settings import Seals as Required
from rebalancing.settings import Settings
from rebalancing.triggers import ExecutionMode, Trigger
from starter.desk.sealing import sealed_approval, sealed_resolution, sealed_schedule, sealed_trigger

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LIVE = Trigger(account="DU1", event_id="e1", mode=ExecutionMode.REBALANCE, source="cli", requested_at=NOON)
DRY = LIVE.model_copy(update={"mode": ExecutionMode.DRY_RUN})
APPROVAL, RESOLUTION = Approval(plan_hash="abcd", by="ann"), Resolution(ref="rb-1", filled=3, by="ann")
SCHEDULE = ScheduledRequest(schedule="weekly", account="DU1", mode=ExecutionMode.REBALANCE, if_drift=Decimal("2.5"))

T = TypeVar("T")


def seals(settings: Settings | None = None) -> Seals:
    """As a worker has them, by the keys in the default place."""
    own = settings or Settings()
    return Seals(KeysInUse(lambda: own))


def environment(run_id: str | None = "r", *, is_local: bool = True) -> ActivityEnvironment:
    """A call by this run."""
    called = ActivityEnvironment()
    called.info = dataclasses.replace(called.info, workflow_run_id=run_id, is_local=is_local)
    return called


def by_run(run_id: str | None, call: Callable[..., T], *given: object, is_local: bool = True) -> T:
    """What a call by this run is answered."""
    return environment(run_id, is_local=is_local).run(call, *given)


def opening(*triggers: Trigger, account: str = "DU1", **more: object) -> OpeningRequest:
    """What a run asks before it begins."""
    asked = {"account": account, "workflow_id": f"rebalance-{account}", "run_id": "r", "triggers": triggers}
    return OpeningRequest.model_validate({**asked, **more})


def found(request: OpeningRequest, run_id: str | None = "r", *, is_local: bool = True) -> SealFindings:
    """What the worker finds where seals are required."""
    findings = by_run(run_id, seals().findings, request, is_local=is_local)
    assert findings is not None
    return findings


def replaced(keys: KeyRing, *others: Key) -> None:
    """Other keys stand in the file now."""
    keys.file.write_text("".join(map(line_of, others)))


# --- a seal of what somebody says while a run waits -------------------------------------------------------------------


async def test_what_is_sealed_for_this_run_and_account_counts(keys: KeyRing) -> None:
    for request in (
        SealRequest(account="DU1", trigger=sealed_trigger(LIVE)),
        SealRequest(account="DU1", approval=sealed_approval(APPROVAL, "DU1", "r")),
        SealRequest(account="DU1", resolution=sealed_resolution(RESOLUTION, "DU1", "r")),
    ):
        assert await by_run("r", seals().judge_seal, request) == ""


@pytest.mark.parametrize("elsewhere", [("DU2", "r"), ("DU1", "s")])
async def test_a_word_that_was_sealed_for_another_account_or_run_does_not_count(
    keys: KeyRing, elsewhere: tuple[str, str]
) -> None:
    approval, resolution = sealed_approval(APPROVAL, *elsewhere), sealed_resolution(RESOLUTION, *elsewhere)
    for request, what, command in (
        (SealRequest(account="DU1", approval=approval), "the approval", "approve"),
        (SealRequest(account="DU1", resolution=resolution), "the word on order rb-1", "resolve"),
    ):
        assert await by_run("r", seals().judge_seal, request) == (
            f"the seal of {what} does not fit: it was made with another key than 'ann' is here, or for something else "
            "(another account, run, time or order), or it was changed since. It cannot trade. "
            f"`rebalancer {command} DU1` seals it anew"
        )


async def test_what_has_no_seal_is_refused_with_the_command_that_seals_it(keys: KeyRing) -> None:
    judge = seals().judge_seal
    for request, what, command in (
        (SealRequest(account="DU1", trigger=LIVE), "event e1", "run DU1 --live"),
        (SealRequest(account="DU1", approval=APPROVAL), "the approval", "approve DU1"),
        (SealRequest(account="DU1", resolution=RESOLUTION), "the word on order rb-1", "resolve DU1"),
    ):
        assert await by_run("r", judge, request) == (
            f"{what} has no seal, so it cannot trade. `rebalancer {command}` seals it, and so does `rebalancer seal`"
        )
    assert await by_run("r", judge, SealRequest(account="DU1")) == "nothing that could have a seal"


async def test_a_run_that_nobody_knows_has_no_word_sealed_for_another(keys: KeyRing) -> None:
    request = SealRequest(account="DU1", approval=sealed_approval(APPROVAL, "DU1", "r"))
    assert "does not fit" in await by_run(None, seals().judge_seal, request)


async def test_nothing_is_refused_where_seals_are_optional_and_all_of_it_where_there_is_no_key_to_look_with() -> None:
    request = SealRequest(account="DU1", trigger=LIVE)
    assert await by_run("r", seals().judge_seal, request) == ""
    with pytest.raises(KeyMissing, match="rebalancer key new"):
        await by_run("r", seals(Settings(seals=Required.REQUIRED)).judge_seal, request)


# --- keys that come and go --------------------------------------------------------------------------------------------


def test_a_seal_of_a_key_that_was_taken_out_is_refused_and_the_known_ones_are_named(keys: KeyRing) -> None:
    trigger = sealed_trigger(LIVE)
    replaced(keys, new_key("bob"), new_key("carl"))
    ring = read_key_ring()
    assert ring is not None
    assert refusal_of(ring, trigger) == (
        "event e1 is sealed with the key 'ann', which is not known here (known: bob, carl), so it cannot trade"
    )


def test_another_key_under_the_same_id_is_another_key(keys: KeyRing) -> None:
    trigger = sealed_trigger(LIVE)
    assert seals().counts(trigger)
    replaced(keys, new_key("ann"))
    assert not seals().counts(trigger)
    assert seals().counts(sealed_trigger(LIVE))


def test_a_trigger_counts_as_live_only_with_a_seal_and_a_dry_run_always(keys: KeyRing) -> None:
    assert seals().counts(DRY)
    assert not seals().counts(LIVE)
    assert not seals().counts(sealed_trigger(LIVE).model_copy(update={"account": "DU2"}))
    assert seals(Settings(seals=Required.OPTIONAL)).counts(LIVE)


# --- what a run is told before it begins ------------------------------------------------------------------------------


def test_each_trigger_is_told_why_it_does_not_count_in_the_order_of_asking(keys: KeyRing) -> None:
    good, later = sealed_trigger(LIVE), LIVE.model_copy(update={"event_id": "e2"})
    refusals = found(opening(later, good)).refusals
    assert [bool(each) for each in refusals] == [True, False]
    assert refusals[0].startswith("event e2 has no seal")


def test_a_permit_is_for_a_run_with_a_good_seal_and_lets_that_run_and_account_trade_alone(keys: KeyRing) -> None:
    permit = found(opening(LIVE, sealed_trigger(LIVE))).permit
    assert permit.startswith("ann:")
    assert seals().is_permitted(permit, "DU1", "r")
    assert not seals().is_permitted(permit, "DU1", "s")
    assert not seals().is_permitted(permit, "DU2", "r")
    assert found(opening(LIVE)).permit == ""
    assert found(opening()).permit == ""


@pytest.mark.parametrize("permit", ["", "ann", "ann:", ":", "bob:0", "ann:ü"])
def test_what_is_no_permit_lets_nothing_trade(keys: KeyRing, permit: str) -> None:
    assert not seals().is_permitted(permit, "DU1", "r")
    assert seals(Settings(seals=Required.OPTIONAL)).is_permitted(permit, "DU1", "r")


def test_the_proof_of_a_memory_is_no_permit_nor_a_permit_a_proof(keys: KeyRing) -> None:
    """Every run has a proof, also one that nobody sealed."""
    findings = found(opening(sealed_trigger(LIVE)))
    assert seals().is_proof(findings.proof, "DU1", "r")
    assert not seals().is_permitted(findings.proof, "DU1", "r")
    assert not seals().is_proof(findings.permit, "DU1", "r")


def test_a_permit_and_a_proof_survive_a_new_key_above_theirs(keys: KeyRing) -> None:
    findings = found(opening(sealed_trigger(LIVE)))
    replaced(keys, new_key("bob"), keys.first)
    assert seals().is_permitted(findings.permit, "DU1", "r")
    assert seals().is_proof(findings.proof, "DU1", "r")
    replaced(keys, new_key("bob"))
    assert not seals().is_permitted(findings.permit, "DU1", "r")
    assert not seals().is_proof(findings.proof, "DU1", "r")


def test_only_the_workflow_itself_gets_a_permit_or_a_proof(keys: KeyRing) -> None:
    """Anybody can have an activity run under any run's name, but not a local one."""
    proof = found(opening(), "before").proof
    request = opening(sealed_trigger(LIVE), is_follow_up=True, run_before="before", proof=proof)
    assert found(request, is_local=False) == SealFindings(refusals=("",))


def test_a_follow_up_is_one_that_says_so_and_brings_the_proof_of_the_run_before(keys: KeyRing) -> None:
    proof = found(opening(), "before").proof
    handed: dict[str, Any] = {"is_follow_up": True, "run_before": "before", "proof": proof}
    assert found(opening(**handed)).is_follow_up
    changes: tuple[dict[str, Any], ...] = (
        {"is_follow_up": False},
        {"run_before": "another"},
        {"proof": ""},
        {"account": "DU2"},
    )
    for changed in changes:
        assert not found(opening(**{**handed, **changed})).is_follow_up


def test_nothing_is_found_where_no_seals_are_required() -> None:
    assert by_run("r", seals().findings, opening(LIVE)) is None


# --- schedules --------------------------------------------------------------------------------------------------------


def test_a_sealed_schedule_seals_its_triggers_with_its_own_key_though_another_is_first_by_now(keys: KeyRing) -> None:
    request = sealed_schedule(SCHEDULE)
    replaced(keys, new_key("bob"), keys.first)
    trigger = seals().sealed_for(request, LIVE)
    assert (request.key_id, trigger.key_id) == ("ann", "ann")
    assert seals().counts(trigger)
    assert seals().sealed_for(request, DRY) == DRY


def test_a_schedule_without_a_seal_triggers_nothing_and_says_what_to_do(keys: KeyRing) -> None:
    with pytest.raises(SealRefused) as refused:
        seals().sealed_for(SCHEDULE, LIVE)
    assert str(refused.value) == (
        "schedule weekly has no seal, so it cannot trade. `rebalancer schedule add` seals it, and so does "
        "`rebalancer seal`. Nothing was triggered. Remove the schedule and add it again with a key."
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"schedule": "daily"},
        {"account": "DU2"},
        {"account": None, "strategy": "s"},
        {"if_drift": None},
        {"if_drift": Decimal(0)},
        {"key_id": "bob"},
        {"seal": ""},
    ],
)
def test_a_schedule_that_was_changed_since_it_was_sealed_triggers_nothing(
    keys: KeyRing, changed: dict[str, object]
) -> None:
    altered = sealed_schedule(SCHEDULE).model_copy(update=changed)
    with pytest.raises(SealRefused, match="Nothing was triggered") as refused:
        seals().sealed_for(altered, LIVE)
    assert f"schedule {altered.schedule}" in str(refused.value)
    assert seals(Settings(seals=Required.OPTIONAL)).sealed_for(altered, LIVE) == LIVE


def test_a_trigger_of_one_schedule_is_as_young_as_it_is(keys: KeyRing) -> None:
    """Its own time is sealed: nobody keeps a trigger of a schedule for later."""
    trigger = seals().sealed_for(sealed_schedule(SCHEDULE), LIVE)
    assert not seals().counts(trigger.model_copy(update={"requested_at": NOON + timedelta(days=1)}))
