"""Addresses of the web. They may hold a password or a token, so nothing shows more of one than its host."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_WRITTEN: Final = r"^https?://[^\s/]+\S*$"
_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """The text with the address in it, and all that follows, cut down to scheme and host.

    A token may stand anywhere: as user name or password, in the path, in the query. What is no address stays as it is.
    """
    return _ADDRESS.sub(lambda found: _host_only(*found.groups()), text)


def _host_only(scheme: str, authority: str, rest: str) -> str:
    host = authority.rpartition("@")[2]
    # With an @ further on, what stands before the first slash may be the beginning of a password.
    if "@" in rest or not _HOST.fullmatch(host):
        return f"{scheme}://…"
    return f"{scheme}://{host}/…" if rest.strip("/") else f"{scheme}://{host}"


def shown(value: object) -> str:
    """Any value as it may stand in a message."""
    return repr(without_secrets(value)) if isinstance(value, str) else without_secrets(repr(value))


def _usable(address: str) -> str:
    if not re.search(_WRITTEN, address) or not _names_host(address):
        raise PydanticCustomError("web_address", "An address beginning with http:// or https:// is allowed")
    return address


def _names_host(address: str) -> bool:
    try:
        split = urlsplit(address)
        return bool(split.hostname) and split.port != 0
    except ValueError:
        return False


WebAddress = Annotated[str, AfterValidator(_usable), WithJsonSchema({"type": "string", "pattern": _WRITTEN})]
"""An address to read from. Show it by ``without_secrets`` only."""
