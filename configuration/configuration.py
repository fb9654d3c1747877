"""Reading ``accounts.yaml``: everything is checked before anything starts, and a bad file is refused whole."""

import difflib
import hashlib
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from configuration.alert_settings import AlertSettings
from configuration.blocks import known_keys
from configuration.configuration_file import RESERVE_NAMES, AccountEntry, ConfigurationFile, file_schema
from configuration.http_settings import HttpSettings
from configuration.reading_files import read_at_most
from configuration.yaml_text import Document, Place, YamlProblem, read_yaml
from configuration.yaml_text import Path as FieldPath
from rebalancing.account_names import NO_ALIASES, AccountNames
from rebalancing.accounts import ACCOUNT_PATTERN, NAME_PATTERN, STRATEGY_PATTERN, Account
from rebalancing.base import FrozenModel
from rebalancing.errors import AccountUnknown, RebalancerError, StrategyUnknown
from rebalancing.settings import Settings
from rebalancing.web_address import shown, without_secrets

FILE_LIMIT = 1_000_000
"""The longest configuration that is read, in bytes."""

VERSION_LENGTH = 8
"""Digits of a version: for people who compare two."""

REPLACEMENT_SETS_FILE = "replacement-sets.yaml"
"""Where later versions of the original kept replacement sets: beside its accounts."""

_ALLOWED_BY_TYPE = {
    "tuple_type": "a list is allowed",
    "frozen_set_type": "a list is allowed",
    "model_type": "a block of keys is allowed",
    "dict_type": "a block of keys is allowed",
    "string_type": "text is allowed (numbers and words like TRUE or NULL need quotes)",
    "bool_type": "true or false is allowed",
    "bool_parsing": "true or false is allowed",
    "decimal_type": "a number is allowed",
    "decimal_parsing": "a number is allowed",
    "float_type": "a number is allowed",
    "float_parsing": "a number is allowed",
    "int_type": "a whole number is allowed",
    "int_parsing": "a whole number is allowed",
    "int_from_float": "a whole number is allowed",
}
"""What pydantic expects, in the words of someone who edits the file."""


_GONE: dict[FieldPath, str] = {
    ("retry", "jitter"): "is no setting any more (it never had an effect: pauses always vary a little); take it out",
}
"""Keys of earlier versions: what became of each, and what to do."""


class ConfigurationInvalid(RebalancerError):
    """The configuration cannot be used. ``problems`` holds one line for each thing that is wrong.

    Do: correct the lines that it names. Nothing of the file is used before that; what runs goes on by what it had.
    ``rebalancer config explain KEY`` says what a key may be, ``rebalancer check`` whether the file is right.
    """

    def __init__(self, path: Path | str, problems: tuple[str, ...]) -> None:
        self.path = str(path)
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{path} cannot be used; nothing was started. Correct this first:\n{lines}")


class Configuration(FrozenModel):
    """Accounts and settings, checked. ``allocations_base_url`` is where strategies are asked for by name, ``http`` is
    for the HTTP API alone, ``alerts`` for what tells people: rebalances do not go by them.

    ``names`` are those of accounts with an alias; ``version`` tells one content of the file from another.
    """

    accounts: tuple[Account, ...]
    names: AccountNames = NO_ALIASES
    settings: Settings = Settings()
    http: HttpSettings = HttpSettings()
    alerts: AlertSettings = AlertSettings()
    allocations_base_url: str | None = None
    version: str = ""

    def configured(self, account_id: str) -> Account:
        """The account of this name, switched off or not. Raises ``AccountUnknown`` if there is none."""
        found = next((account for account in self.accounts if account.account_id == account_id), None)
        if found is None and self.names.name_of(account_id) != account_id:
            called = self.names.name_of(account_id)
            raise AccountUnknown(f"This account is called {called} in the configuration: ask for it by that name.")
        if found is None:
            known = ", ".join(account.account_id for account in self.accounts)
            raise AccountUnknown(f"{account_id} is not in the configuration, which has {known}.")
        return found

    def account(self, account_id: str) -> Account:
        """The account of this name. Raises ``AccountUnknown`` if it is not configured or switched off."""
        found = self.configured(account_id)
        if not found.enabled:
            raise AccountUnknown(f"{account_id} is switched off: set its 'enabled' to true in the configuration.")
        return found

    def strategy_of(self, account_id: str) -> str | None:
        """The strategy that an account follows, switched off or not; ``None`` if it is not configured."""
        return next((one.strategy_name for one in self.accounts if one.account_id == account_id), None)

    @property
    def enabled_accounts(self) -> tuple[Account, ...]:
        """The accounts that take part."""
        return tuple(account for account in self.accounts if account.enabled)

    @property
    def gateways(self) -> tuple[str | None, ...]:
        """The gateways that enabled accounts are reached through, ``None`` is the one without a name."""
        return tuple(dict.fromkeys(account.gateway for account in self.enabled_accounts))

    @property
    def strategies(self) -> dict[str, tuple[Account, ...]]:
        """The enabled accounts by the strategy they follow; one strategy (and channel) may serve many."""
        followed: dict[str, tuple[Account, ...]] = {}
        for account in self.enabled_accounts:
            followed[account.strategy_name] = (*followed.get(account.strategy_name, ()), account)
        return followed

    def followers(self, strategy: str) -> tuple[Account, ...]:
        """The enabled accounts that follow it. Raises ``StrategyUnknown`` if there are none."""
        followed = self.strategies
        if strategy not in followed:
            known = ", ".join(sorted(followed)) or "none"
            raise StrategyUnknown(f"No enabled account follows the strategy {strategy}; followed are: {known}.")
        return followed[strategy]


class _Problem(NamedTuple):
    field: FieldPath
    message: str
    place: Place | None


def load_configuration(path: Path | str) -> Configuration:
    """Read and check a configuration file, and the older file of replacement sets beside it if there is one.

    Raises ``ConfigurationInvalid`` with everything that is wrong with it.
    """
    return read_contents(Path(path)).parsed()


class Contents(NamedTuple):
    """The text of a configuration file, and of the older file of replacement sets beside it if there is one."""

    path: Path
    text: str
    older_sets: str | None

    @property
    def version(self) -> str:
        """The first digits of the SHA-256 of the file, together with the older one's where there is one."""
        return hashlib.sha256((self.text + (self.older_sets or "")).encode()).hexdigest()[:VERSION_LENGTH]

    def parsed(self) -> Configuration:
        """What it says, checked. Raises ``ConfigurationInvalid``."""
        parsed = parse_configuration(self.text, self.path, self.older_sets)
        return parsed.model_copy(update={"version": self.version})


def read_contents(path: Path) -> Contents:
    """Read a configuration file without a look at what it says. Raises ``ConfigurationInvalid`` if it cannot be."""
    older_sets = path.with_name(REPLACEMENT_SETS_FILE)
    return Contents(path, _read(path), _read(older_sets) if older_sets.is_file() else None)


def _read(path: Path) -> str:
    try:
        payload = read_at_most(path, FILE_LIMIT)
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "copy accounts.example.yaml there, or name another file with ACCOUNTS_FILE"
        raise ConfigurationInvalid(path, (f"{path}: cannot be read ({reason}); {remedy}",)) from None
    if len(payload) > FILE_LIMIT:
        raise ConfigurationInvalid(path, (f"{path}: found more than {FILE_LIMIT} bytes; no more are read",))
    try:
        return payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationInvalid(path, (f"{path}: no UTF-8 text at byte {error.start + 1}",)) from None


def parse_configuration(text: str, path: Path, older_sets: str | None = None) -> Configuration:
    """Check the text of a configuration; ``path`` is for messages and for files named in it.

    ``older_sets`` is the text of a file of replacement sets, which counts if the configuration has none itself.
    """
    document = as_mapping(_document(text, path))
    if older_sets is not None:
        document = _with_sets(document, _document(older_sets, path.with_name(REPLACEMENT_SETS_FILE)))
    try:
        file = ConfigurationFile.strictly(document.content)
    except ValidationError as invalid:
        problems = [_explained(error, document) for error in invalid.errors(include_url=False)]
        raise _refusal(path, problems) from None
    if problems := list(_contradictions(file, document)):
        raise _refusal(path, problems)
    return Configuration(
        accounts=tuple(_account(entry, file, path) for entry in file.accounts),
        names=AccountNames(numbers={each.alias: each.account_id for each in file.accounts if each.alias}),
        settings=Settings.model_validate(file.model_dump(include=set(Settings.model_fields))),
        http=_http(file.http, path),
        alerts=_alerts(file.alerts, path),
        allocations_base_url=file.allocations.base_url,
    )


def configuration_schema() -> dict[str, Any]:
    """The JSON Schema of ``accounts.yaml``, for editors."""
    schema = file_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "accounts.yaml"}


def as_mapping(document: Document) -> Document:
    """The original system's first files were only a list of accounts."""
    if not isinstance(document.content, list):
        return document
    places = {("accounts", *path): place for path, place in document.places.items()}
    return Document({"accounts": cast("list[object]", document.content)}, places)


def _document(text: str, path: Path) -> Document:
    try:
        return read_yaml(text)
    except YamlProblem as problem:
        line = _line(path, _Problem(problem.field, problem.message, problem.place))
        raise ConfigurationInvalid(path, (line,)) from None


def _with_sets(document: Document, sets: Document) -> Document:
    """Later versions of the original kept the replacement sets in a file of their own, by name at its top."""
    if not isinstance(document.content, Mapping) or "replacement_sets" in document.content or sets.content is None:
        return document
    content = {**cast("Mapping[object, object]", document.content), "replacement_sets": sets.content}
    moved = {
        ("replacement_sets", *path): place._replace(file=REPLACEMENT_SETS_FILE) for path, place in sets.places.items()
    }
    return Document(content, {**document.places, **moved})


def _account(entry: AccountEntry, file: ConfigurationFile, path: Path) -> Account:
    source = entry.allocations
    if source.file:
        source = source.model_copy(update={"file": str(path.parent / source.file)})
    rules = file.replacement_sets.get(entry.replacement_set or "", ())
    values = entry.model_dump(include=set(Account.model_fields))
    named = {"account_id": entry.name, "replacements": rules, "allocations": source}
    return Account.model_validate({**values, **named})


def _http(settings: HttpSettings, path: Path) -> HttpSettings:
    files = {name: getattr(settings, name) for name in ("certificate", "certificate_key")}
    return settings.model_copy(update={name: str(path.parent / file) for name, file in files.items() if file})


def _alerts(settings: AlertSettings, path: Path) -> AlertSettings:
    folder = settings.templates
    return settings.model_copy(update={"templates": str(path.parent / folder)}) if folder else settings


def _contradictions(file: ConfigurationFile, document: Document) -> Iterator[_Problem]:
    """What is wrong between parts that are each right."""
    if not file.accounts:
        yield _Problem(
            ("accounts",), "found an empty list; at least one account is needed", document.place(("accounts",))
        )
    first: dict[str, int] = {}
    for index, account in enumerate(file.accounts):
        field = ("accounts", index, "account_id")
        if account.account_id in first:
            line = document.place(("accounts", first[account.account_id], "account_id"))
            where = f", first in line {line.line}" if line else ""
            message = f"found {account.account_id} twice{where}; each account may be listed once"
            yield _Problem(field, message, document.place(field))
        first.setdefault(account.account_id, index)
        if account.replacement_set is not None and account.replacement_set not in file.replacement_sets:
            field = ("accounts", index, "replacement_set")
            allowed = _choice(account.replacement_set, list(file.replacement_sets), "no replacement_sets are defined")
            yield _Problem(field, f"found {_shown(account.replacement_set)}; {allowed}", document.place(field))
    yield from _alias_problems(file.accounts, document)
    if file.alerts.ably_channel in {account.strategy_name for account in file.accounts}:
        field = ("alerts", "ably_channel")
        message = (
            f"found {_shown(file.alerts.ably_channel)}, on which events come; outcomes need a channel of their own"
        )
        yield _Problem(field, message, document.place(field))
    for name, rules in file.replacement_sets.items():
        sources = [rule.source for rule in rules]
        for index, source in enumerate(sources):
            if source in sources[:index]:
                field = ("replacement_sets", name, index, "source")
                yield _Problem(field, f"found {source} twice; each may be replaced once", document.place(field))
    if file.retry.max_delay < file.retry.base_delay:
        field = ("retry", "max_delay")
        message = f"found {file.retry.max_delay:g}; at least base_delay ({file.retry.base_delay:g}) is allowed"
        yield _Problem(field, message, document.place(field))


def _alias_problems(accounts: tuple[AccountEntry, ...], document: Document) -> Iterator[_Problem]:
    """An alias hides a number, and each is one account's: not even small and capital letters tell two apart."""
    numbers = [account.account_id.casefold() for account in accounts]
    taken: set[str] = set()
    for index, alias in enumerate(account.alias for account in accounts):
        if alias is None:
            continue
        field, own = ("accounts", index, "alias"), alias.casefold()
        if any(number in own for number in numbers):
            message = f"found {alias}, which has an account number in it; an alias is to hide it: choose a word"
            yield _Problem(field, message, document.place(field))
        elif own in taken:
            yield _Problem(field, f"found {alias} twice; each account needs a name of its own", document.place(field))
        taken.add(own)


def _explained(error: ErrorDetails, document: Document) -> _Problem:
    """One of pydantic's findings in the words of someone who edits the file."""
    field = _written_path(tuple(error["loc"]), document)
    if error["type"] == "extra_forbidden":
        message = _GONE.get(field) or f"found an unknown key; {_choice(str(field[-1]), known_keys(field[:-1]))}"
    elif error["type"] == "missing":
        message = "is missing; it must be given"
    elif error["type"] == "value_error":
        message = error["msg"].removeprefix("Value error, ")
    else:
        message = f"found {_shown(error['input'])}; {_allowed(error)}"
    return _Problem(field, message, document.place(field))


def _written_path(loc: FieldPath, document: Document) -> FieldPath:
    """Where a value really stands: it may have been given under an older name."""
    if loc in document.places or len(loc) < 3:
        return loc
    older: dict[str, list[FieldPath]] = {
        "strategy_name": [("notification", "channel")],
        "cash_reserve_percent": [("rebalancing", name) for name in RESERVE_NAMES],
        "allocations": [("allocations",)],
    }
    candidates = [(*loc[:2], *path) for path in older.get(str(loc[2]), [])]
    return next((path for path in candidates if path in document.places), loc)


def _allowed(error: ErrorDetails) -> str:
    pattern = str(error.get("ctx", {}).get("pattern", ""))
    words = {
        ACCOUNT_PATTERN: "an account number is allowed, letters then digits, such as U1234567",
        NAME_PATTERN: "at most 40 letters, digits and . _ - are allowed, the first a letter or digit",
        STRATEGY_PATTERN: "a name of letters, digits and . _ : - is allowed",
        r"^[a-z][a-z0-9]{0,30}$": "a name of small letters and digits is allowed",
    }
    if pattern in words:
        return words[pattern]
    if error["type"] in _ALLOWED_BY_TYPE:
        return _ALLOWED_BY_TYPE[error["type"]]
    return error["msg"][:1].lower() + error["msg"][1:]


def _choice(found: str, allowed: list[str], otherwise: str = "none is allowed here") -> str:
    """A suggestion where something looks alike, and all that is allowed."""
    if not allowed:
        return otherwise
    close = difflib.get_close_matches(found.lower(), allowed, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Allowed: {', '.join(allowed)}" if not close else f"{hint}(allowed: {', '.join(allowed)})"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Decimal | float) and not math.isnan(value):
        return str(value)
    if isinstance(value, Mapping):
        return "a block of keys"
    text = shown(value) if not isinstance(value, Decimal) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _refusal(path: Path, problems: list[_Problem]) -> ConfigurationInvalid:
    ordered = sorted(problems, key=lambda problem: problem.place or Place(0, 0))
    return ConfigurationInvalid(path, tuple(dict.fromkeys(_line(path, problem) for problem in ordered)))


def _line(path: Path, problem: _Problem) -> str:
    where = f":{problem.place.line}:{problem.place.column}" if problem.place else ""
    if problem.place and problem.place.file:
        path = path.with_name(problem.place.file)
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.field).lstrip(".")
    return f"{path}{where}: {f'{without_secrets(field)}: ' if field else ''}{problem.message}"
