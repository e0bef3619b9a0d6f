"""The place of a frame's title: on its upper side, where no line passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from .card_sizes import Point

TITLE_PAD = 8  # points between a frame and its title
CLEAR = 5  # points between a title and a line
STEPS = 16  # points along one curve


def place_of_title(
    start: float,
    width: float,
    frame: tuple[float, float],
    lines: Iterable[Sequence[Point]],
    heights: tuple[float, float],
) -> float:
    """Return where a title begins: as near to `start` as no line passes, or `start` where there is no room.

    frame: left and right end. lines: points along each line. heights: of the text, from the smaller y to the larger.
    """
    left, right = frame[0] + TITLE_PAD - CLEAR, frame[1] - TITLE_PAD + CLEAR
    taken = (x for line in lines for x in crossings(line, *heights))
    stops = [left, *sorted(x for x in taken if left < x < right), right]
    gaps = [(a + CLEAR, b - CLEAR) for a, b in pairwise(stops) if b - a >= width + 2 * CLEAR]
    places = [min(max(start, a), b - width) for a, b in gaps]
    return min(places, key=lambda x: abs(x - start), default=start)


def crossings(line: Sequence[Point], top: float, bottom: float) -> list[float]:
    """Return where a line of points passes between two heights: x of both ends of each piece there."""
    return [
        x
        for (x1, y1), (x2, y2) in pairwise(line)
        if min(y1, y2) <= bottom and max(y1, y2) >= top
        for x in (x1, x2)
    ]


def along(ends: Sequence[Point]) -> list[Point]:
    """Return points along a line: a start, and for each curve two points that pull it and its end."""
    found = list(ends[:1])
    for k in range(1, len(ends) - 2, 3):
        curve = found[-1], *ends[k : k + 3]
        for step in range(1, STEPS + 1):
            t = step / STEPS
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            x, y = (sum(w * p[axis] for w, p in zip(weights, curve, strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found
