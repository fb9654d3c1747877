"""``accounts.example.yaml``: every key that may be written, each below what it means; written by ``make reference``."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from configuration.reference import Setting, settings

WIDTH: Final = 110
"""Columns of a line with a comment."""

HEAD: Final = """\
# yaml-language-server: $schema=docs/schemas/accounts.schema.json
# Accounts and settings of the rebalancer. Copy this file to accounts.yaml and edit it; a key that is left out has the
# default that is shown here. `rebalancer check` reads the file and says what is wrong, with line and field;
# `rebalancer config explain KEY` says more of a key. Nothing secret belongs in here: keys and addresses come from the
# environment or .env (see .env.example). Files of the original system are read unchanged.
#
# Written by `make reference`: what is to be changed here is changed in configuration/.

accounts:
  # The shortest entry: a number and a strategy. Events on the Ably channel of that name rebalance the account.
  - account_id: U1234567
    strategy_name: etf-blend-200-35

  # Weights from another address than the common one: without the key, which is for base_url alone. A password or token
  # in it is shown nowhere: messages and Temporal's history have the host only ...
  - account_id: U2345678
    strategy_name: global-momentum
    allocations:
      url: https://example.com/global-momentum.json

  # ... from a JSON file beside this one: what the address would answer, or only its list of allocations ...
  - account_id: U3456789
    strategy_name: all-weather
    enabled: false
    allocations:
      file: all-weather.json

  # ... or written right here. They lie in 0 to 1 and add up to 1 (±0.01). CASH is a cash target. Put symbols that
  # YAML takes for something else (TRUE, NULL, 700) in quotes.
  - account_id: U4567890
    strategy_name: sixty-thirty
    allocations:
      - { symbol: VTI, allocation: 0.60 }
      - { symbol: BND, allocation: 0.30 }
      - { symbol: CASH, allocation: 0.10 }

  # Every key that an account may have. What has no default is commented out, with an example.
"""

ACCOUNT: Final = "accounts[]."
SET: Final = "replacement_sets.<name>[]."

COMMENTED_OUT: Final = (
    "accounts[].order_policy.",  # each is for one type of order
    "accounts[].notification.",  # only older files have these
    "accounts[].rebalancing.",
    "circuit_breaker.",  # to be there at all switches it on
)
"""Blocks whose keys are only shown."""


def example_file() -> str:
    """The whole text."""
    every = list(settings())
    accounts = [each for each in every if each.key.startswith(ACCOUNT)]
    return "\n".join([HEAD + "\n".join(_account(accounts)), "", *_rest(every), ""])


def _account(own: list[Setting]) -> Iterator[str]:
    lines = list(_lines(own, ACCOUNT))
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    for number, line in enumerate(lines):
        yield f"  {'- ' if number == first else '  '}{line}".rstrip()


def _rest(every: list[Setting]) -> Iterator[str]:
    common = [each for each in every if not each.key.startswith(("accounts", SET))]
    yield from _lines([each for each in common if each.key != "replacement_sets"], "")
    sets = next(each for each in every if each.key == "replacement_sets")
    yield from ("", *_comment(sets), "replacement_sets:", "  ira:")
    own = [each for each in every if each.key.startswith(SET)]
    for number, each in enumerate(own):
        yield from (f"      {line}" for line in _comment(each))
        yield f"    {'  ' if number else '- '}{each.name}: {each.example}"


def _lines(own: Iterable[Setting], prefix: str) -> Iterator[str]:
    """The keys below a prefix, their blocks' keys indented; a block whose every key is commented out is so too."""
    listed = list(own)
    for each in listed:
        inner = each.key.removeprefix(prefix)
        depth = inner.count(".")
        under = [other for other in listed if other.key.startswith(f"{each.key}.")]
        indent = "  " * depth
        if not depth and not prefix:
            yield ""
        yield from (indent + line for line in _comment(each))
        if under:
            yield f"{indent}{'' if any(map(_is_active, under)) else '# '}{each.name}:"
        else:
            yield f"{indent}{'' if _is_active(each) else '# '}{each.name}: {each.example}"


def _is_active(each: Setting) -> bool:
    """Whether it stands there without a comment sign: with its default, or because it must."""
    if each.key.startswith(COMMENTED_OUT) and each.key != "accounts[].order_policy.type":
        return False
    return bool(each.example) and (each.is_needed or each.default == f"`{each.example}`")


def _comment(each: Setting) -> list[str]:
    """What the key means, what it allows where that does not say it, and its default where the line below does not."""
    told = [each.meaning.replace("`", "")]
    if not all(word.strip(",") in each.meaning for word in each.allowed.removeprefix("one of ").split()):
        allowed = each.allowed.removeprefix("a number, ")
        told.append(f"{allowed[0].upper()}{allowed[1:]}.")
    if each.default not in ("", "none", "needed", f"`{each.example}`"):
        told.append(f"Default: {each.default.replace('`', '')}.")
    return textwrap.wrap(" ".join(told), WIDTH, initial_indent="# ", subsequent_indent="# ")
