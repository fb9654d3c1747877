"""What several commands have in common on the command line."""

from typing import Annotated, Final

import typer

SERVICES: Final = "Services"
ACCOUNTS: Final = "Accounts"
STOPPING: Final = "Stopping and going on"
TRYING_OUT: Final = "Checking and trying out"


def account_name(given: str | None) -> str | None:
    """What an account is called, given that or its number. Whatever else is typed is refused in words: it would make an
    id or a query of its own."""
    from rebalancing.accounts import is_account_id, is_account_number

    if given is None:
        return None
    if not is_account_id(given):
        raise typer.BadParameter(f"{given[:40]!r} is no account: a number or an alias of accounts.yaml is needed.")
    return _called(given) if is_account_number(given) else given


def account_names(given: list[str] | None) -> list[str]:
    """The same for several."""
    return [name for each in given or () if (name := account_name(each))]


def _called(number: str) -> str:
    """As the configuration has it; whoever needs one that cannot be read will say so."""
    from configuration.configuration import ConfigurationInvalid
    from starter.cli.setup import read_setup
    from starter.desk.mistakes import UserMistake

    try:
        return read_setup(may_be_simulated=True).configuration.names.name_of(number)
    except (ConfigurationInvalid, UserMistake):
        return number


AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Number or alias, as in accounts.yaml.", callback=account_name)
]
OptionalAccount = Annotated[
    str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this account.", callback=account_name)
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
