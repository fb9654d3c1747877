"""What a worker says of its gateway is understood, whatever words the gateway itself has for what is wrong."""

from datetime import UTC, datetime

import pytest

from contract.gateway_news import GatewayNews

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "problem", ["", "refused", "the gateway is not connected to IBKR", "gone away again", "a connected b away c"]
)
def test_it_comes_back_as_it_was_said(problem: str) -> None:
    news = GatewayNews("12@desk", AT, problem)
    assert GatewayNews.of(news.identity) == news


@pytest.mark.parametrize("identity", ["", "12@desk", "12@desk connected", "12@desk connected 2026-11-27T08:00:00 x"])
def test_what_is_no_news_is_none(identity: str) -> None:
    assert GatewayNews.of(identity) is None
