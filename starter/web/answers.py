"""The problems that each kind of route may answer with, for the OpenAPI document."""

from http import HTTPStatus
from typing import Final

READS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Where something is read."""

ASKS: Final = (*READS, HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
"""Where something is asked for that changes nothing."""

CHANGES: Final = ASKS
"""Where something is changed."""

WAITS: Final = (HTTPStatus.CONFLICT,)
"""Where it is waited for besides."""
