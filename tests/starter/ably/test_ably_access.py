"""Whether the key opens the channels, and settings that cannot work."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from simulator.ably import SimulatedAbly
from starter.ably.ably_channel import check_access
from starter.ably.ably_settings import AblyKeyRefusedError, AblySettings, AblyUnavailableError
from tests.starter.ably.ably_listening import KEY, TIMINGS, settings


async def test_check_access_is_content_with_a_good_key() -> None:
    async with SimulatedAbly(KEY) as ably:
        await check_access(settings(ably), TIMINGS)


@pytest.mark.parametrize(
    ("capability", "key"),
    [({"*": ["*"]}, "app.key:wrong"), ({"*": ["history"]}, KEY), ({"*": ["subscribe"]}, KEY), ({"*": ["*"]}, "none")],
    ids=["wrong key", "no subscribe", "no history", "malformed"],
)
async def test_check_access_says_what_is_wrong_with_a_key(capability: dict[str, list[str]], key: str) -> None:
    async with SimulatedAbly(KEY, capability=capability) as ably:
        with pytest.raises(AblyKeyRefusedError, match=r"Check the Ably key|The key needs"):
            await check_access(settings(ably, key=key), TIMINGS)


async def test_check_access_says_when_nobody_answers() -> None:
    async with SimulatedAbly(KEY) as ably:
        await ably.stop_listening()
        with pytest.raises(AblyUnavailableError):
            await check_access(settings(ably), TIMINGS)


@pytest.mark.parametrize(
    "wrong",
    [{"channels": ()}, {"channels": ("",)}, {"port": 0}, {"endpoint": "http://host"}, {"extra": 1}],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AblySettings.model_validate({"key": SecretStr(KEY), "channels": ("signals",), **wrong})


def test_a_channel_named_twice_is_listened_to_once() -> None:
    assert AblySettings(key=SecretStr(KEY), channels=("a", "b", "a")).channels == ("a", "b")
