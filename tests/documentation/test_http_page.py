"""docs/reference/http.md has every route, and an example of each that works as it stands."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from testbed.addresses import clean_environment
from tests.cli.command import Desk, desk, up
from tests.documentation.http_examples import EXAMPLES, SERVED, Example
from tests.documentation.http_page import GROUPS, PROBLEMS, Route, document, routes_of
from tests.documentation.references import commands

DOCUMENT = document()
ROUTES = list(routes_of(DOCUMENT))
MODELS: dict[str, Any] = {
    f"{method} {route.path}": route.body_field.field_info.annotation
    for router in GROUPS.values()
    for route in router.routes
    if isinstance(route, APIRoute) and route.body_field
    for method in route.methods or ()
}
"""What the route itself makes of a body."""

BY_HAND = {"DU1000004": "waits for approval", "DU1000006": "is stopped by a guard"}
"""Accounts whose live rebalance is asked for first, for the examples that need what becomes of it."""

UNSET = {f"{method} /accounts/{{account_id}}/{name}" for method, name in [
    ("POST", "reject"), ("POST", "resolve"), ("GET", "doubt"), ("POST", "accept-history"), ("POST", "cancel"),
]}  # fmt: skip
"""Examples for which what they need is not so here; ``tests/starter/web`` has it."""

NOT_SO = (404, 409)
"""What they are answered."""


def test_every_route_is_in_a_group_and_has_an_example() -> None:
    assert {route.name for route in ROUTES} == EXAMPLES.keys()
    assert {tuple(route.operation["tags"]) for route in ROUTES} == {(tag,) for tag in GROUPS}


def test_every_problem_that_is_answered_has_words() -> None:
    answered = {int(status) for route in ROUTES for status in route.operation["responses"] if status >= "300"}
    assert answered == {status.value for status in PROBLEMS}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_everything_that_is_asked_for_says_what_it_is(route: Route) -> None:
    assert [each["name"] for each in route.operation.get("parameters", ()) if not each.get("description")] == []
    assert route.operation["description"].endswith(".")


def test_every_field_says_what_it_is() -> None:
    schemas: dict[str, Any] = DOCUMENT["components"]["schemas"]
    untold = [(name, field) for name, schema in schemas.items() for field, told in schema["properties"].items()
              if "description" not in told and name != "Problem"]  # fmt: skip
    assert untold == []


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.body is not None])
def test_an_example_is_one_that_the_route_takes(name: str) -> None:
    written = json.dumps(EXAMPLES[name].body).replace("$HASH", "fe29397f3f4e")
    assert TypeAdapter(MODELS[name]).validate_json(written) is not None


def test_commands_that_do_the_same_are_commands() -> None:
    named = {example.command.partition(" --")[0] for example in EXAMPLES.values() if example.command}
    assert named <= {name for name, _ in commands()}


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not installed")
async def test_each_example_works_as_it_stands(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    trade = EXAMPLES["POST /rebalance/{account_id}"]
    async with up(own, "--simulated"):
        for account in BY_HAND:
            await sent(own, trade._replace(account=account).shell("POST /rebalance/{account_id}"))
        for name, example in sorted(EXAMPLES.items(), key=_in_turn):
            status = await sent(own, example.shell(name))
            assert status < 300 if name not in UNSET else status in NOT_SO, (name, status)


def _in_turn(named: tuple[str, Example]) -> int:
    """What is added comes first, and is removed last."""
    return {"PUT": 0, "DELETE": 2}.get(named[0].partition(" ")[0], 1)


async def sent(own: Desk, lines: str) -> int:
    """The status that the lines are answered with."""
    shell = lines.replace(SERVED, f"http://localhost:{own.http_port}").replace("curl ", "curl -s ")
    before, _, asked = shell.rpartition("\ncurl -s ")
    whole = f"{before}\ncurl -s -o answer -w '%{{http_code}}' {asked.removeprefix('curl -s ')}"
    process = await asyncio.create_subprocess_shell(
        whole,
        stdout=asyncio.subprocess.PIPE,
        cwd=own.folder,
        env={**clean_environment(), "NO_PROXY": "*", "PATH": os.environ["PATH"]},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, whole
    return int(output)
