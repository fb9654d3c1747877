"""The search attributes that workflows set: a server must know them, or it refuses every workflow task that sets one.

The embedded server makes them with a new database only, and a newer release may set some that a namespace does not have
yet. So a worker looks before it serves workflows, and makes what is missing where it may.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Final

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from contract.names import SEARCH_ATTRIBUTES, kind_of
from rebalancing.errors import SearchAttributesMissing

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 0.2
"""Seconds between two looks for what was made just now, or at a server that is away."""

LOOKS: Final = 300
"""So often it is looked for what was made: a cluster's servers take up to a minute to hear of it."""

PASSING: Final = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.ABORTED,
    RPCStatusCode.CANCELLED,
)
"""What a server says that will be back."""

_OF_THE_KIND: Final = {"Keyword": "'x'", "Double": "0"}
"""A value to ask for: a server refuses one of another kind than the attribute's."""


async def missing_attributes(client: Client) -> tuple[SearchAttributeKey[Any], ...]:
    """Those that the namespace does not have, or has of another kind. Raises ``RPCError``."""
    found = await asyncio.gather(*(_is_known(client, attribute) for attribute in SEARCH_ATTRIBUTES))
    return tuple(attribute for attribute, is_known in zip(SEARCH_ATTRIBUTES, found, strict=True) if not is_known)


def lacks(client: Client, missing: Iterable[SearchAttributeKey[Any]]) -> str:
    """That the namespace lacks these, and the command that makes them."""
    given = tuple(missing)
    options = " ".join(f"--name {each.name} --type {kind_of(each)}" for each in given)
    return (
        f"The namespace {client.namespace} lacks the search attributes {', '.join(each.name for each in given)}. "
        f"Create them: temporal operator search-attribute create --namespace {client.namespace} {options}"
    )


async def have_attributes(client: Client) -> None:
    """Return once the namespace has all of them; those that are missing are made. While the server is away it waits.

    Raises ``SearchAttributesMissing`` where the server does not let us make them, or has them of another kind.
    """
    missing = await _once_answered(client)
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={each.name: each.indexed_value_type for each in missing},  # pyright: ignore[reportArgumentType]
            )
        )
    except RPCError as error:
        raise SearchAttributesMissing(f"{lacks(client, missing)} (not made here: {error.message})") from error
    await _refuse_other_kinds(client, missing)
    for _ in range(LOOKS):
        missing = await _once_answered(client)
        if not missing:
            log.info("the namespace %s has the search attributes of this release now", client.namespace)
            return
        await asyncio.sleep(LOOK_AGAIN)
    raise SearchAttributesMissing(lacks(client, missing))


async def _once_answered(client: Client) -> tuple[SearchAttributeKey[Any], ...]:
    while True:
        try:
            return await missing_attributes(client)
        except RPCError as error:
            if error.status not in PASSING:
                log.warning("nobody can tell whether the search attributes are there: %s", error.message)
                return ()
            await asyncio.sleep(LOOK_AGAIN)


async def _refuse_other_kinds(client: Client, needed: tuple[SearchAttributeKey[Any], ...]) -> None:
    """What is there already stays what it is: the server takes the wish for another kind, and ignores it."""
    asked = ListSearchAttributesRequest(namespace=client.namespace)
    there = (await client.operator_service.list_search_attributes(asked)).custom_attributes
    others = [each.name for each in needed if there.get(each.name, each.indexed_value_type) != each.indexed_value_type]
    if others:
        command = f"temporal operator search-attribute remove --namespace {client.namespace} --name "
        raise SearchAttributesMissing(
            f"The namespace {client.namespace} has the search attribute {others[0]} of another type than this release "
            f"writes. Use another namespace, or remove it ({command}{others[0]}) and start again."
        )


async def _is_known(client: Client, attribute: SearchAttributeKey[Any]) -> bool:
    try:
        await client.count_workflows(f"{attribute.name} = {_OF_THE_KIND[kind_of(attribute)]}")
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return False
    return True
