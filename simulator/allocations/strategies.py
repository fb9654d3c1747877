"""Strategies and what is to go wrong when one is asked for, in memory and as a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from simulator.files import read_text
from simulator.yaml_words import read_words

Weights = Mapping[str, float]
"""Symbol to target weight. Nothing is checked: serving weights that make no sense is part of the job."""


class StrategiesFileError(ValueError):
    """The file of strategies cannot be used; the message says where and why."""


class Fault(BaseModel):
    """What happens instead of, or before, the proper answer.

    Attributes:
        status: HTTP status of the answer.
        body: Sent as it is; None leaves the proper answer if `status` is 200, and an error body otherwise.
        content_type: Of a `body`.
        delay: Seconds to wait before answering.
        times: How many requests it concerns; None means all from now on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Annotated[int, Field(ge=200, le=599)] = 200
    body: str | None = None
    content_type: str = "application/json"
    delay: Annotated[float, Field(ge=0)] = 0.0
    times: Annotated[int, Field(ge=1)] | None = 1


class Strategy(BaseModel):
    """One strategy's weights, and its faults in the order in which they are used up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: dict[str, float]
    faults: tuple[Fault, ...] = ()


def read_strategies(path: Path) -> dict[str, Strategy]:
    """The strategies in a YAML or JSON file: `{strategy: {symbol: weight}}`.

    A strategy may also be written `{weights: {symbol: weight}, faults: [{status: 500, times: 3}, …]}`.

    Raises:
        StrategiesFileError: it cannot be read, or is not of that form.
    """
    try:
        # JSON is YAML, so one reader serves both.
        content = read_words(read_text(path))
    except (OSError, yaml.YAMLError) as error:
        raise StrategiesFileError(f"{path}: {error}") from error
    if not isinstance(content, dict) or not content:
        raise StrategiesFileError(f"{path}: expected {{strategy: {{symbol: weight}}}}")
    entries = cast("dict[object, object]", content)
    try:
        return _STRATEGIES.validate_python({str(name): _long_form(entry) for name, entry in entries.items()})
    except ValidationError as error:
        first = error.errors()[0]
        raise StrategiesFileError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


_STRATEGIES = TypeAdapter(dict[str, Strategy])


def _long_form(entry: object) -> Any:
    if isinstance(entry, dict) and not isinstance(cast("dict[str, object]", entry).get("weights"), dict):
        return {"weights": entry}
    return entry
