"""The picture that the README begins with: the demo's board, with four accounts done and two at work."""

from typing import Any, Final

import pytest

from simulator.gateway.scenario import Scenario
from starter.cli.demo import stage
from starter.cli.demo.strategies import EVENT, FOLLOWERS, STRATEGIES
from tests.operating.camera import Camera, taken

SIZE: Final = {"width": 1280, "height": 900}

LATER: Final = ("us-growth", "all-weather-with-cash")
"""Published once the accounts of the other strategies are done, the second when the account of the first buys."""

FILLS: Final = (15.0, 30.0)
"""Seconds that an order takes to fill: the demo's own are over before a browser has drawn a page. While those of one
account's buys are at work, the next one reads, plans and begins to sell."""

PATIENCE: Final = 120_000

MIDWAY: Final = """() => ["buying", "selling"].every(phase => {
    const cards = [...document.querySelectorAll("#cards .card.work")].filter(card => card.innerText.includes(phase));
    const [, filled, all] = /(\\d+) of (\\d+) orders filled/.exec(cards[0]?.innerText ?? "") ?? [];
    return Number(filled) < Number(all);
})"""
"""One account buys and another sells, each with orders at the market."""

ENDS: Final = 12
"""Points below the last card."""


async def take_demo(camera: Camera) -> None:
    """Play the demo in a slower market, and take its board midway."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "load_scenario", _slower(stage.load_scenario))
        async with stage.set_stage() as played, camera.page(SIZE) as page:
            await page.goto(played.dashboard_address)
            done = [account for account, strategy in FOLLOWERS.items() if strategy not in LATER]
            for strategy in STRATEGIES:
                if strategy not in LATER:
                    await played.publish(strategy, EVENT)
            await page.locator("#cards .card.done").nth(len(done) - 1).wait_for(timeout=PATIENCE)
            for strategy in LATER:
                await played.publish(strategy, EVENT)
                phase = "selling" if strategy == LATER[-1] else "buying"
                await page.locator("#cards .card.work").get_by_text(phase).wait_for(timeout=PATIENCE)
            await page.wait_for_function(MIDWAY, timeout=PATIENCE)
            height = await page.locator("#cards").evaluate("cards => cards.getBoundingClientRect().bottom")
            await taken(page, "demo-wide", part={"x": 0, "y": 0, "width": SIZE["width"], "height": height + ENDS})


def _slower(load: Any) -> Any:
    def loaded(path: Any) -> Scenario:
        scenario: Scenario = load(path)
        return scenario.model_copy(update={"latency": scenario.latency.model_copy(update={"fill": FILLS})})

    return loaded
