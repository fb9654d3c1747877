"""Who may use the HTTP API: tokens with a role, in a file that is its owner's alone."""

import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from configuration.user_folder import user_folder
from rebalancing.base import FrozenModel
from starter.desk.mistakes import UserMistake

FILE: Final = "http-tokens.json"
"""What it is called, in the user's own folder."""

OTHERS: Final = 0o077
"""The permissions of everybody but the owner."""

NAME_PATTERN: Final = r"^[a-z][a-z0-9-]{0,30}$"


class Role(StrEnum):
    """What a caller may do."""

    VIEWER = "viewer"
    """Read, and ask for dry runs."""

    TRADER = "trader"
    """Everything."""


class Token(FrozenModel):
    """A secret, and what whoever shows it may do."""

    role: Role
    token: str = Field(min_length=32, max_length=200)


TokenName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
_FILE: Final = TypeAdapter(dict[TokenName, Token])


class TokensUnusable(UserMistake):
    """The file with the tokens cannot be used; the message says how to mend it."""


def tokens_path() -> Path:
    """Where the tokens are: ``~/.config/rebalancer/http-tokens.json``, or as ``XDG_CONFIG_HOME`` says."""
    return user_folder() / FILE


def read_tokens(path: Path) -> dict[str, Token]:
    """The tokens by name; at the first time one of each role is made, named like it. Raises ``TokensUnusable``."""
    try:
        if not path.exists():
            _write(path, {role.value: _new(role) for role in Role}, first=True)
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & OTHERS:
                raise TokensUnusable(f"Other users of this machine may read {path}: chmod 600 {path}")
            return _FILE.validate_json(file.read())
    except OSError as error:
        raise TokensUnusable(
            f"The tokens of the HTTP API cannot be kept in {path}: {error.strerror or error}. Give this user a folder "
            "for its configuration (XDG_CONFIG_HOME)."
        ) from None
    except ValidationError:
        raise TokensUnusable(f"{path} holds no tokens. Take it away: new ones are made at the next start.") from None


def add_token(path: Path, name: str, role: Role) -> Token:
    """A new token under this name, in place of the one that had it. Raises ``TokensUnusable``."""
    tokens = read_tokens(path) | {name: _new(role)}
    try:
        _write(path, tokens, first=False)
    except OSError as error:
        raise TokensUnusable(f"{path} cannot be written: {error.strerror or error}.") from None
    return tokens[name]


def holder_of(token: str, tokens: dict[str, Token]) -> str | None:
    """The name this token is kept under. How long it takes tells nothing of how close a wrong one comes."""
    shown = _digest(token)
    found = [name for name, own in tokens.items() if hmac.compare_digest(_digest(own.token), shown)]
    return found[0] if found else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _new(role: Role) -> Token:
    return Token(role=role, token=secrets.token_urlsafe(32))


def _write(path: Path, tokens: dict[str, Token], *, first: bool) -> None:
    """Put a whole file there; of two processes that make the ``first`` one, one does, and both go by it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {name: token.model_dump(mode="json") for name, token in tokens.items()}
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
        if not first:
            Path(temporary).replace(path)
        elif not path.exists():
            try:
                os.link(temporary, path)
            except FileExistsError:
                return
    finally:
        Path(temporary).unlink(missing_ok=True)
