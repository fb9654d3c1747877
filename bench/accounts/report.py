"""Results as a table in Markdown."""

from collections.abc import Sequence

from bench.accounts.figures import Comparison, Figures
from bench.accounts.stream import Rate

HEADINGS = (
    "accounts", "orders", "seconds", "bound", "× bound", "blind bound", "original", "its messages",
    "as described", "messages", "per rebalance",
    "first order p50 / p95 / max",
    "done p50 / p95 / max", "between legs p50 / max", "events", "KiB", "slot visits", "slot busy",
    "CPU s worker / listener / server", "MiB worker / listener / server",
)  # fmt: skip


def table(results: Sequence[Figures]) -> str:
    """All results, a row each."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(_cells(each)) + " |" for each in results]
    return "\n".join(lines)


def stream_table(rates: Sequence[Rate]) -> str:
    """The rates of a stream, a row each."""
    lines = ["| accounts a second | events | done p50 | done p95 |", "|---|---|---|---|"]
    lines += [f"| {own.accounts_a_second:g} | {own.events} | {own.median:.2f} | {own.high:.2f} |" for own in rates]
    return "\n".join(lines)


def _cells(own: Figures) -> tuple[str, ...]:
    processes = ("worker", "listener", "temporal")
    return (
        str(own.accounts),
        str(own.orders),
        f"{own.seconds:.1f}",
        f"{own.bound_seconds:.1f}",
        f"{own.ratio:.2f}",
        f"{own.blind_bound:.1f}",
        _seconds(own.original, own.accounts),
        str(own.original.messages) if own.original and own.original.measured == own.accounts else "–",
        _seconds(own.described, own.accounts),
        str(own.messages),
        f"{own.messages_each:.1f}",
        f"{own.first_order.median:.2f} / {own.first_order.high:.2f} / {own.first_order.worst:.2f}",
        f"{own.done.median:.1f} / {own.done.high:.1f} / {own.done.worst:.1f}",
        f"{own.between_legs.median:.2f} / {own.between_legs.worst:.2f}",
        f"{own.events:.0f}",
        f"{own.bytes / 1024:.0f}",
        f"{own.visits:.1f}",
        f"{100 * own.slot_busy:.0f} %",
        " / ".join(f"{own.cpu[name]:.1f}" for name in processes),
        " / ".join(f"{own.memory[name]:.0f}" for name in processes),
    )


def _seconds(other: Comparison | None, accounts: int) -> str:
    if other is None:
        return "–"
    seconds = f"{other.seconds:.1f}" if other.seconds < 100 else f"{other.seconds:.0f}"
    return seconds if other.measured == accounts else f"({seconds}, extrapolated from {other.measured})"
