"""``rebalancer show``: everything about one run."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from starter.cli.console import output_console, print_json
from starter.cli.plan_view import plan_view
from starter.cli.setup import connect_temporal
from starter.cli.tables import PHASE_STYLES, orders_table, outcome_tables
from starter.desk.show import RunDetails, details_of, find_run


async def run_show_command(account: str, run_id: str | None, *, as_json: bool) -> None:
    """Print the account's latest run, or the one whose id begins so."""
    client = await connect_temporal()
    details = await details_of(client, await find_run(client, account, run_id))
    if as_json:
        print_json(details.as_json())
        return
    output_console().print(details_view(details))


def details_view(details: RunDetails) -> RenderableType:
    """Who asked for it and what became of it; targets, plan with reasons, orders with fills, gaps and costs."""
    run = details.run
    parts: list[RenderableType] = [
        Text.assemble(
            f"{run.account} · {run.strategy or 'no strategy'} · run {run.run_id} · {run.mode or 'no mode'} · ",
            (run.phase, PHASE_STYLES.get(run.phase, "")),
        )
    ]
    parts += [Text(f"  {line}") for line in _told(details)]
    if details.plan is not None:
        parts.append(plan_view(details.plan, (), "Plan"))
    if details.outcome is not None:
        parts.append(outcome_tables(details.outcome))
    elif details.orders:
        parts.append(orders_table(details.orders))
    return Group(*parts)


def _told(details: RunDetails) -> Iterator[str]:
    run, summary = details.run, details.run.summary
    ended = f", ended {run.closed_at:%Y-%m-%d %H:%M:%S} UTC" if run.closed_at else ", at work"
    yield f"began {run.started_at:%Y-%m-%d %H:%M:%S} UTC{ended}"
    if summary is not None:
        by = f", asked for by {', '.join(summary.by)}" if summary.by else ""
        sources = ", ".join(summary.sources) or "nobody knows what"
        yield f"triggered by {sources}{by}: {summary.events} events ({', '.join(summary.event_ids)})"
        if summary.drift_before is not None:
            after = "" if summary.drift_after is None else f", {summary.drift_after:.2f} % after"
            yield f"drift {summary.drift_before:.2f} % before{after}"
        for act in summary.acts:
            yield f"{act.at:%Y-%m-%d %H:%M:%S} UTC {act.by or 'somebody'} {act.act}"
    if details.message:
        yield f"reason: {details.message}"
    if details.outcome is None and details.status is None:
        yield "no worker answers, so its plan and orders cannot be told"
