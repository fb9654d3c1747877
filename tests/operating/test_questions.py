"""What an operator asks, as ``docs/operating.md`` answers it: each command and each route, on one evening."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from rebalancing.outcomes import Phase
from testbed.waiting import until
from tests.cli.command import Answer, Desk
from tests.house import House, phase_reached
from tests.operating import scenario as at
from tests.source_tree import ROOT
from tests.starter.web.api import Api, api_of
from workflows.rebalance_account import RebalanceAccount

ROW: Final = re.compile(r"^\| .* \| `rebalancer ([^`]+)`(?: \([^)]*\))? \| (?:–|`([A-Z]+) ([^`]+)`) \|$", re.MULTILINE)

DOCUMENTED: Final[list[tuple[str, str, str]]] = ROW.findall(
    (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
)
"""Command, method and path of each line."""


class Question(NamedTuple):
    """A command as the document has it, what stands for its placeholders, and what its answer must tell.

    ``consent`` says yes beforehand, for at a terminal it would ask.
    """

    command: str
    given: dict[str, str]
    status: int
    tells: tuple[str, ...]
    consent: tuple[str, ...]

    def arguments(self, ref: str) -> list[str]:
        """What is typed; ``ref`` is the order of unknown fate."""
        given = {"REF": ref, **self.given}
        return [*(given.get(word, word) for word in self.command.split()), *self.consent]


def asked(command: str, *tells: str, status: int = 0, consent: tuple[str, ...] = (), **given: str) -> Question:
    """A question."""
    return Question(command, given, status, tells, consent)


YES: Final = ("--yes",)

LOOKING: Final = (
    asked("status", *at.PHASES, *set(at.PHASES.values()), "ann@desk", "does NOT run", "disabled", status=3),
    asked("status ACCOUNT", "needs operator", "Look for it in TWS", status=3, ACCOUNT=at.OPERATOR),
    asked("history --since 1d", at.DONE, at.FAILED, at.INCOMPLETE, "its owner asked"),
    asked("history --failed", at.FAILED, at.INCOMPLETE),
    asked("history --csv", at.DONE, "QQQ"),
    asked("show ACCOUNT", "maximum_order_value", "Nothing was traded", ACCOUNT=at.FAILED),
    asked("positions ACCOUNT", "QQQ", "SPY", "cash", ACCOUNT=at.DONE),
    asked("schedule next"),
    asked("check", "Temporal", status=1),
    asked("doctor", "what to do", "is paused", "open runs", status=1),
)
"""What changes nothing."""

DOING: Final = (
    asked("halt", "trading is halted"),
    asked("resume", "Trading goes on"),
    asked("pause ACCOUNT", "is paused", ACCOUNT=at.NEVER_RUN),
    asked("unpause ACCOUNT", "not paused any more", ACCOUNT=at.NEVER_RUN),
    asked("pause --strategy NAME", "strategy other is paused", NAME="other"),
    asked("unpause --strategy NAME", "not paused any more", NAME="other"),
    asked("approve ACCOUNT", "is approved", consent=YES, ACCOUNT=at.APPROVAL),
    asked("reject ACCOUNT", "rejected", ACCOUNT=at.APPROVAL_TOO),
    asked("resolve ACCOUNT REF --not-placed", "resolved", ACCOUNT=at.OPERATOR),
    asked("cancel ACCOUNT", "cancelled", ACCOUNT=at.RUNNING),
    asked("cancel --at-broker ACCOUNT", "works any more", ACCOUNT=at.RUNNING),
    asked("run ACCOUNT --live", "requested", consent=YES, ACCOUNT=at.APPROVAL_TOO),
    asked("approve --all", at.APPROVAL_TOO, "is approved", consent=YES),
    asked("plan ACCOUNT", "QQQ", ACCOUNT=at.DONE),
    asked("plan --all", at.DONE, at.MARKET, "waiting for market", status=3),
    asked("run --strategy NAME --live", at.NEVER_RUN, consent=YES, NAME="other"),
    asked("retry ACCOUNT", "requested", consent=YES, ACCOUNT=at.INCOMPLETE),
    asked("retry --failed", at.FAILED, consent=YES),
)
"""What changes something. In this order: what holds a turn gives it back before somebody else needs one."""

ELSEWHERE: Final = frozenset(
    {
        "rehearse ACCOUNT --faults",
        "notify test",
        "backup FILE",
        "restore FILE",
        "history-restored",
        "accept-history ACCOUNT",
        "explain NAME",
    }
)
"""Tried in a test of its own (``tests/cli``)."""


def tells(question: Question, answer: Answer) -> None:
    """Whether the answer is one."""
    told = " ".join((answer.output + answer.errors).split())
    assert answer.status == question.status, f"{question.command}: {told}"
    missing = [each for each in question.tells if each not in told]
    assert missing == [], (question.command, told)


def test_every_documented_command_is_asked_and_every_asked_one_is_documented() -> None:
    asked_here = {question.command for question in (*LOOKING, *DOING)}
    assert {command for command, _, _ in DOCUMENTED} == asked_here | ELSEWHERE


async def test_every_question_is_answered_on_an_evening_with_everything_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at.evening(tmp_path, monkeypatch) as (own, operator):
        ref = (await own.handle(at.OPERATOR).query(RebalanceAccount.status)).orders[0].ref
        for question in LOOKING:
            tells(question, await operator.run(*question.arguments(ref)))
        async with api_of(own, tmp_path) as api:
            await _routes_that_read(api)
        for question in DOING:
            if question.command == "approve --all":
                await phase_reached(own.handle(at.APPROVAL_TOO), Phase.WAITING_FOR_APPROVAL)
            tells(question, await operator.run(*question.arguments(ref)))
        await _gateway_down(own, operator)


async def _routes_that_read(api: Api) -> None:
    """Each reading route of the document answers; that each changing one is there, its document says."""
    documented = (await api.client.get("/openapi.json")).json()["paths"]
    for _, method, route in DOCUMENTED:
        path, _, query = route.partition("?")
        known = path.replace("{account}", "{account_id}")
        assert not method or method.lower() in documented[known], route
        if method == "GET":
            answer = await api.client.get(path.replace("{account}", at.DONE), params=query)
            assert answer.status_code in ((200, 503) if path == "/ready" else (200,)), (route, answer.text)


async def _gateway_down(own: House, operator: Desk) -> None:
    await own.gateway.__aexit__(None, None, None)

    async def is_told() -> bool:
        return "NOT CONNECTED" in (await operator.run("status")).output

    await until(is_told)
