"""Keeps the stand-ins off the network: they hold no real secrets and check very little."""

import ipaddress


class NotLoopbackError(ValueError):
    """A stand-in was asked to listen on an address that other machines can reach."""


def require_loopback(host: str, *, allow_remote: bool) -> None:
    """Refuse `host` unless it is a loopback address or `allow_remote` says otherwise in as many words.

    Raises:
        NotLoopbackError: the address can be reached from other machines and nobody asked for that.
    """
    if allow_remote or _is_loopback(host):
        return
    raise NotLoopbackError(
        f"{host!r} can be reached from other machines; a stand-in listens on 127.0.0.1 unless remote "
        "connections are allowed explicitly"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
