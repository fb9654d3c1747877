"""What each failure, phase and alert means and what to do: for the command line, and for the documents written of it.

A failure's text stands in the docstring of its type: what it is, and after ``Do:`` what a person is to do.
"""

import difflib
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from rebalancing.alerts import ALERTS
from rebalancing.errors import FiguresOld, GatewayRenewed, RebalancerError, TradingHeld
from rebalancing.phases import PHASES
from starter.desk.mistakes import UserMistake

KINDS: Final = {"failure": "reference/errors", "phase": "what-to-do/phases", "alert": "what-to-do/alerts"}
"""What is explained, and the page of the documents that has it."""

RAISING: Final = (
    *("activities.alerts.receivers", "activities.opening", "configuration.keys_in_use", "contract.encryption"),
    *("rebalancing.failures", "rebalancing.planner.plan", "rebalancing.targets", "starter.ably.listener"),
    *("starter.desk.accept_history", "starter.desk.cancel_orders", "starter.desk.cancel", "starter.desk.halt"),
    *("starter.desk.outcome", "starter.desk.plan", "starter.desk.positions", "starter.desk.retry"),
    *("starter.desk.schedules", "starter.desk.show", "starter.desk.updating", "starter.cli.rehearsal.scenario"),
)
"""The modules that have types of their own beside those that these import."""

FILLED_IN: Final = {"failure": "TYPE", "plan_hash": "HASH", "command": "the command that it names"}
"""What people are told of a template's field, where it is not the field's name."""

SEEN_TO: Final = (FiguresOld, GatewayRenewed, TradingHeld)
"""What a rebalance sees to itself, though the step that met it is not tried again."""

_DO: Final = "\nDo: "

_COMMAND: Final = re.compile(r"rebalancer [a-z-]+(?: list\b| [A-Z]+\b| --[a-z-]+(?: [A-Z]+\b)?)*")
"""In the text of an alert, which is plain."""


class Explanation(NamedTuple):
    """One thing that people meet, in Markdown. ``note``: whether it is tried again by itself, or when it is sent."""

    name: str
    kind: Literal["failure", "phase", "alert"]
    meaning: str
    do: str
    note: str = ""

    @property
    def anchor(self) -> str:
        """Where the documents have it."""
        return re.sub(r"[^\w-]+", "-", self.name.lower())

    @property
    def place(self) -> str:
        """Page and anchor, as one finds it in the repository."""
        return f"docs/{KINDS[self.kind]}.md#{self.anchor}"


def explanations() -> Iterator[Explanation]:
    """All there are: failures by name, then phases in their order, then alerts."""
    yield from map(_of_failure, failure_types())
    for phase, phase_rule in PHASES.items():
        yield Explanation(phase.value, "phase", *phase_rule)
    for kind, rule in ALERTS.items():
        sent = "Sent at once." if rule.is_urgent else "Sent with the digest."
        yield Explanation(kind.value, "alert", f"{rule.when[0].upper()}{rule.when[1:]}.", _of_template(rule.do), sent)


def failure_types() -> list[type[RebalancerError]]:
    """Every typed error, by name."""
    for module in RAISING:
        importlib.import_module(module)
    return sorted(_below(RebalancerError), key=lambda each: each.__name__)


def explained(name: str) -> list[Explanation]:
    """What goes by this name; a phase and an alert may both. Raises ``UserMistake``, with the nearest there are."""
    known = list(explanations())
    if found := [each for each in known if _plain(each.name) == _plain(name)]:
        return found
    names = {_plain(each.name): each.name for each in known}
    near = difflib.get_close_matches(_plain(name), names, n=1)
    hint = f"Do you mean {names[near[0]]}?" if near else "A type that is not ours is a defect: please report it."
    raise UserMistake(f"There is no failure, phase or alert {name[:60]!r}. {hint} `rebalancer explain` lists all.")


def _of_failure(kind: type[RebalancerError]) -> Explanation:
    told = (inspect.getdoc(kind) or "").replace("``", "`")
    meaning, _, do = told.partition(_DO)
    again = "Tried again by itself." if kind.retryable else "Not tried again by itself."
    if kind in SEEN_TO:
        again = "The rebalance goes on by itself, once it can."
    return Explanation(kind.__name__, "failure", _one_line(meaning), _one_line(do), again)


def _below(error: type[RebalancerError]) -> set[type[RebalancerError]]:
    named = {each for each in error.__subclasses__() if not each.__name__.startswith("_")}
    return named.union(*map(_below, error.__subclasses__()))


def _of_template(do: str) -> str:
    """The command of an alert's template, with words for what is filled in."""
    bare = re.sub(r"{%.*?%}", "", do).replace("{{ refs[0] if refs else 'REF' }}", "REF")
    told = re.sub(r"{{ (?:run\.)?(\w+) }}", lambda found: FILLED_IN.get(found[1], found[1].upper()), bare)
    return (_COMMAND.sub(r"`\g<0>`", told) or "nothing") + "."


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def _one_line(text: str) -> str:
    return " ".join(text.split())
