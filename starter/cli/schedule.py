"""What the commands ``rebalancer schedule …`` do: they dress ``starter.desk.schedules``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.table import Table
from rich.text import Text

from starter.cli.console import error_console, output_console, print_json, tell
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal, read_setup
from starter.desk.mistakes import UserMistake, as_asked
from starter.desk.schedules import (
    NewSchedule,
    ScheduleStanding,
    add_schedule,
    pause_schedule,
    read_schedule,
    read_schedules,
    remove_schedule,
    unpause_schedule,
)

SHOWN_TIMES = 3
"""Times that are shown of a schedule that was just added, so that a wrong field is seen at once."""


@dataclass(frozen=True)
class AddOptions:
    """A schedule as it was typed; ``if_drift`` in percent."""

    account: str | None
    strategy: str | None
    cron: str
    timezone: str
    live: bool
    if_drift: str | None
    name: str | None

    @property
    def new(self) -> NewSchedule:
        """The schedule to add. Raises ``UserMistake``."""
        if (self.account is None) == (self.strategy is None):
            raise UserMistake("Name either an account or a strategy (--strategy NAME).")
        name = self.name or self.account or f"strategy-{self.strategy}"
        return as_asked(
            lambda: NewSchedule.of(
                name,
                self.cron,
                self.timezone,
                account=self.account,
                strategy=self.strategy,
                live=self.live,
                if_drift=self.if_drift,
            )
        )


async def run_add_command(options: AddOptions, *, as_json: bool) -> None:
    """Add a schedule, and show when it comes."""
    new = options.new
    _, configuration = read_setup(may_be_simulated=True)
    standing = await add_schedule(await connect_temporal(), configuration, new, operator_name())
    if as_json:
        print_json(standing.as_json())
        return
    console = output_console()
    what = f"{standing.whom}: {standing.does}" + ("" if options.live else " (--live trades)")
    console.print(f"Schedule {standing.name} added. {what}, at first:", markup=False)
    for at in standing.next_times[:SHOWN_TIMES]:
        console.print(f"  {_local(at, standing)}", markup=False)


async def run_list_command(*, as_json: bool) -> None:
    """Print all schedules; what was missed is said in words too."""
    standings = await read_schedules(await connect_temporal())
    for standing in standings:
        if standing.missed:
            told = f"Schedule {standing.name} missed {standing.missed} of its times: the Temporal server was away."
            error_console().print(told, style="bold yellow", markup=False, soft_wrap=True)
    if as_json:
        print_json([standing.as_json() for standing in standings])
    elif standings:
        output_console().print(_table(standings))
    else:
        output_console().print("There are no schedules; `rebalancer schedule add --help` tells how to add one.")


async def run_next_command(name: str | None, *, as_json: bool) -> None:
    """Print the next times, in the order in which they come."""
    client = await connect_temporal()
    standings = [await read_schedule(client, name)] if name else await read_schedules(client)
    coming = sorted(((at, own) for own in standings for at in own.next_times), key=lambda each: each[0])
    if as_json:
        print_json([{"at": at.isoformat(), "name": own.name, **_what(own)} for at, own in coming])
        return
    paused = [own.name for own in standings if own.is_paused]
    if paused:
        error_console().print(f"Paused: {', '.join(paused)}.", style="yellow", markup=False)
    if not coming:
        output_console().print("Nothing is scheduled.")
        return
    table = Table()
    for heading in ("when", "UTC", "schedule", "whom", "does"):
        table.add_column(heading)
    for at, own in coming:
        table.add_row(*map(Text, (_local(at, own), f"{at:%Y-%m-%d %H:%M}", own.name, own.whom, own.does)))
    output_console().print(table)


async def run_pause_command(name: str, reason: str, *, as_json: bool) -> None:
    """Pause a schedule, with who did so and why."""
    note = f"paused by {operator_name()}" + (f": {reason}" if reason else "")
    await pause_schedule(await connect_temporal(), name, note)
    tell(f"Schedule {name} is paused until `rebalancer schedule unpause {name}`.", as_json=as_json, name=name)


async def run_unpause_command(name: str, *, as_json: bool) -> None:
    """Unpause a schedule, and show when it comes next."""
    client = await connect_temporal()
    await unpause_schedule(client, name, f"unpaused by {operator_name()}")
    standing = await read_schedule(client, name)
    coming = _local(standing.next_times[0], standing) if standing.next_times else "never"
    tell(f"Schedule {name} comes again, next: {coming}.", as_json=as_json, name=name)


async def run_remove_command(name: str, *, as_json: bool) -> None:
    """Remove a schedule."""
    await remove_schedule(await connect_temporal(), name)
    tell(f"Schedule {name} is removed; what it has triggered already goes on.", as_json=as_json, name=name)


def _table(standings: list[ScheduleStanding]) -> Table:
    table = Table()
    for heading in ("schedule", "whom", "does", "when", "next", "last", "missed", "skipped"):
        table.add_column(heading)
    for own in standings:
        upcoming = (
            (own.note or "paused") if own.is_paused else _local(own.next_times[0], own) if own.next_times else "–"
        )
        last = f"{_local(own.last.scheduled_at, own)} {own.last.status}. {own.last.told}" if own.last else "–"
        table.add_row(
            Text(own.name),
            Text(own.whom),
            Text(own.does, style="bold" if own.does.startswith("rebalance") else ""),
            Text(f"{own.cron or '(changed by hand)'} {own.timezone}"),
            Text(upcoming, style="yellow" if own.is_paused else ""),
            Text(last, style="bold red" if own.last and own.last.status == "failed" else ""),
            Text(str(own.missed), style="bold yellow" if own.missed else ""),
            Text(str(own.skipped)),
        )
    return table


def _what(standing: ScheduleStanding) -> dict[str, object]:
    told = standing.as_json()
    return {key: told[key] for key in ("account", "strategy", "mode", "if_drift")}


def _local(at: datetime, standing: ScheduleStanding) -> str:
    """By the clock that the schedule goes by."""
    try:
        zone = ZoneInfo(standing.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # changed by hand to one that only the server knows
        zone = UTC
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
