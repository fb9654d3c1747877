"""Which connections anybody on the way can read and alter: what goes in plain text to another machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_here(host: str) -> bool:
    """Whether it is this machine, by a name or an address that never means another."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_in_plain_text(address: str) -> str | None:
    """The host of an address that is read without TLS from another machine; ``None`` for any other address."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    return host if parts.scheme == "http" and not is_here(host) else None
