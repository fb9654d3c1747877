"""The commands that have something rebalanced or planned, and those that decide about a plan."""

from pathlib import Path
from typing import Annotated

import typer

from starter.cli.arguments import ACCOUNTS, AccountArgument, JsonFlag, OptionalAccount, account_name
from starter.cli.mistakes import complete

Strategy = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="All accounts that follow it.")]
AllAccounts = Annotated[bool, typer.Option("--all", help="All accounts that are enabled.")]
Wait = Annotated[bool, typer.Option("--wait", help="Show progress and the result.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def run(
    account: OptionalAccount = None,
    live: Annotated[
        bool, typer.Option("--live", help="Trade. Without it: a dry run that only says what it would.")
    ] = False,
    wait: Wait = False,
    event_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Identifies the request: the same id is never carried out twice."),
    ] = None,
    strategy: Strategy = None,
    all_accounts: AllAccounts = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Rebalance an account by hand, or those of a strategy, or all; a dry run unless --live is given."""
    _require_one(account, strategy, all_accounts=all_accounts)
    from starter.cli.run import HowToAsk, RunOptions, run_run_command

    how = HowToAsk(wait=wait, yes=yes, as_json=as_json)
    if account is not None:
        raise typer.Exit(complete(run_run_command(RunOptions(account, live=live, event_id=event_id, how=how))))
    from starter.cli.run_many import ManyOptions, run_many_command

    raise typer.Exit(complete(run_many_command(ManyOptions(strategy, live=live, event_id=event_id, how=how))))


def retry(
    account: OptionalAccount = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Instead: every account whose last live run of 24 hours failed.")
    ] = False,
    wait: Wait = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Trade anew where the last live run failed or is incomplete, from the account as it is now."""
    if (account is None) != failed:
        raise typer.BadParameter("name either an account or --failed", param_hint="ACCOUNT")
    from starter.cli.retry import run_retry_command
    from starter.cli.run import HowToAsk

    raise typer.Exit(complete(run_retry_command(account, HowToAsk(wait=wait, yes=yes, as_json=as_json))))


def plan(
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="What it would trade now.", callback=account_name)
    ] = None,
    portfolio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead: cash, positions, prices and targets (JSON).")
    ] = None,
    strategy: Strategy = None,
    all_accounts: AllAccounts = False,
    as_json: JsonFlag = False,
) -> None:
    """Plan the orders of accounts by dry runs, or of a portfolio in a file, which connects to nothing."""
    if portfolio is not None:
        if account is not None or strategy is not None or all_accounts:
            raise typer.BadParameter("name either an account or a portfolio file", param_hint="ACCOUNT")
        from starter.cli.plan_offline import plan_offline

        plan_offline(portfolio, as_json)
        return
    _require_one(account, strategy, all_accounts=all_accounts)
    if account is not None:
        from starter.cli.plan_account import run_plan_command

        raise typer.Exit(complete(run_plan_command(account, as_json=as_json)))
    from starter.cli.run import HowToAsk
    from starter.cli.run_many import ManyOptions, run_many_command

    how = HowToAsk(wait=True, as_json=as_json)
    raise typer.Exit(complete(run_many_command(ManyOptions(strategy, live=False, event_id=None, how=how))))


def approve(
    account: OptionalAccount = None,
    plan_hash: Annotated[
        str | None,
        typer.Option("--plan-hash", metavar="H", help="Only this plan, without a question."),
    ] = None,
    all_waiting: Annotated[bool, typer.Option("--all", help="Go through all plans that wait.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve of the plan that is shown without a question.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the plan that waits and ask; a yes is for this plan and no other. The rebalance then goes on."""
    if (account is None) != all_waiting or (all_waiting and plan_hash is not None):
        raise typer.BadParameter("name either an account or --all", param_hint="ACCOUNT")
    from starter.cli.approve import run_approve_all_command, run_approve_command

    if account is None:
        raise typer.Exit(complete(run_approve_all_command(yes=yes, as_json=as_json)))
    raise typer.Exit(complete(run_approve_command(account, plan_hash, yes=yes, as_json=as_json)))


def reject(
    account: AccountArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Kept with the failure.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Reject the plan that waits for approval; the rebalance ends and sends none of its orders."""
    from starter.cli.reject import run_reject_command

    complete(run_reject_command(account, reason, as_json=as_json))


def _require_one(account: str | None, strategy: str | None, *, all_accounts: bool) -> None:
    if (account is not None) + (strategy is not None) + all_accounts != 1:
        raise typer.BadParameter("name an account, or --strategy, or --all", param_hint="ACCOUNT")


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``rebalancer``."""
    for command in (run, plan, approve, reject, retry):
        app.command(rich_help_panel=ACCOUNTS)(command)
