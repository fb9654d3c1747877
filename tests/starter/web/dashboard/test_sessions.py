"""A session is a cookie that only a token can have made, and that ends."""

from datetime import UTC, datetime, timedelta

import pytest

from starter.web.sessions import LASTS, csrf_token, holder_of_session, new_session, shows_csrf_token
from starter.web.tokens import Role, Token

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
TRADER = Token(role=Role.TRADER, token="t" * 43)
VIEWER = Token(role=Role.VIEWER, token="v" * 43)
TOKENS = {"trader": TRADER, "viewer": VIEWER}


def test_a_session_is_its_holders_until_it_ends() -> None:
    cookie = new_session("trader", TRADER, NOW)
    assert holder_of_session(cookie, TOKENS, NOW) == "trader"
    assert holder_of_session(cookie, TOKENS, NOW + LASTS - timedelta(seconds=1)) == "trader"
    assert holder_of_session(cookie, TOKENS, NOW + LASTS) is None


def test_the_cookie_does_not_hold_the_token() -> None:
    assert TRADER.token not in new_session("trader", TRADER, NOW)


def test_a_token_that_was_made_anew_ends_the_sessions_of_the_old_one() -> None:
    cookie = new_session("trader", TRADER, NOW)
    renewed = {"trader": Token(role=Role.TRADER, token="n" * 43)}
    assert holder_of_session(cookie, renewed, NOW) is None
    assert holder_of_session(cookie, {}, NOW) is None


def test_a_viewers_session_is_no_traders_and_no_session_can_be_made_longer() -> None:
    name, ends, seal = new_session("viewer", VIEWER, NOW).split(".")
    assert holder_of_session(f"trader.{ends}.{seal}", TOKENS, NOW) is None
    assert holder_of_session(f"{name}.{int(ends) + 1}.{seal}", TOKENS, NOW) is None


@pytest.mark.parametrize(
    "cookie", ["", ".", "..", "trader", "trader..", "trader.9999999999.", "trader.x.y", "trader.1.é", "\udcff.1.x"]
)
def test_anything_else_is_nobodys(cookie: str) -> None:
    assert holder_of_session(cookie, TOKENS, NOW) is None


def test_what_a_page_shows_is_of_one_session_and_is_not_its_cookie() -> None:
    cookie = new_session("trader", TRADER, NOW)
    shown = csrf_token(cookie, TRADER)
    assert shows_csrf_token(shown, cookie, TRADER)
    assert not shows_csrf_token("", cookie, TRADER)
    assert not shows_csrf_token(cookie, cookie, TRADER)
    assert not shows_csrf_token(shown, new_session("trader", TRADER, NOW + timedelta(seconds=1)), TRADER)
