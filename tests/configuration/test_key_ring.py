"""Files of keys: what is read, what is refused whole and in words, and that no secret is told."""

import os
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from configuration.key_ring import (
    Key,
    KeyFileUnusable,
    KeyUnknown,
    default_key_file,
    line_of,
    make_key_file,
    new_key,
    read_key_ring,
)


def written(folder: Path, *lines: str) -> Path:
    file = folder / "key"
    file.write_text("".join(lines))
    file.chmod(0o600)
    return file


def test_the_default_file_is_in_the_configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_key_file() == tmp_path / "rebalancer" / "key"
    assert read_key_ring() is None


def test_a_file_that_is_made_is_its_owners_alone_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "new" / "key"
    made = make_key_file("ann", file)
    assert made == read_key_ring(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert os.listdir(file.parent) == ["key"]


def test_a_file_that_is_there_already_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "key"
    first = make_key_file("ann", file)
    assert make_key_file("bob", file) == first


def test_many_who_make_the_file_at_once_hold_the_same_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from configuration.key_ring import make_key_file;"
        "print(make_key_file('x', Path(sys.argv[1])).first.secret.hex())"
    )
    makers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "key")], stdout=subprocess.PIPE) for _ in range(4)
    ]
    assert len({maker.communicate()[0] for maker in makers}) == 1


def test_the_first_key_is_used_and_all_are_known(tmp_path: Path) -> None:
    new, old = new_key("ann-2"), new_key("ann-1")
    ring = read_key_ring(written(tmp_path, "# Ann's\n", line_of(new), "\n", line_of(old)))
    assert ring is not None
    assert ring.first == new
    assert ring.key("ann-1") == old


def test_an_unknown_key_is_told_with_those_that_are_known(tmp_path: Path) -> None:
    ring = make_key_file("ann", tmp_path / "key")
    with pytest.raises(KeyUnknown, match=r"'bob' is not in .*key, which has ann"):
        ring.key("bob")


def test_each_purpose_has_a_secret_of_its_own() -> None:
    key = new_key("ann")
    assert len({key.secret, key.derived("seal"), key.derived("payloads")}) == 3
    assert key.derived("seal") == key.derived("seal")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileUnusable, match="There is no file of keys"):
        read_key_ring(tmp_path / "nowhere")


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileUnusable, match="cannot be read"):
        read_key_ring(tmp_path)


def test_a_file_that_others_may_change_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, line_of(new_key("ann")))
    file.chmod(0o620)
    with pytest.raises(KeyFileUnusable, match="Others may change"):
        read_key_ring(file)


SECRET = line_of(Key("ann", bytes(range(32)))).split()[1]
OTHER = line_of(Key("ann", bytes(range(32, 64)))).split()[1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has none"),
        ("# nothing but words\n", "has none"),
        (SECRET, "line 1: 1 words"),
        (f"ann {SECRET} {SECRET}", "line 1: 3 words"),
        (f"# no\nann {SECRET[:-8]}", "line 2: the secret of 'ann' is not 32 bytes"),
        (f"ann {SECRET}AAAA", "is not 32 bytes"),
        ("ann §§§§", "is not 32 bytes"),
        (f"{SECRET} ann", "line 1"),
        (f"../ann {SECRET}", "no id of a key"),
        (f"ann {SECRET}\nann {OTHER}", "two keys with the id 'ann'"),
    ],
)
def test_a_file_that_is_written_wrongly_is_refused_whole_without_telling_a_secret(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(KeyFileUnusable) as refused:
        read_key_ring(written(tmp_path, text))
    assert problem in str(refused.value)
    assert SECRET[:12] not in "".join(traceback.format_exception(refused.value))


def test_no_secret_is_shown_where_a_key_is_printed(tmp_path: Path) -> None:
    ring = make_key_file("ann", tmp_path / "key")
    shown = f"{ring!r} {ring.first!r} {ring.first}"
    assert "ann" in shown
    assert repr(ring.first.secret) not in shown


@pytest.mark.parametrize("key_id", ["", "-ann", "ann bob", "a" * 41, "änn", "ann\n"])
def test_what_is_no_id_makes_no_key(key_id: str) -> None:
    with pytest.raises(KeyFileUnusable, match="is no id of a key"):
        new_key(key_id)
