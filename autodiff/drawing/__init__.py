"""Pictures of graphs: `ad.draw(loss)` and all that it needs.

A value passes the folders in this order, and imports point backwards along it:

- `reading` copies numbers and text out of a graph into plain records;
- `picture` holds the picture as data: boxes, lines, frames, their looks, words and text;
- `levels` turns records into a picture: operations, modules, neurons, comparisons, the first NaN;
- `layout` places a picture without any program;
- `writing` turns a picture into DOT, SVG, Mermaid, JSON or HTML; png and pdf need the program `dot`;
- `draw`, `compare` and `figure` have the public functions; `pages` holds notebook cards, plots and pages with a slider.

Nothing in the core imports this package, and nothing here changes a gradient.
"""

from __future__ import annotations

from .compare import draw_compare
from .draw import draw
from .figure import DrawingWarning, Figure
from .pages.animation import animation
from .pages.function_plot import draw_function
from .pages.notebook_card import card
from .pages.slider_page import Page, slider_bar, slider_page
from .picture import style, text
from .writing.graphviz_program import DrawingError

__all__ = [
    "DrawingError",
    "DrawingWarning",
    "Figure",
    "Page",
    "animation",
    "card",
    "draw",
    "draw_compare",
    "draw_function",
    "slider_bar",
    "slider_page",
    "style",
    "text",
]
