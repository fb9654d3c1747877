"""The desk is as good for an HTTP API as for the command line: it knows no terminal."""

from tests.source_tree import source_files

OF_A_TERMINAL = {"rich", "typer", "click", "sys"}


def test_the_desk_imports_nothing_of_a_terminal() -> None:
    files = source_files("starter/desk")
    assert files
    assert {file.path: names for file in files if (names := file.imported_packages() & OF_A_TERMINAL)} == {}
