"""Logging of the commands that stay: one line for each event, to standard error."""

import logging
import sys
from typing import Final

from temporalio.exceptions import ApplicationError

LOG_FORMAT: Final = "%(asctime)s %(levelname)-7s %(message)s"
OURS: Final = ("starter", "worker", "activities", "workflows", "simulator")


def start_logging(level: int = logging.INFO) -> None:
    """Log what this application does from ``level`` on; libraries speak up only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, datefmt="%H:%M:%S", stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(without_known_tracebacks)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # The worker logs every failed try as a warning; whoever wants only warnings wants only what a person must look at.
    logging.getLogger("temporalio.activity").setLevel(max(level + 10, logging.WARNING))


def without_known_tracebacks(record: logging.LogRecord) -> bool:
    """Make one line of an error that we raised on purpose: its message says all, and it is logged at every try."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith("temporalio.activity") and isinstance(error, ApplicationError):
        told = record.__dict__.get("temporal_activity", {})
        where = told.get("workflow_id") or "the command line"
        record.msg = f"{told.get('activity_type', 'an activity')} for {where}: {error.message}"
        record.args = None
        record.exc_info = record.exc_text = None
    return True
