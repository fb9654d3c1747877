"""What several commands have in common on the command line."""

from typing import Annotated, Final

import typer

SERVICES: Final = "Services"
ACCOUNTS: Final = "Accounts"
STOPPING: Final = "Stopping and going on"
TRYING_OUT: Final = "Checking and trying out"


def account_number(given: str | None) -> str | None:
    """An account number, or a refusal in words: whatever else is typed would make an id or a query of its own."""
    from rebalancing.accounts import is_account_id

    if given is not None and not is_account_id(given):
        raise typer.BadParameter(f"{given[:40]!r} is no account number; they are capital letters, then digits.")
    return given


AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Account number, as in accounts.yaml.", callback=account_number)
]
OptionalAccount = Annotated[
    str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this account.", callback=account_number)
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
