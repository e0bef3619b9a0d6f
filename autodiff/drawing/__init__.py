"""Pictures of graphs: `ad.draw(loss)` and what belongs to it.

A picture is made in three steps, each in its own modules. `snapshot` copies numbers and text out of a graph. A reader
(`read_ops`, `read_modules`, `read_neurons`, `overview`, `trouble`) turns them into the picture model (`model`), plain
frozen dataclasses. A writer (`dot`, `mermaid`, `svg`, `html`, and JSON in `figure`) turns the model into text; the
program `dot` is needed for png and pdf alone. Nothing in the core imports this package, and nothing here changes a
gradient.
"""

from __future__ import annotations

from .compare import draw_compare
from .draw import draw
from .figure import DrawingWarning, Figure
from .pages.function_plot import draw_function
from .pages.notebook_card import card
from .pages.training_report import Page, animation, training_report
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
    "training_report",
]
