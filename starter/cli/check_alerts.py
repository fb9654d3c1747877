"""What ``rebalancer check`` tells of alerts: whether every receiver has a usable address. Nothing is sent."""

from configuration.alert_settings import AlertSettings
from configuration.alert_templates import read_templates
from configuration.environment import Connections, alert_address
from rebalancing.errors import RebalancerError
from starter.cli.mistakes import CommandFailed


async def check_alerts(settings: AlertSettings, connections: Connections) -> str:
    """Look at addresses and templates. Raises ``CommandFailed`` with all that is wrong."""
    if not settings.is_on:
        return "nobody is told anything; name receivers under `alerts:` in the configuration"
    # Imported only here: it takes a moment, and most commands send nothing.
    from activities.alerts.receivers import Receivers
    from activities.alerts.words import AlertWords, TemplateBroken

    own = read_templates(settings.templates)
    problems, fine = list(own.problems), list[str]()
    words = AlertWords(settings, own.texts)
    for kind in own.texts:
        try:
            words.check(kind)
        except TemplateBroken as broken:
            problems.append(f"{broken}; its built-in words are used until it is mended")
    receivers = Receivers(alert_address)
    for name in settings.receivers:
        try:
            fine.append(f"{name} ({receivers.check(name)})")
        except RebalancerError as error:
            problems.append(str(error))
    if settings.ably_channel is not None and connections.ably_api_key is None:
        problems.append("alerts.ably_channel needs ABLY_API_KEY, and a key that may publish there")
    if problems:
        raise CommandFailed("; ".join(problems))
    outcomes = f"; outcomes go to the Ably channel {settings.ably_channel}" if settings.ably_channel else ""
    return f"receivers: {', '.join(fine) or 'none'}{outcomes}. Try them with `rebalancer notify test`"
