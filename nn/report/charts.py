"""Line charts as SVG text, without any library: axes, a few ticks, a label at the end of every line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import autodiff as ad

drawing = ad.drawing
BORDER, CLUSTER_LINE, MUTED = drawing.style.BORDER, drawing.style.CLUSTER_LINE, drawing.style.MUTED
clean, escape_xml = drawing.text.clean, drawing.text.escape_xml
number, text_width = drawing.text.number, drawing.text.text_width

WIDTH, HEIGHT = 560.0, 230.0
EXTREME = 1e300  # beyond it the axis itself would overflow
LEFT, RIGHT, TOP, BOTTOM = 56.0, 110.0, 14.0, 34.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: x and y, equally long; points that are not finite are gaps."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: str
    dash: str = ""
    width: float = 2.0


def drawn_line(line: Line, places: list[tuple[float, float] | None]) -> list[str]:
    """Return the path of a line, and a dot where it has only one point."""
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    stroke = f'stroke="{line.color}" stroke-width="{line.width:g}"{dash} stroke-linecap="round"'
    parts = [f'<path d="{path_of(places)}" fill="none" {stroke}/>']
    known = [place for place in places if place is not None]
    if len(known) == 1:
        parts.append(f'<circle cx="{known[0][0]:.1f}" cy="{known[0][1]:.1f}" r="3" fill="{line.color}"/>')
    return parts


def chart(lines: Sequence[Line], *, x_name: str = "", y_name: str = "", log: bool | None = None) -> str:
    """Return an SVG chart. log: a logarithmic axis; None: when all values are positive and span more than a factor of
    50.
    """
    points = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True) if usable(y, False)]
    if not points:
        return ""
    values = [y for _, y in points]
    if log is None:
        log = min(values) > 0 and max(values) / min(values) > 50
    if log:
        values = [y for y in values if usable(y, True)] or [1.0]
    low, high = bounds(values, log)
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    if last == first:
        first, last = first - 0.5, last + 0.5

    def place(x: float, y: float) -> tuple[float, float]:
        part = (scale(y, log) - scale(low, log)) / (scale(high, log) - scale(low, log))
        across = LEFT + (x - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        return across, TOP + (1 - part) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape_xml(y_name or "chart")}">']
    for tick in y_ticks(low, high, log):
        _, y = place(first, tick)
        parts.append(f'<path d="M{LEFT:g},{y:.1f}H{WIDTH - RIGHT:g}" stroke="{CLUSTER_LINE}" stroke-width="0.7"/>')
        parts.append(label(LEFT - 6, y + 3.5, number(tick), "end"))
    for tick in x_ticks(first, last):
        x, _ = place(tick, high)
        parts.append(label(x, HEIGHT - BOTTOM + 15, number(tick), "middle"))
    edge = HEIGHT - BOTTOM
    parts.append(f'<path d="M{LEFT:g},{TOP:g}V{edge:g}H{WIDTH - RIGHT:g}" fill="none" stroke="{BORDER}"/>')
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, x_name, "middle"))
    ends = []
    for line in lines:
        places = [place(x, y) if usable(y, log) else None for x, y in zip(line.x, line.y, strict=True)]
        parts += drawn_line(line, places)
        known = [spot for spot in places if spot is not None]
        if known and line.name:
            ends.append((known[-1][1], line))
    parts += end_labels(ends)
    return "".join(parts) + "</svg>"


def usable(y: float, log: bool) -> bool:
    """Return whether a value can be drawn: far from overflow, and positive on a logarithmic axis."""
    return abs(y) < EXTREME and (y > 1 / EXTREME or not log)


def scale(y: float, log: bool) -> float:
    """Return the value on its axis."""
    return math.log10(y) if log else y


def bounds(values: Sequence[float], log: bool) -> tuple[float, float]:
    """Return the ends of the axis: a little beyond the data, or whole decades on a logarithmic one."""
    low, high = min(values), max(values)
    if log:
        return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high) + 1e-9)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (0.0 if 0 <= low < 0.3 * high else low - room), high + room


def y_ticks(low: float, high: float, log: bool) -> list[float]:
    """Return three to six round values on the axis."""
    if log:
        first, last = round(math.log10(low)), round(math.log10(high))
        step = max(1, math.ceil((last - first) / 5))
        return [10.0**power for power in range(first, last + 1, step)]
    return round_steps(low, high, 5)


def x_ticks(first: float, last: float) -> list[float]:
    """Return round whole numbers along the x axis."""
    return [tick for tick in round_steps(first, last, 8) if tick == round(tick)]


def round_steps(low: float, high: float, most: int) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten between two values."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def path_of(points: Sequence[tuple[float, float] | None]) -> str:
    """Return SVG path data. A missing point is a gap, and a point between two gaps is a dot."""
    parts, pen_down = [], False
    for point, following in zip(points, [*points[1:], None], strict=True):
        if point is not None:
            alone = not pen_down and following is None
            parts.append(f"{'L' if pen_down else 'M'}{point[0]:.1f},{point[1]:.1f}{'h0.01' if alone else ''}")
        pen_down = point is not None
    return "".join(parts)


def end_labels(ends: Sequence[tuple[float, Line]]) -> list[str]:
    """Return the names at the ends of lines, moved apart vertically."""
    parts, ends = [], sorted(ends, key=lambda end: end[0])
    heights: list[float] = []
    for y, _ in ends:
        heights.append(max(y, heights[-1] + 13) if heights else y)
    floor = HEIGHT - BOTTOM - 4
    for k in reversed(range(len(heights))):
        heights[k], floor = min(heights[k], floor), min(heights[k], floor) - 13
    for height, (_, line) in zip(heights, ends, strict=True):
        name = clean(line.name, 30)
        while text_width(name, 11) > RIGHT - 10 and len(name) > 4:
            name = clean(name, len(name) - 1)
        parts.append(label(WIDTH - RIGHT + 6, height + 3.5, name, "start", line.color))
    return parts


def label(x: float, y: float, text: str, anchor: str, color: str = MUTED) -> str:
    """Return a small text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="{color}">{escape_xml(text)}</text>'
    )
