"""Tokens are made once, for their owner alone, and told from one another."""

import stat
from pathlib import Path

import pytest

from starter.web.tokens import Role, TokensUnusable, add_token, holder_of, read_tokens
from tests.cli.command import desk


def test_they_are_made_at_the_first_time_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tokens.json"
    made = read_tokens(path)
    assert {name: token.role for name, token in made.items()} == {"viewer": Role.VIEWER, "trader": Role.TRADER}
    assert made["viewer"].token != made["trader"].token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert read_tokens(path) == made


def test_a_token_belongs_to_one_name_and_no_part_of_it_does(tmp_path: Path) -> None:
    tokens = read_tokens(tmp_path / "tokens.json")
    own = tokens["trader"].token
    assert holder_of(own, tokens) == "trader"
    assert {holder_of(other, tokens) for other in ("", own[:-1], own + "x", own.swapcase(), "\udcff")} == {None}


def test_one_that_is_made_anew_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    before = read_tokens(path)["viewer"]
    alice, after = add_token(path, "alice", Role.TRADER), add_token(path, "viewer", Role.VIEWER)
    tokens = read_tokens(path)
    assert holder_of(before.token, tokens) is None
    assert (holder_of(alice.token, tokens), holder_of(after.token, tokens)) == ("alice", "viewer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    read_tokens(path)
    path.chmod(0o640)
    with pytest.raises(TokensUnusable, match="chmod 600"):
        read_tokens(path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"trader": {"role": "trader", "token": "short"}}', '{"a": 1}'])
def test_a_file_that_holds_no_tokens_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens.json"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(TokensUnusable, match="holds no tokens"):
        read_tokens(path)


async def test_the_command_prints_the_token_and_nothing_else(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    trader, viewer = await own.run("token"), await own.run("token", "viewer")
    kept = read_tokens(tmp_path / "config" / "rebalancer" / "http-tokens.json")
    assert (trader.output, viewer.output) == (f"{kept['trader'].token}\n", f"{kept['viewer'].token}\n")
    assert "no token named alice" in " ".join((await own.run("token", "alice")).errors.split())
    made = await own.run("token", "alice", "--role", "viewer")
    assert (await own.run("token", "alice")).output == made.output
    refused = await own.run("token", "alice", "--role", "admin")
    assert (refused.status, "viewer or trader" in refused.errors) == (2, True)
