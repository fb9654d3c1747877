"""JSON Schemas of the files that people write, for editors."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from configuration.configuration import configuration_schema
from simulator.gateway.scenario import Scenario
from starter.cli.file_kinds import FileKind
from starter.cli.plan_offline import PortfolioFile

SCHEMAS: Final[Mapping[FileKind, Callable[[], dict[str, Any]]]] = {
    FileKind.ACCOUNTS: configuration_schema,
    FileKind.PORTFOLIO: PortfolioFile.model_json_schema,
    FileKind.SCENARIO: Scenario.model_json_schema,
}

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_text(kind: FileKind) -> str:
    """The schema of a file of this kind."""
    return json.dumps({"$schema": DIALECT, **SCHEMAS[kind]()}, indent=1, ensure_ascii=False) + "\n"
