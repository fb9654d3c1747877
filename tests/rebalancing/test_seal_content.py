"""What stands under a seal: all that decides, so that nothing of it can be changed or moved (promise P10)."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from contract.messages import Resolution
from rebalancing.approval import Approval
from rebalancing.seals import (
    approval_content,
    is_seal_over,
    resolution_content,
    run_content,
    seal_over,
    trigger_content,
    written,
)
from rebalancing.triggers import ExecutionMode, Trigger

AT = datetime(2026, 11, 24, 14, 30, 0, 120, tzinfo=UTC)
TRIGGER = Trigger(
    account="DU1",
    event_id="e1",
    mode=ExecutionMode.REBALANCE,
    source="cli",
    requested_at=AT,
    by="ann@desk",
    key_id="ann",
    seal="0" * 64,
)
APPROVAL = Approval(plan_hash="abcd", by="ann@desk", key_id="ann", seal="0" * 64)
RESOLUTION = Resolution(ref="rb-1", filled=3, by="ann@desk", key_id="ann", seal="0" * 64)


def of_approval(approval: Approval) -> bytes:
    """For run r of DU1."""
    return approval_content("DU1", "r", approval)


def of_resolution(resolution: Resolution) -> bytes:
    """For run r of DU1."""
    return resolution_content("DU1", "r", resolution, resolution.key_id)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            lambda: trigger_content(TRIGGER),
            {
                "kind": "trigger",
                "account": "DU1",
                "mode": "rebalance",
                "event_id": "e1",
                "requested_at": "2026-11-24T14:30:00.000120+00:00",
                "source": "cli",
                "by": "ann@desk",
                "key_id": "ann",
            },
        ),
        (
            lambda: of_approval(APPROVAL),
            {
                "kind": "approval",
                "account": "DU1",
                "run_id": "r",
                "plan_hash": "abcd",
                "by": "ann@desk",
                "key_id": "ann",
            },
        ),
        (
            lambda: of_resolution(RESOLUTION),
            {
                "kind": "resolution",
                "account": "DU1",
                "run_id": "r",
                "ref": "rb-1",
                "filled": 3,
                "by": "ann@desk",
                "key_id": "ann",
            },
        ),
        (lambda: run_content("DU1", "r"), {"kind": "run", "account": "DU1", "run_id": "r"}),
    ],
)
def test_what_is_sealed_is_everything_and_stays_written_alike_from_release_to_release(
    content: Callable[[], bytes], says: dict[str, object]
) -> None:
    """A seal made by one release must be good for the next: a run may wait for days."""
    assert content() == json.dumps(says, sort_keys=True, separators=(",", ":")).encode()


CHANGES: list[tuple[Callable[[Any], bytes], Any, dict[str, object]]] = [
    (trigger_content, TRIGGER, {"account": "DU2"}),
    (trigger_content, TRIGGER, {"event_id": "e2"}),
    (trigger_content, TRIGGER, {"mode": ExecutionMode.DRY_RUN}),
    (trigger_content, TRIGGER, {"source": "http"}),
    (trigger_content, TRIGGER, {"requested_at": AT + timedelta(microseconds=1)}),
    (trigger_content, TRIGGER, {"by": ""}),
    (trigger_content, TRIGGER, {"key_id": "bob"}),
    (of_approval, APPROVAL, {"plan_hash": "abce"}),
    (of_approval, APPROVAL, {"by": "bob"}),
    (of_approval, APPROVAL, {"key_id": "bob"}),
    (of_resolution, RESOLUTION, {"ref": "rb-2"}),
    (of_resolution, RESOLUTION, {"filled": 4}),
    (of_resolution, RESOLUTION, {"filled": None}),
    (of_resolution, RESOLUTION, {"by": "bob"}),
    (of_resolution, RESOLUTION, {"key_id": "bob"}),
]


@pytest.mark.parametrize(("content", "one", "changed"), CHANGES)
def test_nothing_of_what_is_sealed_can_be_changed_under_the_seal(
    content: Callable[[Any], bytes], one: Any, changed: dict[str, object]
) -> None:
    seal = seal_over(b"secret", content(one))
    assert is_seal_over(b"secret", content(one), seal)
    assert not is_seal_over(b"secret", content(one.model_copy(update=changed)), seal)


def test_a_yes_to_a_plan_is_good_for_one_run_of_one_account_and_never_a_word_on_an_order() -> None:
    for_one_run: tuple[Callable[[str, str], bytes], ...] = (
        run_content,
        lambda account, run_id: approval_content(account, run_id, APPROVAL),
        lambda account, run_id: resolution_content(account, run_id, RESOLUTION, "ann"),
    )
    contents = {of(account, run_id) for account in ("DU1", "DU2") for run_id in ("r", "s") for of in for_one_run}
    assert len(contents) == 2 * 2 * 3


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_same_moment_is_sealed_alike_in_every_time_zone_and_on_a_machine_of_any(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """Who seals and who looks at it may be on two continents."""
    elsewhere = TRIGGER.model_copy(update={"requested_at": AT.astimezone(timezone(timedelta(hours=-5)))})
    with monkeypatch.context() as here:
        here.setenv("TZ", zone)
        time.tzset()
        contents = trigger_content(elsewhere), trigger_content(TRIGGER)
    time.tzset()
    assert all(b'"requested_at":"2026-11-24T14:30:00.000120+00:00"' in content for content in contents)


def test_a_seal_is_the_standard_hmac_so_that_anybody_with_the_key_can_make_one() -> None:
    content = written("kind", b=None, a="ü")
    assert content == rb'{"a":"\u00fc","b":null,"kind":"kind"}'
    assert seal_over(b"secret", content) == hmac.new(b"secret", content, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("seal", ["", "0" * 64, "ü", "\U0001f642" * 64])
def test_whatever_stands_in_the_place_of_a_seal_is_none(seal: str) -> None:
    assert not is_seal_over(b"secret", b"content", seal)
    assert not is_seal_over(b"another", b"content", seal_over(b"secret", b"content"))
