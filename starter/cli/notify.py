"""``rebalancer notify test``: a test alert to every receiver, past Temporal."""

import asyncio
from datetime import UTC, datetime

from rich.text import Text

from activities.alerts.receivers import Receivers
from activities.alerts.words import AlertWords
from configuration.alert_settings import AlertSettings
from configuration.alert_templates import read_templates
from configuration.environment import alert_address
from contract.alerts import Alert, alert_id
from rebalancing.alerts import AlertKind
from rebalancing.errors import RebalancerError
from starter.cli.console import output_console, print_json
from starter.cli.mistakes import DONE, FAILED
from starter.cli.setup import read_setup
from starter.desk.mistakes import UserMistake

TAKEN = "took it"


async def run_test_command(receiver: str | None, *, as_json: bool) -> int:
    """Send it to all, or to one, and tell of each whether it took it; the exit status is 1 if one did not."""
    _, configuration = read_setup()
    settings = configuration.alerts
    names = _chosen(settings, receiver)
    told = dict(zip(names, await asyncio.gather(*(_try(settings, name) for name in names)), strict=True))
    if as_json:
        print_json(
            [{"receiver": name, "taken": not problem, "told": problem or TAKEN} for name, problem in told.items()]
        )
    else:
        for name, problem in told.items():
            mark = Text("WRONG  ", style="bold red") if problem else Text("ok     ", style="green")
            output_console().print(Text.assemble(mark, (f"{name:<13} ", "bold"), problem or TAKEN), soft_wrap=True)
    return FAILED if any(told.values()) else DONE


def _chosen(settings: AlertSettings, receiver: str | None) -> tuple[str, ...]:
    if not settings.receivers:
        raise UserMistake("Nobody is told anything: name receivers under `alerts:` in the configuration.")
    if receiver is None:
        return tuple(settings.receivers)
    if receiver not in settings.receivers:
        raise UserMistake(f"There is no receiver {receiver!r}; there is {', '.join(settings.receivers)}.")
    return (receiver,)


async def _try(settings: AlertSettings, name: str) -> str:
    """What is wrong; empty where it was taken."""
    alert = Alert(alert_id=alert_id(AlertKind.TEST), kind=AlertKind.TEST, at=datetime.now(UTC), subject=name)
    words = AlertWords(settings, read_templates(settings.templates).texts)
    try:
        await Receivers(alert_address).send(name, words.message((alert,)))
    except RebalancerError as error:
        return error.with_command
    return ""
