"""Words of one's own for alerts: a folder with a file ``<kind>.txt`` for each kind that is to sound otherwise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from configuration.reading_files import read_at_most
from rebalancing.alerts import AlertKind

LONGEST_TEMPLATE: Final = 10_000
"""Bytes."""

_SUFFIX: Final = ".txt"


class OwnTemplates(NamedTuple):
    """The texts by kind, and what is wrong with the folder, a line for each file that cannot be used."""

    texts: Mapping[AlertKind, str]
    problems: tuple[str, ...] = ()


def read_templates(folder: str | None) -> OwnTemplates:
    """Read the folder as it is now; what cannot be read is left out and told."""
    if folder is None:
        return OwnTemplates({})
    known = {kind.value: kind for kind in AlertKind}
    texts: dict[AlertKind, str] = {}
    problems: list[str] = []
    try:
        files = sorted(Path(folder).iterdir())
    except OSError as error:
        return OwnTemplates({}, (f"alerts.templates: {folder} cannot be read ({error.strerror or error})",))
    for file in files:
        kind = known.get(file.stem)
        if file.suffix != _SUFFIX:
            continue
        if kind is None:
            problems.append(f"{file.name}: there is no such kind of alert; there is {', '.join(known)}")
            continue
        try:
            text = read_at_most(file, LONGEST_TEMPLATE)
            if len(text) > LONGEST_TEMPLATE:
                raise ValueError(f"longer than {LONGEST_TEMPLATE} bytes")
            texts[kind] = text.decode("utf-8-sig")
        except (OSError, ValueError) as error:
            problems.append(f"{file.name}: cannot be used ({error})")
    return OwnTemplates(texts, tuple(problems))
