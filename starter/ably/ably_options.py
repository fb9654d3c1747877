"""Our settings in the words of the `ably` client library, and what it says with the key taken out."""

from typing import Any
from urllib.parse import quote

from starter.ably.ably_settings import AblySettings, AblyTimings


def rest_options(settings: AblySettings) -> dict[str, Any]:
    """What `AblyRest` is made with."""
    options: dict[str, Any] = {"key": settings.key.get_secret_value(), "tls": settings.tls}
    if settings.endpoint is not None:
        options["endpoint"] = settings.endpoint
    if settings.port is not None:
        options["tls_port" if settings.tls else "port"] = settings.port
    if not settings.tls:
        # The library sends no key over plain HTTP; it signs a token request instead, with the server's time in it.
        options |= {"use_token_auth": True, "query_time": True}
    return options


def realtime_options(settings: AblySettings, timings: AblyTimings) -> dict[str, Any]:
    """What `AblyRealtime` is made with."""
    options: dict[str, Any] = {
        "key": settings.key.get_secret_value(),
        "tls": settings.tls,
        "auto_connect": False,
        "realtime_request_timeout": round(timings.request_timeout * 1000),
        "disconnected_retry_timeout": round(timings.backoff_base * 1000),
    }
    if settings.endpoint is not None:
        # For its WebSocket the library ignores the port, but takes one that is part of the endpoint. The slash
        # keeps that true for the version that will append its own.
        port = "" if settings.port is None else f":{settings.port}/"
        options["endpoint"] = f"{settings.endpoint}{port}"
    return options


def without_key(reason: object, settings: AblySettings) -> str:
    """What went wrong, without the key: the library puts whole addresses into some of its messages."""
    text = str(reason) or type(reason).__name__
    return text.replace(settings.key.get_secret_value(), "***").replace(quote(settings.key.get_secret_value()), "***")
