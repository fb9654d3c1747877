"""Random input of the kinds that come from outside: JSON, text that is nearly right, and nonsense."""

import json
from typing import Any, Final

from hypothesis import strategies as st

SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["rebalance", "dry_run", "QQQ", "CASH", "success", "1e999", "NaN", "-0", "٣", "\ud800", "\x00"])
)

JSON: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Anything JSON can say, NaN and halves of characters included (Python's reader lets both through)."""


def text_of(value: Any) -> str:
    """The value as JSON text."""
    return json.dumps(value)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """The text with a few of its pieces cut out, repeated or overwritten."""
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        start = draw(st.integers(min_value=0, max_value=len(text)))
        end = draw(st.integers(min_value=start, max_value=min(len(text), start + 12)))
        piece = draw(
            st.sampled_from(["", text[start:end] * 2, "{", "]", ":", "-", "\n", '"', "\t", "&a *a", "1e400"])
            | st.text(max_size=4)
        )
        text = text[:start] + piece + text[end:]
    return text
