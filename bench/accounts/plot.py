"""The measurements as a picture: seconds over accounts, both on logarithmic scales. Plain SVG, written by hand."""

import math
from collections.abc import Sequence
from typing import Final

from bench.accounts.figures import Figures

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50

Point = tuple[float, float]

SERIES: Final = (
    ("as the original's documents describe", "#d1a054", "2 6"),
    ("the original, by its code", "#b45309", "6 4"),
    ("measured", "#1d4ed8", ""),
    ("bound", "#6b7280", "2 3"),
)


def plot(results: Sequence[Figures]) -> str:
    """An SVG with the time to the last account done, its bound, and the original's two schemes."""
    points: dict[str, list[Point]] = {
        "measured": [(own.accounts, own.seconds) for own in results],
        "bound": [(own.accounts, own.bound_seconds) for own in results],
        "the original, by its code": [(own.accounts, own.original.seconds) for own in results if own.original],
        "as the original's documents describe": [
            (own.accounts, own.described.seconds) for own in results if own.described
        ],
    }
    values = [y for line in points.values() for _, y in line]
    x_scale = _Scale(min(own.accounts for own in results), max(own.accounts for own in results), LEFT, WIDTH - RIGHT)
    y_scale = _Scale(min(values), max(values), HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">Seconds until the last account is done, over accounts triggered at '
        "once</text>",
        *_axes(x_scale, y_scale, [own.accounts for own in results]),
    ]
    for number, (name, colour, dash) in enumerate(SERIES):
        parts += _line(points[name], colour, dash, x_scale, y_scale)
        y = TOP + 12 + 18 * number
        parts.append(f'<line x1="{LEFT + 15}" y1="{y}" x2="{LEFT + 45}" y2="{y}" stroke="{colour}" stroke-width="2" '
                     f'stroke-dasharray="{dash}"/><text x="{LEFT + 52}" y="{y + 4}">{name}</text>')  # fmt: skip
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Scale:
    """Maps values of at least ``low`` logarithmically to the span between two coordinates."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, max(high, low * 1.1)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """The coordinate of a value."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self._start + share * (self._end - self._start)

    def decades(self) -> list[float]:
        """Round values within the scale: 1, 2 and 5 times powers of ten."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        candidates = [step * 10**power for power in range(first, last + 1) for step in (1, 2, 5)]
        return [value for value in candidates if self.low <= value <= self.high]


def _axes(x_scale: _Scale, y_scale: _Scale, counts: Sequence[int]) -> list[str]:
    parts: list[str] = []
    for value in y_scale.decades():
        y = y_scale.at(value)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e5e7eb"/>'
                     f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g} s</text>')  # fmt: skip
    for count in counts:
        x = x_scale.at(count)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e5e7eb"/>'
                     f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{count}</text>')  # fmt: skip
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">accounts</text>')
    return parts


def _line(points: Sequence[Point], colour: str, dash: str, x_scale: _Scale, y_scale: _Scale) -> list[str]:
    places = [(x_scale.at(x), y_scale.at(y)) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>',
        *dots,
    ]
