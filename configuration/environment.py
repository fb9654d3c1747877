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

from configuration.variables import Variable
from rebalancing.errors import RebalancerError
from rebalancing.web_address import WebAddress

ENV_FILE: Final = ".env"
ENV_ENCODING: Final = "utf-8"

_TEMPORAL: Final = "TEMPORAL_"

TEMPORAL_VARIABLES: Final = (
    Variable("TEMPORAL_ADDRESS", "where the server listens", "`localhost:7233`", "temporal.example.com:7233"),
    Variable("TEMPORAL_NAMESPACE", "the namespace", "`default`", "rebalancer"),
    Variable("TEMPORAL_API_KEY", "the key for it", "none", "a-key-of-temporal-cloud"),
    Variable("TEMPORAL_TLS", "whether TLS is spoken", "where a key, a certificate or a name is given", "true"),
    Variable("TEMPORAL_TLS_CLIENT_CERT_PATH", "the file with this client's certificate", "none", "/srv/tls/client.pem"),
    Variable("TEMPORAL_TLS_CLIENT_CERT_DATA", "the same as text", "none", "-----BEGIN CERTIFICATE-----…"),
    Variable("TEMPORAL_TLS_CLIENT_KEY_PATH", "the file with its key", "none", "/srv/tls/client.key"),
    Variable("TEMPORAL_TLS_CLIENT_KEY_DATA", "the same as text", "none", "-----BEGIN PRIVATE KEY-----…"),
    Variable(
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
        "the file with the certificate that the server's is checked by",
        "those of this machine",
        "/srv/tls/ca.pem",
    ),
    Variable("TEMPORAL_TLS_SERVER_CA_CERT_DATA", "the same as text", "none", "-----BEGIN CERTIFICATE-----…"),
    Variable("TEMPORAL_TLS_SERVER_NAME", "the name in its certificate", "that of the address", "temporal.internal"),
    Variable("TEMPORAL_CONFIG_FILE", "the file with profiles", "`temporal.toml` of this user", "/srv/temporal.toml"),
    Variable("TEMPORAL_PROFILE", "which of its profiles", "`default`", "production"),
)
"""Temporal's own, which its library reads (with the others that begin so)."""


class GatewayAddressMissing(RebalancerError):
    """A named gateway has no port in the environment.

    Do: set ``IBKR_<NAME>_PORT``, and ``IBKR_<NAME>_HOST`` where it is not this machine, or take ``gateway:`` from the
    accounts in accounts.yaml.
    """


_SOURCES: Final = SettingsConfigDict(
    env_file=ENV_FILE,
    env_file_encoding=ENV_ENCODING,
    extra="ignore",
    frozen=True,
    env_ignore_empty=True,
    use_attribute_docstrings=True,
)


CONTAINER_SECRETS: Final = Path("/run/secrets")
SYSTEMD_SECRETS: Final = Variable(
    "CREDENTIALS_DIRECTORY",
    "the folder with files of secrets that systemd's `LoadCredential=` makes (in the environment only)",
    "none",
    "/run/credentials/rebalancer.service",
)


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
    """Where a gateway listens that accounts name (`gateway: east`)."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Its port, which must be given; `rebalancer worker --gateway east` connects to that gateway only."""


class AlertAddress(_Settings):
    """Where one receiver of alerts is reached, as ``apprise`` writes it; it may hold a token."""

    url: SecretStr | None = None
    """Where a receiver of alerts is reached (`alerts.receivers: {phone: urgent}`), as
    [apprise](https://github.com/caronc/apprise) writes it; must be given."""


class Connections(_Settings):
    """Addresses and keys, by the names of the environment variables (in capitals). Empty means not set.

    Keys of those who may trade: ``configuration.key_ring``; of whoever may only read: ``configuration.payload_keys``.
    """

    ibkr_host: str = "127.0.0.1"
    """Where IB Gateway or TWS listens."""
    ibkr_port: int = Field(default=4002, ge=1, le=65535)
    """Its port: IB Gateway has 4001 live and 4002 paper, TWS 7496 and 7497."""
    ably_api_key: SecretStr | None = None
    """The listener's key; needed to listen."""
    ably_endpoint: str | None = None
    """Another service than Ably's own."""
    ably_port: int | None = Field(default=None, ge=1, le=65535)
    """Its port."""
    ably_tls: bool = True
    """Whether TLS is spoken with it."""
    allocations_api_key: SecretStr | None = None
    """Sent as `x-api-key` to `allocations.base_url`, and nowhere else; over https, or http on this machine."""
    allocations_base_url: WebAddress | None = None
    """Goes before `allocations.base_url`."""
    accounts_file: Path = Path("accounts.yaml")
    """The configuration file."""
    rebalancer_key_file: Path | None = None
    """The keys of those who may trade: lines `ID SECRET`."""
    rebalancer_key_id: str | None = None
    """Which of them seals what is asked for here; `--key-id` goes before it."""
    rebalancer_payload_key_file: Path | None = None
    """Keys that only decrypt and encrypt what is in Temporal."""
    log_format: Literal["text", "json"] = "text"
    """`json` has each line of the log as an object for programs: `time`, `level`, `logger`, `message`, and `account`,
    `event` and `run` where it is about a rebalance."""
    metrics_host: str = "127.0.0.1"
    """Where a process has its metrics for Prometheus; whoever reaches the port reads them."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Their port; `--metrics-port` goes before it."""

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
    named = os.environ.get(SYSTEMD_SECRETS.name)
    folders = [CONTAINER_SECRETS, *([Path(named)] if named else [])]
    return [folder for folder in folders if folder.is_dir()]
