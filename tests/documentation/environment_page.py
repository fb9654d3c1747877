"""docs/reference/environment.md: every variable that is read, with an example."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic_settings import BaseSettings

from configuration.environment import (
    SYSTEMD_SECRETS,
    TEMPORAL_VARIABLES,
    AlertAddress,
    Connections,
    GatewayConnection,
)
from configuration.user_folder import CONFIG_HOME
from configuration.variables import Variable
from contract import tracing
from tests.documentation.written_part import page_with

PAGE: Final = "docs/reference/environment.md"

MODELS: Final[Mapping[str, type[BaseSettings]]] = {
    "": Connections,
    "IBKR_<NAME>_": GatewayConnection,
    "ALERT_<NAME>_": AlertAddress,
}
"""By what the names of their variables begin with."""

READ_ALONE: Final = (SYSTEMD_SECRETS, CONFIG_HOME, *tracing.VARIABLES)
"""Those that no model has, but Temporal's."""

DEFAULTS: Final[Mapping[str, str]] = {
    "ABLY_ENDPOINT": "Ably's own",
    "ABLY_PORT": "Ably's own",
    "REBALANCER_KEY_FILE": "`~/.config/rebalancer/key`",
    "REBALANCER_KEY_ID": "the first",
    "REBALANCER_PAYLOAD_KEY_FILE": "derived from those who may trade",
    "METRICS_PORT": "no port",
}
"""Where ``none`` would not say what happens."""

DETAILS: Final[Mapping[str, str]] = {
    "ALERT_<NAME>_URL": "[Alerts](../alerts.md)",
    "REBALANCER_KEY_FILE": "[Keys](../keys.md)",
    "REBALANCER_PAYLOAD_KEY_FILE": "[Encryption](../encryption.md)",
    "LOG_FORMAT": "[Log](../metrics.md#log-and-traces)",
    "METRICS_HOST": "[Metrics](../metrics.md)",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "[Traces](../metrics.md#log-and-traces)",
}
"""Where the documents tell more of a variable."""

EXAMPLES: Final[Mapping[str, str]] = {
    "IBKR_HOST": "10.0.0.5",
    "IBKR_PORT": "4001",
    "IBKR_<NAME>_HOST": "IBKR_EAST_HOST=10.0.0.6",
    "IBKR_<NAME>_PORT": "IBKR_EAST_PORT=4003",
    "ABLY_API_KEY": "app.key:secret",
    "ABLY_ENDPOINT": "127.0.0.1",
    "ABLY_PORT": "8081",
    "ABLY_TLS": "false",
    "ALLOCATIONS_API_KEY": "a-secret",
    "ALLOCATIONS_BASE_URL": "https://example.com/api/v1/strategies",
    "ALERT_<NAME>_URL": "ALERT_PHONE_URL=ntfy://ntfy.sh/a-topic-nobody-guesses",
    "ACCOUNTS_FILE": "/srv/rebalancer/accounts.yaml",
    "REBALANCER_KEY_FILE": "/run/secrets/rebalancer-key",
    "REBALANCER_KEY_ID": "ann",
    "REBALANCER_PAYLOAD_KEY_FILE": "/run/secrets/payload-keys",
    "LOG_FORMAT": "json",
    "METRICS_HOST": "0.0.0.0",  # of a container, as in docker-compose.yml
    "METRICS_PORT": "9464",
}
"""Of the variables that a model has."""


def of_models() -> Iterator[Variable]:
    """Those that a model has."""
    for prefix, model in MODELS.items():
        for field, told in model.model_fields.items():
            name = f"{prefix}{field.upper()}"
            yield Variable(name, told.description or "", DEFAULTS.get(name) or _default(told.default), EXAMPLES[name])


def environment_page() -> str:
    """The page with a table of our variables, and one of Temporal's."""
    intro = (
        "As for the `temporal` command, in the environment or in `.env`; `temporal.toml` is read too. What else its "
        "library knows by names that begin with `TEMPORAL_` is read as well."
    )
    own = _table([*of_models(), *READ_ALONE])
    return page_with(PAGE, "\n\n".join([own, "## Temporal's own", intro, _table(TEMPORAL_VARIABLES)]))


def _table(variables: Any) -> str:
    return "\n".join(["| variable | meaning | default | example |", "|---|---|---|---|", *map(_row, variables)])


def _row(variable: Variable) -> str:
    name, meaning, default, example = variable
    told = " ".join(meaning.split())
    more = f" See {DETAILS[name]}." if name in DETAILS else ""
    whole = example if "<" in name else f"{name}={example}"
    return f"| `{name}` | {told[:1].upper()}{told[1:].removesuffix('.')}.{more} | {default} | `{whole}` |"


def _default(value: object) -> str:
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
