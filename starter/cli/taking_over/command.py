"""``rebalancer import``: reads an old installation's files, writes ours, and says what became of each thing.

Nothing is written unless all of it can be used, nothing that is there is overwritten, and the old files are left alone.
"""

import os
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml
from rich.markup import escape
from rich.table import Table

from configuration.configuration import ConfigurationInvalid, parse_configuration
from starter.cli.console import error_console, output_console, print_json
from starter.cli.taking_over.accounts import take_accounts
from starter.cli.taking_over.config_file import take_config
from starter.cli.taking_over.environment import take_environment
from starter.cli.taking_over.findings import Fate, Finding
from starter.cli.taking_over.old_files import SETS, OldFiles, read_old_files
from starter.desk.mistakes import UserMistake

HEAD: Final = "# Brought over by `rebalancer import`; what else may be said: `rebalancer config explain`.\n"
STYLES: Final = {Fate.TAKEN: "green", Fate.CHANGED: "", Fate.NO_EQUAL: "dim", Fate.TO_DO: "bold yellow"}
OWNER_ONLY: Final = 0o600


async def run_import_command(folder: Path, into: Path, *, as_json: bool) -> None:
    """Bring an installation over. Raises ``UserMistake``; nothing is written then."""
    old = read_old_files(folder)
    environment = take_environment(old.environment)
    accounts, findings = _accounts_text(old, environment.keys)
    target = into / "accounts.yaml"
    _require_usable(accounts, folder / old.accounts_file)
    written = {target: accounts, into / ".env": _environment_text(environment.variables)}
    _write(written)
    told = [*findings, *environment.findings]
    if as_json:
        print_json({"written": list(map(str, written)), "findings": [each.as_json() for each in told]})
        return
    output_console().print(_table(told))
    error_console().print(
        f"Written: {', '.join(map(str, written))}. The old files are as they were: stop the old system before this one "
        "listens, or both trade. Next: `rebalancer check`, then a dry run of each account.",
        markup=False,
        soft_wrap=True,
    )


def _require_usable(accounts: str, source: Path) -> None:
    try:
        parse_configuration(accounts, source)
    except ConfigurationInvalid as invalid:
        # The lines are those of a text that nobody sees.
        found = "".join(f"\n  {re.sub(r'^.*?:[0-9]+:[0-9]+: ', '', problem)}" for problem in invalid.problems)
        raise UserMistake(f"{source} cannot be brought over; nothing was written. Correct this first:{found}") from None


def _accounts_text(old: OldFiles, more_keys: Mapping[str, object]) -> tuple[str, list[Finding]]:
    accounts, findings = take_accounts(old)
    keys, more = take_config(old.config, accounts)
    content: dict[str, object] = {"accounts": accounts, **keys, **more_keys}
    told = [*findings, *more]
    sets = old.more.get("replacement_sets") or old.sets
    if sets:
        content["replacement_sets"] = sets
        where = old.accounts_file if "replacement_sets" in old.more else SETS
        told.append(Finding(where, "replacement_sets", Fate.TAKEN, ""))
    for key in old.more:
        if key != "replacement_sets":
            told.append(Finding(old.accounts_file, key, Fate.NO_EQUAL, "is not known"))
    return HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True), told


class _Dumper(yaml.SafeDumper):
    """Exact numbers as they were written."""


def _as_number(dumper: _Dumper, value: Decimal) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", f"{value:f}")


_Dumper.add_representer(Decimal, _as_number)


def _environment_text(variables: dict[str, str]) -> str:
    lines = [f"{name}={_quoted(value)}\n" for name, value in variables.items()]
    return "".join(["# Brought over by `rebalancer import`; .env.example has all there may be.\n", *lines])


def _quoted(value: str) -> str:
    """As it stands, unless the reader of ``.env`` would take it for something else."""
    if not any(sign in value for sign in " #'\"\\$`\n\t"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _write(files: dict[Path, str]) -> None:
    """All of them, for their owner alone, or none."""
    there = [path for path in files if path.exists()]
    if there:
        raise UserMistake(
            f"{', '.join(map(str, there))} is there already and was left as it is; nothing was written. Name an empty "
            "folder with --into."
        )
    made: list[Path] = []
    try:
        for path, text in files.items():
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8"
            ) as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in made:
            path.unlink()
        raise UserMistake(f"{error.filename} cannot be written: {error.strerror}. Nothing was written.") from None


def _table(findings: list[Finding]) -> Table:
    table = Table()
    for heading in ("where", "what", "", ""):
        table.add_column(heading)
    for each in findings:
        table.add_row(
            escape(each.where), escape(each.what), each.fate.value, escape(each.told), style=STYLES[each.fate]
        )
    return table
