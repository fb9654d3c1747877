"""Why a request is not carried out: the API's error codes with their words.

A gateway has no words for what it can do and this simulation cannot. There an order is rejected (201) like any other,
another request gets the code for trouble in processing it (322), and the text says what is not simulated. It is not
321, "error validating request": ib_async takes that for a warning, and whoever asked would wait for ever.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """The error that a request gets for its answer."""

    code: int
    text: str


def not_valid(cause: str) -> Refusal:
    """A request that could be read and asks for something impossible."""
    return Refusal(321, f"Error validating request.-'bH' : cause - {cause}")


def not_simulated(what: str) -> Refusal:
    """A request that a real gateway might well carry out."""
    return Refusal(322, f"Error processing request.-'bH' : cause - {what} is not simulated")


def rejected(reason: str) -> Refusal:
    """An order that is not taken."""
    return Refusal(201, f"Order rejected - reason:{reason}")


def unreadable(cause: str) -> Refusal:
    """A request that could not be read."""
    return Refusal(320, f"Error reading request. {cause}")


def no_such_subscription(request_id: int) -> Refusal:
    """A cancel of something nobody asked for."""
    return Refusal(300, f"Can't find EId with tickerId:{request_id}")
