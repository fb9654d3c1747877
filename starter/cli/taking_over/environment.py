"""What the old ``.env`` says, by our names. Passwords go into no ``.env`` of ours."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from rebalancing.market.gateway_restart import parse_restart
from starter.cli.taking_over.findings import Fate, Finding

WHERE: Final = ".env"

RENAMED: Final[Mapping[str, str]] = {
    "ALLOCATIONS_API_KEY": "ALLOCATIONS_API_KEY",
    "ZEHNLABS_FINTECH_API_KEY": "ALLOCATIONS_API_KEY",
    "ALLOCATIONS_BASE_URL": "ALLOCATIONS_BASE_URL",
    "REBALANCE_EVENT_SUBSCRIPTION_API_KEY": "ABLY_API_KEY",
    "REALTIME_API_KEY": "ABLY_API_KEY",
    "ABLY_API_KEY": "ABLY_API_KEY",
    "IB_USERNAME": "TWS_USERID",
    "IBKR_USERNAME": "TWS_USERID",
    "AUTO_RESTART_TIME": "AUTO_RESTART_TIME",
}
"""Ours by theirs; of two by the same name the first that is set counts."""

PASSWORDS: Final[Mapping[str, str]] = {
    "IB_PASSWORD": "secrets/tws_password",
    "IBKR_PASSWORD": "secrets/tws_password",
    "VNC_PASSWORD": "secrets/vnc_password",
}
"""Where Compose has them; whoever logs in at the gateway himself needs none."""

PORTS: Final[Mapping[str, int]] = {"paper": 4002, "live": 4001}
"""Where IB Gateway listens for such a login, unless it is told otherwise (IBKR, "TWS API: initial setup")."""

WITHOUT_EQUAL: Final[Mapping[str, str]] = {
    "TIME_IN_FORCE": "orders are for the day; what is not filled is told as a gap and traded at the next event",
    "EXTENDED_HOURS_ENABLED": "`order_policy: {type: LMT, then: give_up, extended_hours: true}` trades then",
    "LOG_LEVEL": "each event is one line; LOG_FORMAT=json is for programs",
    "TEST_ACCOUNT_ID": "it was for tests of the old system",
    "REDIS_HOST": "Temporal keeps everything",
    "APPLICATION_API_KEY": "the HTTP API has tokens of its own",
    "MANAGEMENT_API_KEY": "the HTTP API has tokens of its own",
}

TOLD_OF_BY: Final = "ntfy"
"""Our name for the receiver of what went to ntfy.sh."""


class Taken(NamedTuple):
    """Our variables, the keys of ``accounts.yaml`` that come of theirs, and what became of each of theirs."""

    variables: dict[str, str]
    keys: dict[str, object]
    findings: tuple[Finding, ...]


def take_environment(old: Mapping[str, str]) -> Taken:
    """Bring it over. Nothing told has a value that may be secret."""
    variables: dict[str, str] = {}
    keys: dict[str, object] = {}
    findings: list[Finding] = []
    for name, ours in RENAMED.items():
        if name in old and ours not in variables:
            variables[ours] = old[name]
            same = name == ours
            findings.append(Finding(WHERE, name, Fate.TAKEN if same else Fate.CHANGED, "" if same else f"is {ours}"))
    findings += _mode(old, variables)
    findings += _restart(old, keys)
    findings += _notifications(old, variables, keys)
    findings += _left(old)
    if "ABLY_API_KEY" not in variables:
        findings.append(
            Finding(WHERE, "ABLY_API_KEY", Fate.TO_DO, "is missing: without it no events come; `rebalancer run` works")
        )
    return Taken(variables, keys, tuple(findings))


def _mode(old: Mapping[str, str], variables: dict[str, str]) -> Iterator[Finding]:
    if (mode := old.get("TRADING_MODE")) is None:
        return
    port = PORTS.get(mode.strip().lower())
    if port is None:
        yield Finding(WHERE, "TRADING_MODE", Fate.TO_DO, "is neither paper nor live: set IBKR_PORT")
        return
    variables["IBKR_PORT"] = str(port)
    yield Finding(
        WHERE, "TRADING_MODE", Fate.CHANGED, f"is IBKR_PORT={port}; accounts of the other type are switched off"
    )


def _restart(old: Mapping[str, str], keys: dict[str, object]) -> Iterator[Finding]:
    if (told := old.get("AUTO_RESTART_TIME")) is None:
        return
    try:
        clock, half = told.upper().split()
        hour, minute = map(int, clock.split(":"))
        restart = f"{hour % 12 + 12 * (half == 'PM'):02}:{minute:02} US/Eastern"
        parse_restart(restart)
    except ValueError:
        yield Finding(WHERE, "AUTO_RESTART_TIME", Fate.TO_DO, "is no time such as 10:00 PM: set gateway_restart")
        return
    keys["gateway_restart"] = restart
    yield Finding(WHERE, "AUTO_RESTART_TIME", Fate.CHANGED, f"is gateway_restart: {restart} too")


def _notifications(old: Mapping[str, str], variables: dict[str, str], keys: dict[str, object]) -> Iterator[Finding]:
    names = ("USER_NOTIFICATIONS_CHANNEL", "USER_NOTIFICATIONS_CHANNEL_PREFIX")
    name = next((each for each in names if each in old), None)
    wanted = old.get("USER_NOTIFICATIONS_ENABLED", "true").strip().lower() == "true"
    if name is None or not wanted:
        return
    server = old.get("USER_NOTIFICATIONS_SERVER_URL", "https://ntfy.sh").partition("://")[2].rstrip("/")
    variables[f"ALERT_{TOLD_OF_BY.upper()}_URL"] = f"ntfys://{server}/{old[name]}"
    keys["alerts"] = {"receivers": {TOLD_OF_BY: "all"}}
    told = "is ALERT_NTFY_URL: one topic for all accounts, where each had its own; subscribe to it"
    yield Finding(WHERE, name, Fate.CHANGED, told)


def _left(old: Mapping[str, str]) -> Iterator[Finding]:
    known = {*RENAMED, "TRADING_MODE", *(name for name in old if name.startswith("USER_NOTIFICATIONS_"))}
    for name in old:
        if name in PASSWORDS:
            yield Finding(WHERE, name, Fate.TO_DO, f"was not copied: Compose has it in {PASSWORDS[name]}")
        elif name in WITHOUT_EQUAL:
            yield Finding(WHERE, name, Fate.NO_EQUAL, WITHOUT_EQUAL[name])
        elif name not in known:
            yield Finding(WHERE, name, Fate.NO_EQUAL, "is not known")
