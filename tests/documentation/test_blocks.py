"""Every command line in the documents is one that the command takes, every block of configuration one that is read."""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from configuration.configuration import parse_configuration
from starter.cli.main import app
from tests.documentation.blocks import Block, blocks, lines_of, spans

ACCOUNT = {"account_id": "DU7654321", "strategy_name": "by-hand"}
OF_COMPOSE = ("services:", "secrets:")
"""Blocks for Docker Compose begin so; `make test-image` has the file that they add to."""

LEFT_OUT = ("MissingParameter", "NoArgsIsHelpError", "BadOptionUsage")
"""What click calls an argument, a command or an option's value that is not there."""

IN_AN_ACCOUNT = {"guards", "approval", "order_policy", "symbol_order_policies", "allocations", "alias"}


def rebalancer_lines() -> Iterator[Any]:
    for block in blocks("sh", "bash"):
        for line in lines_of(block):
            for command in re.findall(r"(?:^|[|;(] ?|&& )(?:\S+/bin/)?(rebalancer [^|;)>]*)", line):
                yield pytest.param(command, id=f"{block.name} {command}")


def rebalancer_spans() -> Iterator[Any]:
    """Those within the text: they may leave out what they are not about, and name several in one."""
    for span in spans():
        if re.match(r"(?:\S+/bin/)?rebalancer [a-z]", span.text):
            yield pytest.param(span.text.partition("|")[0], id=f"{span.name} {span.text}")


@pytest.mark.parametrize("line", list(rebalancer_lines()))
def test_a_command_line_is_one_that_the_command_takes(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("text", list(rebalancer_spans()))
def test_a_command_within_the_text_has_no_option_that_is_none(text: str) -> None:
    try:
        parse(re.sub(r"\$\(.*?\)", "today", text).replace("--filled N", "--filled 1"))
    except Exception as error:
        assert type(error).__name__ in LEFT_OUT, error  # noqa: PT017  # typer's own click is private


def parse(line: str) -> None:
    """Have the real command read a line. Raises click's errors."""
    assert "--install-completion" not in line, "it would be done"
    _, *arguments = shlex.split(line)
    command: Any = typer.main.get_command(app)
    context: Any = None
    while hasattr(command, "commands"):
        with command.make_context("rebalancer", list(arguments), parent=context, resilient_parsing=False) as context:
            name, command, arguments = command.resolve_command(
                context, [*getattr(context, "_protected_args", []), *context.args]
            )
        assert command is not None, name
    with suppress(typer.Exit):  # --version ends so
        command.make_context(line, list(arguments), parent=context)


@pytest.mark.parametrize(
    "block",
    [pytest.param(each, id=each.name) for each in blocks("yaml") if not each.text.startswith(OF_COMPOSE)],
)
def test_a_block_of_configuration_is_read(block: Block) -> None:
    content = yaml.safe_load(block.text)
    if isinstance(content, dict) and "accounts" not in content:
        whole = {"accounts": [ACCOUNT]} | content
        inner = {key: content[key] for key in content if key in IN_AN_ACCOUNT}
        if inner:
            whole = {"accounts": [{**ACCOUNT, **inner}]} | {key: content[key] for key in content if key not in inner}
        text = yaml.safe_dump(whole)
    else:
        text = block.text
    assert parse_configuration(text, Path("accounts.yaml")).accounts
