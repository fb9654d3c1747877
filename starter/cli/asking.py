"""Asks whoever sits at the terminal for a yes. Where nobody sits there, nobody is asked."""

import signal
import sys

import click


def somebody_sits_here() -> bool:
    """Whether a question would be seen and could be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Whether the answer is yes; Ctrl-C and the end of the input are a no."""
    # asyncio's own handler only notes a Ctrl-C until the question is answered.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        return False
    finally:
        signal.signal(signal.SIGINT, before)
