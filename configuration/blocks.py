"""The blocks of ``accounts.yaml`` and the keys each may have, read off the models."""

from collections.abc import Iterator
from typing import Annotated, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from configuration.configuration_file import ConfigurationFile

ANY: Final = "*"
"""Stands in a block's path for a position in a list, or for a name of one's own."""

NOT_WRITTEN: Final = "replacements"
"""A field that no file has: an account names its set by ``replacement_set``."""

BlockPath = tuple[str, ...]


def written_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a block in the order of the model, those that must be given first."""
    fields = {name: field for name, field in model.model_fields.items() if name != NOT_WRITTEN}
    return dict(sorted(fields.items(), key=lambda item: not item[1].is_required()))


def inner_blocks(annotation: object) -> Iterator[tuple[BlockPath, type[BaseModel]]]:
    """The blocks that a value of this type consists of, with the way to them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield (), annotation
        return
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from inner_blocks(arguments[0])
    elif get_origin(annotation) in (tuple, dict):
        element = arguments[0] if get_origin(annotation) is tuple else arguments[1]
        for path, model in inner_blocks(element):
            yield (ANY, *path), model
    else:
        for each in arguments:
            yield from inner_blocks(each)


def blocks(
    model: type[BaseModel] = ConfigurationFile, path: BlockPath = ()
) -> Iterator[tuple[BlockPath, type[BaseModel]]]:
    """Every block of the file with its path, outer ones first."""
    yield path, model
    for name, field in written_fields(model).items():
        for way, inner in inner_blocks(field.annotation):
            yield from blocks(inner, (*path, name, *way))


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys allowed in the block at this path."""
    for pattern, model in blocks():
        if is_at(pattern, path):
            return list(written_fields(model))
    return []


def is_at(pattern: BlockPath, path: tuple[str | int, ...]) -> bool:
    """Whether a path of a file is one of these."""
    return len(pattern) == len(path) and all(own in (ANY, part) for own, part in zip(pattern, path, strict=True))
