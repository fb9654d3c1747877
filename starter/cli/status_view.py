"""How accounts and installation stand, for people."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from starter.cli.plan_view import plan_view, waiting_view
from starter.cli.tables import PHASE_STYLES, orders_table
from starter.desk.account_status import NEVER_RUN, UNTOLD, AccountStatus
from starter.desk.ages import NOTHING, age, span
from starter.desk.installation import ChannelStanding, GatewayStanding, Installation
from starter.desk.runs import Run

_ALARM = "bold red"
_WARNING = "yellow"
_PLAIN = "dim"


def installation_lines(found: Installation, now: datetime) -> list[Text]:
    """A line for each gateway, the listener and each process; loudly what is not as it should be."""
    lines = [Text(f"{halt}; `{halt.ended_by}` ends it", style=_ALARM) for halt in found.halts]
    lines += [_gateway(each, now) for each in found.gateways]
    lines.append(_listener(found, now))
    is_mixed = len({process.told for process in found.processes}) > 1
    for process in found.processes:
        style = _ALARM if process.problem else _WARNING if is_mixed else _PLAIN
        lines.append(Text(str(process), style=style))
    if not found.processes and not found.unknown:
        lines.append(Text("no process runs: start one with `rebalancer up`, or `rebalancer worker`", style=_ALARM))
    lines += [Text(each, style=_ALARM) for each in found.unknown]
    return lines


def _gateway(gateway: GatewayStanding, now: datetime) -> Text:
    name = f"gateway {gateway.name}" if gateway.name else "gateway"
    login = f", {gateway.login}" if gateway.login else ", no login is known yet"
    queue = f"; {gateway.waiting} waiting for it, the first for {span(gateway.longest_wait)}" if gateway.waiting else ""
    stopped = "; its queue is STOPPED: nothing reaches it" if gateway.is_stopped else ""
    if gateway.holder is None:
        problems = "".join(f"; {each.process}, {age(each.since, now)} ago: {each.problem}" for each in gateway.news)
        return Text(f"{name}: NOT CONNECTED{login}{queue}{stopped}{problems}", style=_ALARM)
    since = f"since {gateway.holder.since:%Y-%m-%d %H:%M:%S} UTC ({age(gateway.holder.since, now)})"
    told = f"{name}: connected {since} by {gateway.holder.process}{login}{queue}{stopped}"
    return Text(told, style=_ALARM if gateway.is_stopped else _PLAIN)


def _listener(found: Installation, now: datetime) -> Text:
    state = "runs" if found.listens else "does NOT run"
    channels = "; ".join(_channel(each, now) for each in found.channels)
    style = _PLAIN if found.listens else _WARNING
    return Text(f"listener: {state}{f'; {channels}' if channels else ''}", style=style)


def _channel(channel: ChannelStanding, now: datetime) -> str:
    if channel.last_sweep is None and channel.last_event is None:
        return f"{channel.name}: never read"
    event = f", last event {age(channel.last_event, now)} ago" if channel.last_event else ""
    return f"{channel.name}: read {age(channel.last_sweep, now)} ago{event}"


def accounts_table(statuses: Iterable[AccountStatus], now: datetime) -> Table:
    """One line for each account."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("account", "strategy", "phase", "for", "last live run", "drift %", "notes"):
        table.add_column(heading, justify="right" if heading in ("for", "drift %") else "left", overflow="fold")
    for status in statuses:
        table.add_row(
            status.account,
            status.strategy,
            _phase(status),
            age(status.since, now),
            _last_live(status.last_live, now),
            _drift(status.last_live),
            Text("; ".join(notes(status)), style="" if status.is_running else _PLAIN),
        )
    return table


def account_view(status: AccountStatus, limits: Mapping[str, str], now: datetime) -> RenderableType:
    """Everything about one account: what it waits for, its orders and plan, and what it is held to."""
    parts: list[RenderableType] = [accounts_table([status], now)]
    parts += [Text(f"  · {step}", style=_ALARM if step.is_retrying else "") for step in status.steps]
    if status.pending_events:
        parts.append(Text(f"  · events pending: {', '.join(status.pending_events)}"))
    parts += [Text(f"  · does not count: {each}", style=_ALARM) for each in status.rejected]
    if event := status.last_event:
        parts.append(Text(f"  · last event: {event.event_id} {event.status.value} {event.summary}".rstrip()))
    if status.orders:
        parts.append(orders_table(status.orders))
    if status.waiting_plan:
        parts.append(waiting_view(status.account, status.waiting_plan))
    elif status.plan:
        parts.append(plan_view(status.plan, (), f"{status.account}: plan"))
    if limits:
        parts.append(Text("limits: " + ", ".join(f"{name} {told}" for name, told in limits.items())))
    return Group(*parts)


def notes(status: AccountStatus) -> Iterable[str]:
    """What else is to be known of an account, in a few words each."""
    yield from (told.partition(" since ")[0] for told in status.held_by)
    if not status.is_configured:
        yield "not configured"
    elif not status.is_enabled:
        yield "disabled"
    if status.position is not None:
        yield f"{status.position}. in the queue"
    if status.pending_events:
        yield f"{len(status.pending_events)} events pending"
    if status.rejected:
        yield f"{len(status.rejected)} requests do not count"
    retried = next((step for step in status.steps if step.is_retrying), None)
    if retried is not None:
        yield str(retried)
    if status.mode and not (status.last_live and status.last_live.run_id == status.run_id):
        yield status.mode


def _phase(status: AccountStatus) -> Text:
    style = PHASE_STYLES.get(status.phase, "bold" if status.is_running else "")
    if status.phase == NEVER_RUN:
        style = _PLAIN
    if status.phase == UNTOLD:
        style = _ALARM
    return Text.assemble((status.phase, style), f" {status.detail}".rstrip())


def _last_live(run: Run | None, now: datetime) -> Text:
    if run is None:
        return Text(NOTHING, style=_PLAIN)
    return Text.assemble((run.phase, PHASE_STYLES.get(run.phase, "")), f" {age(run.closed_at, now)} ago")


def _drift(run: Run | None) -> str:
    drift = run.summary.drift_after if run and run.summary else None
    return NOTHING if drift is None else f"{drift:.2f}"
