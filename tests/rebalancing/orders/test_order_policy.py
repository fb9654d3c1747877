"""Policies as they are written: what could not be kept is refused, with its place."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from configuration.configuration import ConfigurationInvalid, parse_configuration
from rebalancing.accounts import Account
from rebalancing.orders.order_policy import OrderPolicy


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"type": "MKT", "extended_hours": True}, "extended_hours is for LMT only, not for MKT"),
        ({"type": "MOC", "extended_hours": True}, "extended_hours is for LMT only, not for MOC"),
        ({"type": "LMT", "extended_hours": True}, "extended_hours needs then: give_up"),
        ({"type": "ADAPTIVE", "cushion_percent": 1}, "cushion_percent is for LMT and MOC only"),
        ({"adaptive_priority": "urgent"}, "adaptive_priority is for ADAPTIVE only"),
        ({"type": "LMT", "after_cut_off": "market"}, "after_cut_off is for MOC only"),
        ({"type": "MKT", "reprice_times": 5}, "reprice_times is for LMT only"),
        ({"type": "LMT", "cushion_percent": "NaN"}, "finite number"),
        ({"type": "LMT", "cushion_percent": 50}, "less than or equal to 20"),
        ({"type": "LMT", "reprice_every": 0}, "greater than or equal to 1"),
        ({"type": "STP"}, "'MKT', 'LMT', 'MOC' or 'ADAPTIVE'"),
    ],
)
def test_a_policy_that_could_not_be_kept_is_refused(policy: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        OrderPolicy.model_validate(policy)


@pytest.mark.parametrize("policy", [{}, {"type": "LMT"}, {"type": "MOC"}, {"type": "ADAPTIVE"}])
def test_a_policy_reads_back_as_it_was_written(policy: dict[str, Any]) -> None:
    own = OrderPolicy.model_validate(policy)
    assert OrderPolicy.model_validate_json(own.model_dump_json()) == own


FILE = """\
accounts:
  - account_id: DU1
    strategy_name: blend
    order_policy: {type: MKT, extended_hours: true}
    symbol_order_policies:
      SPY: {type: LMIT}
      QQQ: {typ: MOC}
"""


def test_the_configuration_is_refused_with_the_place_of_every_policy_that_cannot_be_kept() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        parse_configuration(FILE, Path("accounts.yaml"))
    told = "\n".join(refused.value.problems)
    assert "accounts.yaml:4:5: accounts[0].order_policy: extended_hours is for LMT only, not for MKT" in told
    assert "accounts[0].symbol_order_policies.SPY.type: found 'LMIT'; input should be 'MKT', 'LMT'" in told
    assert "accounts[0].symbol_order_policies.QQQ.typ: found an unknown key; did you mean 'type'?" in told


def test_policies_are_read_from_the_file() -> None:
    text = FILE.replace("{type: MKT, extended_hours: true}", "{type: LMT, extended_hours: true, then: give_up}")
    text = text.replace("LMIT", "ADAPTIVE").replace("typ:", "type:")
    (own,) = parse_configuration(text, Path("accounts.yaml")).accounts
    assert [own.policy_for(symbol).type for symbol in ("BND", "SPY", "QQQ")] == ["LMT", "ADAPTIVE", "MOC"]
    assert own.policy_for("BND").extended_hours
    assert Account.model_validate_json(own.model_dump_json()) == own
