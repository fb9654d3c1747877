"""Logging of the commands that stay: one line for each thing that happened, to standard error."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError

from rebalancing.account_names import AccountNames
from rebalancing.errors import RebalancerError
from starter.cli.log_lines import JsonLine, whereabouts, with_whereabouts

LOG_FORMAT: Final = "%(asctime)s %(levelname)-7s %(message)s"
OURS: Final = (
    "starter",
    "worker",
    "workflows",
    "activities",
    "contract",
    "configuration",
    "rebalancing",
    "simulator",
)
"""The folders whose own lines are shown from the level on that was chosen."""

LONGEST_LINE: Final = 1000
"""Characters of a line; what comes from outside may be of any length."""

JUDGED_BY_US: Final = ("ib_insync", "ably", "websockets", "httpx", "apprise")
"""Libraries whose every failure reaches our own code, which says in one line what it means."""

GARBAGE: Final = ("ib_insync.Decoder", "eventkit")
"""They speak when a message could not be taken in, with all of it and a traceback through their own code."""

TEMPORAL_CORE: Final = "temporalio.core"
"""What Temporal's library says of its connection."""

SERVER: Final = "uvicorn"
"""It warns of whatever is sent to it that is no HTTP."""

TRACES: Final = "opentelemetry"
"""It says so, again and again, when nobody takes its traces."""

RATIONED: Final = (*GARBAGE, TEMPORAL_CORE, SERVER, TRACES, "activities.gateway.said")
"""What is said as often as somebody outside likes."""

MOST_LINES, WINDOW = 10, 60.0
"""So many lines of one of these are shown in so many seconds; the rest is counted."""

KNOWN: Final = (RebalancerError, RPCError)
"""Errors whose message says all; a traceback is for what nobody foresaw."""


def start_logging(
    level: int = logging.INFO, exporter: PrometheusConfig | None = None, *, as_json: bool = False
) -> None:
    """Log what this application does from ``level`` on; libraries speak up only when something is wrong.

    ``exporter`` says where metrics are kept ready, if they are; ``as_json`` has lines for programs. Raises
    ``ValueError`` if metrics cannot be kept there.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonLine() if as_json else OneLine())
        for look in (without_known_tracebacks, without_garbage, Rationed(), with_whereabouts):
            handler.addFilter(look)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    for name in JUDGED_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in GARBAGE:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger(SERVER).setLevel(logging.ERROR)
    # The worker logs every failed try as a warning; whoever wants only warnings wants only what a person must look at.
    logging.getLogger("temporalio.activity").setLevel(max(level + 10, logging.WARNING))
    logging.getLogger("temporalio.workflow").setLevel(level)  # what workflows log themselves
    workflow.logger.workflow_info_on_message = False
    forward_temporal_core(logging.WARNING, exporter)


def forward_temporal_core(level: int = logging.ERROR, exporter: PrometheusConfig | None = None) -> None:
    """Have Temporal's library, which is no Python, log like everybody else. Before the first connection is made.

    The second time only the level changes: another runtime would have other metrics.
    """
    logger = logging.getLogger(TEMPORAL_CORE)
    is_new = logger.level == logging.NOTSET
    logger.setLevel(level)
    if not (is_new or exporter):
        return
    forwarding = LogForwardingConfig(logger, append_target_to_name=False, prepend_target_on_message=False)
    heard = LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding)
    telemetry = TelemetryConfig(logging=heard, metrics=exporter, attach_service_name=False)
    Runtime.set_default(Runtime(telemetry=telemetry), error_if_already_set=False)


class OneLine(logging.Formatter):
    """One line for each record, of bounded length, in which no text from outside can pass for a line of its own.

    Only the traceback of an error that nobody foresaw follows on lines of its own.
    """

    def __init__(self) -> None:
        super().__init__(LOG_FORMAT, datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The record's line."""
        about = whereabouts(record)
        line = super().formatMessage(record) + (f" [{about}]" if about else "")
        line = "".join(character if character.isprintable() else " " for character in line)
        return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


class WithNames(logging.Formatter):
    """Any other's lines, with the names of accounts in the place of numbers: whoever wrote them, tracebacks too."""

    def __init__(self, form: logging.Formatter, names: Callable[[], AccountNames]) -> None:
        super().__init__()
        self._form = form
        self._names = names

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines."""
        return self._names().told(self._form.format(record))


def call_by_name(names: Callable[[], AccountNames]) -> None:
    """Have no number of an account in the log that has an alias."""
    for handler in logging.getLogger().handlers:
        if handler.formatter is not None:
            handler.setFormatter(WithNames(handler.formatter, names))


def without_known_tracebacks(record: logging.LogRecord) -> bool:
    """Make one line of an error that we raised on purpose: its message says all, and it is logged at every try.

    An activity that was cancelled is no error at all.
    """
    error = record.exc_info[1] if record.exc_info else None
    is_of_activity = record.name.startswith("temporalio.activity")
    if is_of_activity and isinstance(error, asyncio.CancelledError):
        return False  # it was told to end, and did; who told it says why
    if is_of_activity and isinstance(error, ApplicationError):
        if isinstance(error.__cause__, RebalancerError | None):
            told = record.__dict__.get("temporal_activity", {})
            where = told.get("workflow_id") or "the command line"
            _say(record, f"{told.get('activity_type', 'an activity')} for {where}: {error.message}")
    elif isinstance(error, KNOWN):
        _say(record, f"{record.getMessage()}: {error}")
    return True


def without_garbage(record: logging.LogRecord) -> bool:
    """Say of what came from outside and could not be taken in, or of a server that is away, that it is so."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith(GARBAGE):
        _say(record, f"a message of the gateway could not be taken in ({error!r:.200}); it is left out")
    elif record.name == TEMPORAL_CORE:
        # Its error is nested text of its own form; the innermost message is the one for people.
        reasons = re.findall(r'message: \\?"([^"\\]+)', record.getMessage()) or [record.getMessage()]
        _say(record, f"Temporal: {reasons[-1]:.200}; it is tried again")
    return True


class Rationed(logging.Filter):
    """Shows so many lines of a noisy logger in a window of time, and then how many there were besides."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        if not record.name.startswith(RATIONED):
            return True
        now = self._clock()
        began, seen = self._windows.get(record.name, (now, 0))
        if now - began >= WINDOW:
            if seen > MOST_LINES:
                _say(record, f"{record.getMessage()} ({seen - MOST_LINES} more like it before)")
            began, seen = now, 0
        self._windows[record.name] = began, seen + 1
        return seen < MOST_LINES


def _say(record: logging.LogRecord, text: str) -> None:
    """Have the record say this, and no more."""
    record.msg, record.args = text, None
    record.exc_info = record.exc_text = record.stack_info = None
