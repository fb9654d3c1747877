"""What most commands begin with: the environment, the configuration, and the connection to Temporal."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError
from pydantic_settings import SettingsError
from temporalio.client import Client, Interceptor

from configuration.configuration import Configuration, load_configuration
from configuration.environment import ENV_FILE, Connections, file_of, temporal_variables
from starter.cli.logs import forward_temporal_core
from starter.cli.mistakes import CommandFailed
from starter.desk.mistakes import UserMistake
from starter.desk.temporal_errors import innermost_reason
from worker.temporal import connect, connect_config

SIMULATED_ACCOUNTS: Final = Path(__file__).with_name("accounts.simulated.yaml")
"""The accounts of the simulated gateway, as it starts where no scenario is named."""


class Setup(NamedTuple):
    """Connections from the environment and ``.env``, accounts and settings from ``accounts.yaml``."""

    connections: Connections
    configuration: Configuration


def read_setup(*, may_be_simulated: bool = False) -> Setup:
    """Read both. Raises ``UserMistake`` or ``ConfigurationInvalid``, each with what to correct.

    ``may_be_simulated`` takes the accounts of the simulated gateway where no file is named and there is none. It is for
    what serves that gateway and for what only asks for an account by its number; nothing that trades for real uses it.
    """
    connections = read_connections()
    named = "accounts_file" in connections.model_fields_set
    if may_be_simulated and not named and not connections.accounts_file.exists():
        connections = connections.model_copy(update={"accounts_file": SIMULATED_ACCOUNTS})
    return Setup(connections, load_configuration(connections.accounts_file))


def read_connections() -> Connections:
    """Read the environment and ``.env``. Raises ``UserMistake`` naming the variables that are wrong, never a value."""
    with _readable_env_file():
        try:
            return Connections()
        except ValidationError as invalid:
            problems = (
                f"{'.'.join(str(part) for part in error['loc']).upper()}: {error['msg']}"
                for error in invalid.errors(include_url=False, include_input=False)
            )
            raise UserMistake(
                f"The environment (or .env, or a file of a secret) cannot be used: {'; '.join(problems)}."
            ) from None


@contextmanager
def _readable_env_file() -> Generator[None]:
    try:
        yield
    except (SettingsError, UnicodeDecodeError, OSError) as error:
        # What the library could not read of a file of a secret it wraps.
        raise UserMistake(_unreadable(error.__cause__ if isinstance(error, SettingsError) else error)) from None


def _unreadable(cause: BaseException | None) -> str:
    if isinstance(cause, UnicodeDecodeError):
        return f"{file_of(cause)} is no UTF-8 text: see byte {cause.start + 1}."
    if isinstance(cause, OSError):
        return f"{cause.filename or ENV_FILE} cannot be read: {cause.strerror or cause}."
    return f"The environment, {ENV_FILE} or a file of a secret cannot be read."


async def connect_temporal(*, lazy: bool = False, interceptors: Sequence[Interceptor] = ()) -> Client:
    """Connect as the ``temporal`` command would; ``lazy``: whether or not the server is there already.

    Raises ``UserMistake`` or ``CommandFailed`` with what to do.
    """
    read_connections()  # it names the key file, and what is wrong with it is not the server's fault
    address = temporal_address()
    forward_temporal_core()
    try:
        return await connect(lazy=lazy, interceptors=interceptors)
    except (RuntimeError, ValueError) as error:
        raise CommandFailed(
            f"No Temporal server answers at {address}. Start one with `rebalancer up`, or correct TEMPORAL_ADDRESS. "
            f"({innermost_reason(error)})"
        ) from None


def temporal_address() -> str:
    """The address that the environment, ``.env`` and ``temporal.toml`` name, or the usual one.

    Raises ``UserMistake`` for what they say of Temporal and cannot be used.
    """
    with _readable_env_file():
        temporal_variables()
    try:
        return connect_config().get("target_host", "")
    except (OSError, RuntimeError, ValueError) as error:  # also for a certificate that cannot be read
        raise UserMistake(f"Temporal's own configuration cannot be used: {error}") from None


def gateway_name(gateway: str | None) -> str:
    """A gateway in words; ``None`` is the one without a name."""
    return f"gateway {gateway}" if gateway else "the gateway"
