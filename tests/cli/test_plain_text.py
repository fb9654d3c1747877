"""Which addresses ``rebalancer check`` warns of, because they are read in plain text from another machine."""

import pytest

from starter.cli.plain_text import is_here, read_in_plain_text


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://example.com/api", "example.com"),
        ("http://user:secret@Example.com:8080/api", "example.com"),
        ("http://192.168.1.4/", "192.168.1.4"),
        ("http://localhost.example.com/", "localhost.example.com"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("https://example.com/api", None),
        ("http://localhost:8080/api", None),
        ("http://127.0.0.2/", None),
        ("http://[::1]:9/", None),
        ("", None),
    ],
)
def test_only_plain_http_to_another_machine_is_told(address: str, host: str | None) -> None:
    assert read_in_plain_text(address) == host


@pytest.mark.parametrize("host", ["temporal", "0.0.0.0", "localhost.", "", "127.0.0.1.example.com"])
def test_what_may_be_another_machine_is_not_here(host: str) -> None:
    assert not is_here(host)
