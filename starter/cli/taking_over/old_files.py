"""The files of an old installation, read as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from dotenv import dotenv_values

from configuration.configuration import FILE_LIMIT
from configuration.reading_files import read_at_most
from configuration.yaml_text import YamlProblem, read_yaml
from starter.desk.mistakes import UserMistake

ACCOUNTS: Final = ("accounts.yaml", "event-broker/accounts.yaml")
"""Where its versions had the accounts; the first that is there counts."""

CONFIG: Final = ("config.yaml", "event-broker/config.yaml")
SETS: Final = "replacement-sets.yaml"
ENVIRONMENT: Final = ".env"


@dataclass(frozen=True)
class OldFiles:
    """What they say; what is not there is empty. ``accounts_file`` is where the accounts were found."""

    accounts_file: str
    accounts: tuple[Mapping[str, object], ...]
    more: Mapping[str, object]
    sets: Mapping[str, object]
    config: Mapping[str, object]
    environment: Mapping[str, str]


def read_old_files(folder: Path) -> OldFiles:
    """Read them. Raises ``UserMistake`` with what is wrong; nothing is half read."""
    file = next((each for each in ACCOUNTS if (folder / each).is_file()), None)
    if file is None:
        raise UserMistake(f"{folder} has no accounts.yaml: name the folder of the old installation.")
    content = _yaml(folder / file)
    entries = content.get("accounts") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries or not all(isinstance(each, dict) for each in entries):
        raise UserMistake(f"{folder / file} is no list of accounts, nor has it one under 'accounts'.")
    more = {key: value for key, value in content.items() if key != "accounts"} if isinstance(content, dict) else {}
    config = next((each for each in CONFIG if (folder / each).is_file()), CONFIG[0])
    return OldFiles(
        accounts_file=file,
        accounts=tuple(cast("list[dict[str, object]]", entries)),
        more=more,
        sets=_mapping(folder / SETS),
        config=_mapping(folder / config),
        environment=_environment(folder / ENVIRONMENT),
    )


def _mapping(file: Path) -> dict[str, object]:
    content = _yaml(file) if file.is_file() else {}
    if not isinstance(content, dict):
        raise UserMistake(f"{file} is no list of keys.")
    return content


def _yaml(file: Path) -> dict[str, object] | list[object] | None:
    try:
        content = read_yaml(_text(file)).content
    except YamlProblem as problem:
        at = f":{problem.place.line}" if problem.place else ""
        raise UserMistake(f"{file}{at}: {problem.message}") from None
    return cast("dict[str, object] | list[object] | None", {} if content is None else content)


def _text(file: Path) -> str:
    try:
        payload = read_at_most(file, FILE_LIMIT)
        if len(payload) > FILE_LIMIT:
            raise UserMistake(f"{file} has more than {FILE_LIMIT} bytes; no more are read.")
        return payload.decode("utf-8")
    except OSError as error:
        raise UserMistake(f"{file} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise UserMistake(f"{file} is no UTF-8 text: see byte {error.start + 1}.") from None


def _environment(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    _text(file)
    found = dotenv_values(file, interpolate=False, encoding="utf-8")
    return {name: value for name, value in found.items() if value}
