"""What a line of the log is about, and lines for programs: an object of JSON each."""

import json
import logging
from datetime import UTC, datetime
from typing import Final

from temporalio import activity, workflow

from contract.names import account_of

LONGEST: Final = 2000
"""Characters of a message or a traceback in a line for programs; what comes from outside may be of any length."""

ABOUT: Final = ("account", "event", "run")
"""What every line has that is about a rebalance, as far as it is known where it is written."""

SHOWN_OF_RUN: Final = 8
"""Characters of a run's id that tell it from others to a person."""


def with_whereabouts(record: logging.LogRecord) -> bool:
    """Note which account, event and run a record is about: what it says itself, else what it was written in.

    A log filter of a handler: it runs where the line is written.
    """
    account, run = _here()
    for name, here in (("account", account), ("event", ""), ("run", run)):
        setattr(record, name, str(getattr(record, name, "") or here))
    return True


def whereabouts(record: logging.LogRecord) -> str:
    """The same for people, at the end of a line whose message has the account already."""
    event, run = str(getattr(record, "event", "")), str(getattr(record, "run", ""))
    account = str(getattr(record, "account", ""))
    told = [
        account if account not in record.getMessage() else "",
        f"event {event}" if event and event not in record.getMessage() else "",
        f"run {run[:SHOWN_OF_RUN]}" if run else "",
    ]
    return ", ".join(filter(None, told))


class JsonLine(logging.Formatter):
    """Time (UTC), level, logger, message; then account, event and run, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _bounded(record.getMessage()),
        }
        line |= {name: value for name in ABOUT if (value := getattr(record, name, ""))}
        if record.exc_info:
            line["traceback"] = _bounded(self.formatException(record.exc_info), from_end=True)
        return json.dumps(line, ensure_ascii=False)


def _here() -> tuple[str, str]:
    """Account and run of the activity or the workflow that is at work."""
    if activity.in_activity():
        info = activity.info()
        return account_of(info.workflow_id or ""), info.workflow_run_id or ""
    if workflow.in_workflow():
        running = workflow.info()
        return account_of(running.workflow_id), running.run_id
    return "", ""


def _bounded(text: str, *, from_end: bool = False) -> str:
    if len(text) <= LONGEST:
        return text
    return f"…{text[-LONGEST:]}" if from_end else f"{text[:LONGEST]}…"
