"""Files that people write, and that have a schema."""

from enum import StrEnum


class FileKind(StrEnum):
    """What a file holds."""

    ACCOUNTS = "accounts"
    PORTFOLIO = "portfolio"
    SCENARIO = "scenario"
