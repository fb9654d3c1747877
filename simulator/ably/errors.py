"""Errors as Ably reports them, over REST and inside protocol frames."""

from collections.abc import Mapping

ErrorInfo = dict[str, object]


class AblyError(Exception):
    """A refusal with Ably's own code.

    Args:
        code: Ably's five-digit error code, e.g. 40101.
        status: The HTTP status it goes with.
        message: What a person reads.
        retry_after: What the header of that name says in an HTTP answer, if anything.
    """

    def __init__(self, code: int, status: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.status = status
        self.message = message
        self.retry_after = retry_after

    def info(self) -> ErrorInfo:
        """The `error` member of a REST answer or a protocol frame; the client needs all three as they are."""
        return {
            "code": self.code,
            "statusCode": self.status,
            "message": self.message,
            "href": f"https://help.ably.io/error/{self.code}",
        }


def body(error: AblyError) -> Mapping[str, object]:
    """The whole body of a failed REST request."""
    return {"error": error.info()}


def invalid_credential(message: str = "invalid credentials: the key or token is not known here") -> AblyError:
    """The answer to a wrong key or an unknown token."""
    return AblyError(40101, 401, message)


def bad_request(message: str) -> AblyError:
    """The answer to something that cannot be read."""
    return AblyError(40000, 400, message)


def not_simulated(what: str) -> AblyError:
    """The answer to what Ably does and this stand-in does not: it is never accepted in silence."""
    return AblyError(40000, 400, f"{what} not simulated by this stand-in")


def not_permitted(operation: str, channel: str) -> AblyError:
    """The answer to an operation the credential's capability does not cover."""
    return AblyError(40160, 401, f"action not permitted: {operation!r} on channel {channel!r}")
