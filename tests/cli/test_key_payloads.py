"""``rebalancer key payloads``: a file by which somebody reads and does not trade."""

from pathlib import Path

from configuration.key_ring import line_of, new_key
from configuration.payload_keys import read_payload_keys
from tests.cli.command import desk
from tests.test_encryption import connections, file_with


async def test_it_prints_the_file_of_who_only_reads(tmp_path: Path) -> None:
    trades, reads = file_with(tmp_path / "key", line_of(new_key("ann"))), tmp_path / "reads"
    answer = await desk(tmp_path, REBALANCER_KEY_FILE=str(trades)).run("key", "payloads")
    own = read_payload_keys(connections(rebalancer_payload_key_file=file_with(reads, answer.output)))
    told = read_payload_keys(connections(rebalancer_key_file=trades))
    assert own is not None
    assert told is not None
    assert own.keys == told.keys


async def test_without_a_key_it_says_so(tmp_path: Path) -> None:
    answer = await desk(tmp_path).run("key", "payloads")
    assert (answer.status, answer.output) == (2, "")
    assert "rebalancer key new" in answer.errors
