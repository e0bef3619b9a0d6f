"""Colours, line styles, heat classes: every constant of the visual language, and nothing else.

Colour never carries meaning alone: a parameter also has a thick border, a gradient a dashed line and the word `grad`
or the sign ‖g‖, an error the mark ✗ and words, a heat cell a printed number. A test holds
the palette to a WCAG contrast of 4.5 for text and 3 for lines.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from string import Template

from .text import short_number

# Latin fonts that have the sign ‖ stand before the Chinese ones, where it is as wide as a Chinese character.
FONT = "Helvetica,Arial,DejaVu Sans,Lucida Grande,Lucida Sans Unicode,Noto Sans CJK SC,PingFang SC,Microsoft YaHei"
FONT += ",sans-serif"

WHITE = "#FFFFFF"
INK = "#1F2933"
MUTED = "#52606D"
FORWARD = "#3E4C59"
GRAD = "#B84300"
GRAD_FILL = "#FFF1E6"
PARAM = "#0B5C99"
PARAM_FILL = "#E6F1FA"
REPEAT = "#0B5C99"
UPDATE = "#6B3FA0"
UPDATE_FILL = "#F2ECFA"
ERROR = "#B00020"
ERROR_FILL = "#FDE7EA"
WARN = "#8A5A00"
WARN_FILL = "#FFF6DB"
GOOD = "#00735C"
BORDER = "#7B8794"
INPUT_FILL = "#F5F7FA"
CLUSTER_FILL = "#FAFBFC"
CLUSTER_LINE = "#CBD2D9"
POSITIVE = "#0072B2"
NEGATIVE = "#D55E00"
FOCUS = "#0B5C99"  # of the element that the keyboard or a search has chosen, on pages
COVER_FILL = "#EEF2F6"  # a frame that is folded, on pages
BARS = "#0B5C99"  # of a histogram
CURVES = ("#0B5C99", "#B84300", "#00735C", "#6B3FA0", "#8A5A00")  # lines of a plot, in this order


@dataclass(frozen=True, slots=True)
class Heat:
    """One class of gradient norms, with cell fill, text colour and line colour."""

    name: str
    fill: str
    text: str
    line: str


DEAD = Heat("dead", WHITE, INK, INK)
VANISHING = Heat("vanishing", "#08306B", WHITE, "#08306B")
WEAK = Heat("weak", "#6BAED6", INK, "#2171B5")
HEALTHY = Heat("healthy", "#C5CDD5", INK, BORDER)
STRONG = Heat("strong", "#F4A259", INK, "#D9700F")
EXPLODING = Heat("exploding", "#A63603", WHITE, "#A63603")
BROKEN = Heat("nan", ERROR, WHITE, ERROR)
HEATS = (VANISHING, WEAK, HEALTHY, STRONG, EXPLODING)
# Words of a verdict are set on white, where the cell fills are too pale to read.
HEAT_WORD = {
    "dead": ERROR,
    "vanishing": "#08306B",
    "weak": "#2171B5",
    "healthy": GOOD,
    "strong": "#A85100",
    "exploding": "#A63603",
    "nan": ERROR,
}


THRESHOLDS = (1e-6, 1e-4, 10.0, 1000.0)  # where weak, healthy, strong and exploding begin
_thresholds: ContextVar[Sequence[float]] = ContextVar("thresholds of heat", default=THRESHOLDS)


@contextmanager
def heat_thresholds(thresholds: Sequence[float]) -> Iterator[None]:
    """Set the norms at which heat classes begin, in a block. All parts of a picture use them, through `heat_of`.

    Raises:
        ValueError: these are not four positive numbers, each larger than the one before.
    """
    ends = tuple(thresholds)
    if len(ends) != 4 or not 0 < ends[0] < ends[1] < ends[2] < ends[3]:
        raise ValueError(
            "thresholds are the four norms where weak, healthy, strong and exploding begin, such as "
            f"{THRESHOLDS}; got {thresholds!r}"
        )
    before = _thresholds.set(ends)
    try:
        yield
    finally:
        _thresholds.reset(before)


def css(text: str) -> str:
    """Return a style sheet with the colours of this file in place of their names.

    >>> css("a{color:$INK;background:$WHITE}")
    'a{color:#1F2933;background:#FFFFFF}'
    """
    return Template(text).substitute({k: v for k, v in globals().items() if isinstance(v, str) and v.startswith("#")})


def bound_of(heat: Heat) -> str:
    """Return the end of a heat class, as in the legend: `< 1e−6`, `≥ 10`; "" for healthy, dead and NaN."""
    weak, healthy, strong, exploding = map(short_number, _thresholds.get())
    bounds = {"vanishing": f"< {weak}", "weak": f"< {healthy}", "strong": f"≥ {strong}", "exploding": f"≥ {exploding}"}
    return bounds.get(heat.name, "")


def heat_of(norm: float) -> Heat:
    """Return the heat class of a gradient norm.

    >>> heat_of(0.0).name, heat_of(3e-8).name, heat_of(0.2).name, heat_of(float("nan")).name
    ('dead', 'vanishing', 'healthy', 'nan')
    """
    if not math.isfinite(norm):
        return BROKEN
    if norm == 0:
        return DEAD
    return HEATS[bisect_right(_thresholds.get(), norm)]


def heat_width(norm: float) -> float:
    """Return the line width in points for a gradient norm: thin for a vanishing, thick for an exploding gradient."""
    if not math.isfinite(norm):
        return 2.4
    if norm == 0:
        return 1.0
    return round(min(7.0, max(1.2, 3.4 + 0.55 * (math.log10(norm) + 1))), 2)


def faded(color: str, part: float = 0.16) -> str:
    """Return the colour mixed with white, as with opacity `part` on a white page."""
    values = (round(255 - (255 - int(color[i : i + 2], 16)) * part) for i in (1, 3, 5))
    return "#" + "".join(f"{value:02X}" for value in values)
