"""What comes from the environment, ``.env`` or files of secrets: connections and keys. Temporal's own are read by
``temporalio``.

A file of a secret is named as the variable is (``ably_api_key``, in any case), in ``/run/secrets``, where containers
have theirs, or in the folder that systemd's ``LoadCredential=`` makes. Variables go before ``.env``, that before files.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from rebalancing.errors import RebalancerError
from rebalancing.web_address import WebAddress

ENV_FILE: Final = ".env"
ENV_ENCODING: Final = "utf-8"

_TEMPORAL: Final = "TEMPORAL_"


class GatewayAddressMissing(RebalancerError):
    """A named gateway has no port in the environment."""


_SOURCES: Final = SettingsConfigDict(
    env_file=ENV_FILE, env_file_encoding=ENV_ENCODING, extra="ignore", frozen=True, env_ignore_empty=True
)


CONTAINER_SECRETS: Final = Path("/run/secrets")
SYSTEMD_SECRETS: Final = "CREDENTIALS_DIRECTORY"


class _Settings(BaseSettings):
    """Read from all of these sources."""

    model_config = _SOURCES

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the library's own signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Those of the library, with the folders that are there."""
        assert isinstance(file_secret_settings, SecretsSettingsSource)
        file_secret_settings.secrets_dir = _secret_folders()
        return init_settings, env_settings, dotenv_settings, file_secret_settings


class GatewayConnection(_Settings):
    """Where one gateway listens."""

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)


class AlertAddress(_Settings):
    """Where one receiver of alerts is reached, as ``apprise`` writes it; it may hold a token."""

    url: SecretStr | None = None


class Connections(_Settings):
    """Addresses and keys, by the names of the environment variables (in capitals). Empty means not set.

    ``ably_endpoint``, ``ably_port`` and ``ably_tls`` are only needed for another service than Ably's own.
    ``rebalancer_key_file`` has the keys of those who may trade (``configuration.key_ring``), ``rebalancer_key_id``
    says which of them seals what is asked for here; without it the first.
    ``rebalancer_payload_key_file`` has the keys of whoever may only read (``configuration.payload_keys``).
    ``metrics_host`` and ``metrics_port`` are where a process has its metrics for Prometheus, without a key.
    """

    ibkr_host: str = "127.0.0.1"
    ibkr_port: int = Field(default=4002, ge=1, le=65535)
    ably_api_key: SecretStr | None = None
    ably_endpoint: str | None = None
    ably_port: int | None = Field(default=None, ge=1, le=65535)
    ably_tls: bool = True
    allocations_api_key: SecretStr | None = None
    allocations_base_url: WebAddress | None = None
    accounts_file: Path = Path("accounts.yaml")
    rebalancer_key_file: Path | None = None
    rebalancer_key_id: str | None = None
    rebalancer_payload_key_file: Path | None = None
    log_format: Literal["text", "json"] = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=1, le=65535)

    def gateway(self, name: str | None) -> GatewayConnection:
        """The gateway of this name (``IBKR_<NAME>_HOST`` and so on); ``None`` is the one without a name.

        Raises ``GatewayAddressMissing`` for a named one whose port is not given: a default could be another gateway.
        """
        if name is None:
            return GatewayConnection.model_construct(host=self.ibkr_host, port=self.ibkr_port)
        prefix = f"IBKR_{name.upper()}_"
        found = GatewayConnection(_env_prefix=prefix)  # pyright: ignore[reportCallIssue]  # pydantic-settings adds it
        if found.port is None:
            raise GatewayAddressMissing(
                f"Accounts are reached through the gateway {name}, but nothing says where it listens: set {prefix}PORT "
                f"(and {prefix}HOST) in the environment or in .env."
            )
        return found


def alert_address(receiver: str) -> SecretStr | None:
    """The address of this receiver of alerts (``ALERT_<NAME>_URL``) as it is by now; ``None`` if there is none.

    Raises ``OSError`` or ``UnicodeDecodeError`` for an ``.env`` that cannot be read.
    """
    return AlertAddress(_env_prefix=f"ALERT_{receiver.upper()}_").url  # pyright: ignore[reportCallIssue]  # see above


def temporal_variables() -> dict[str, str]:
    """The environment as Temporal's client is to read it: what it does not say of Temporal, ``.env`` may say, and what
    that does not, files of secrets.

    Empty means not set. Raises ``OSError`` or ``UnicodeDecodeError`` for a file that cannot be read.
    """
    written = DotEnvSettingsSource(Connections, ENV_FILE, ENV_ENCODING, case_sensitive=True).env_vars
    own = {name: value for name, value in written.items() if value and name.startswith(_TEMPORAL)}
    return _temporal_secrets() | own | {name: value for name, value in os.environ.items() if value}


def file_of(error: UnicodeDecodeError) -> Path:
    """The file that is no text, of those that are read here: the error itself knows its content alone."""
    for file in _secret_files():
        with suppress(OSError):
            if file.read_bytes() == error.object:
                return file
    return Path(ENV_FILE)


def _temporal_secrets() -> dict[str, str]:
    files = [file for file in _secret_files() if file.name.upper().startswith(_TEMPORAL)]
    texts = {file.name.upper(): file.read_text(encoding=ENV_ENCODING).strip() for file in files}
    return {name: text for name, text in texts.items() if text}


def _secret_files() -> list[Path]:
    return [file for folder in _secret_folders() for file in folder.iterdir() if file.is_file()]


def _secret_folders() -> list[Path]:
    """The folders with files of secrets that are there; of two files by one name, that of systemd counts."""
    named = os.environ.get(SYSTEMD_SECRETS)
    folders = [CONTAINER_SECRETS, *([Path(named)] if named else [])]
    return [folder for folder in folders if folder.is_dir()]
