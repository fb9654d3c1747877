"""An address is shown by its host alone, whatever else is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rebalancing.web_address import WebAddress, shown, without_secrets

SECRET = "hunter2"
ANYTHING = st.text(max_size=12)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com:8443/a/b", "https://example.com:8443/…"),
        ("https://user:hunter2@example.com/a?token=hunter2#hunter2", "https://example.com/…"),
        ("http://[::1]:80/a", "http://[::1]:80/…"),
        ("http://user:hun/ter2@example.com", "http://…"),
        ("http://user:hunter2", "http://…"),
        ("look at http://example.com/a b", "look at http://example.com/…"),
        ("no address at all", "no address at all"),
    ],
)
def test_what_is_shown(address: str, told: str) -> None:
    assert without_secrets(address) == told


@given(ANYTHING, ANYTHING, ANYTHING)
def test_a_password_is_never_shown(before: str, after: str, path: str) -> None:
    address = f"https://user:{before}{SECRET}{after}@example.com/{path}"
    assert SECRET not in shown(address)
    assert SECRET not in shown([address])


@given(st.sampled_from("/?#"), ANYTHING, ANYTHING)
def test_a_token_is_never_shown(mark: str, before: str, after: str) -> None:
    address = f"https://example.com{mark}{before}{SECRET}{after}"
    assert SECRET not in shown(address)
    assert SECRET not in shown({"url": address})


@pytest.mark.parametrize(
    "address",
    ["", "example.com", "ftp://x", "https://", "https:///a", "https://:80", "https://h:0", "https://h:99999",
     "https://h:x", "https://[::1", "https://a b", "HTTPS://x", "https://user@"],
)  # fmt: skip
def test_what_names_no_host_is_no_address(address: str) -> None:
    with pytest.raises(ValidationError, match="beginning with http"):
        TypeAdapter[str](WebAddress).validate_python(address)
