"""The ``http:`` block of ``accounts.yaml``: where the HTTP API listens, and whom it believes."""

import ipaddress
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rebalancing.base import ConfiguredModel

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000
"""The original's."""


def is_loopback(address: str) -> bool:
    """Whether this is a numeric address that only this machine reaches."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _numeric(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise PydanticCustomError("ip_address", "A numeric IP address is allowed") from None


IpAddress = Annotated[str, AfterValidator(_numeric), WithJsonSchema({"type": "string"})]
HostName = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]


class HttpSettings(ConfiguredModel):
    """Where the HTTP API listens, and whom it believes."""

    host: IpAddress = LOOPBACK
    """The address the HTTP API listens on; another than loopback needs `certificate` or `proxy`, and every request then
    a token."""
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65_535)
    """Its port."""
    trust_loopback: bool = False
    """Whether every program of this machine may read and trade without a token."""
    names: tuple[HostName, ...] = ()
    """The host names it is called by from elsewhere; a request by another name is refused."""
    certificate: str | None = Field(default=None, min_length=1)
    """A PEM file with the certificate for TLS, found from where the configuration is."""
    certificate_key: str | None = Field(default=None, min_length=1)
    """A PEM file with its key."""
    proxy: IpAddress | None = None
    """The address of the proxy that ends TLS in front of it; nobody else is answered then, and every request needs a
    token."""

    temporal_ui: str | None = Field(default=None, pattern=r"^https?://[^\s\"'<>]+$", max_length=200)
    """Where people reach the Temporal UI, for links; `up` knows it itself."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key are given together, or neither is")
        if not is_loopback(self.host) and not (self.certificate or self.proxy):
            raise ValueError(
                f"other machines reach {self.host}: give certificate and certificate_key for TLS, or name the proxy "
                f"that ends it; or listen on {LOOPBACK}"
            )
        if self.trust_loopback and self.proxy:
            raise ValueError(
                "what comes through a proxy comes from anywhere: trust_loopback and proxy exclude each other"
            )
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether whoever asks comes by TLS, as far as this machine or a proxy in front of it."""
        return self.certificate is not None or self.proxy is not None

    @property
    def is_near(self) -> bool:
        """Whether only programs of this machine reach it."""
        return is_loopback(self.host) and self.proxy is None
