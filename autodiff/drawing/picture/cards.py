"""The look of every kind of node, as cards.

One function for each kind: it takes words and numbers that are ready to print and returns a `Card`. Sizes, paddings
and colours of boxes are decided here and nowhere else.

One file, so that the looks can be compared with one another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .model import Block, Card, Cell, Run
from .style import (
    BORDER,
    ERROR,
    ERROR_FILL,
    FORWARD,
    GOOD,
    GRAD,
    GRAD_FILL,
    INK,
    INPUT_FILL,
    MUTED,
    NEGATIVE,
    PARAM,
    PARAM_FILL,
    POSITIVE,
    REPEAT,
    UPDATE,
    UPDATE_FILL,
    WARN,
    WARN_FILL,
    WHITE,
    Heat,
    faded,
)
from .text import number

GAP = "\u00a0\u00a0\u00a0"
MODULE_WIDTH = 304


def frame(kind: str, status: str = "") -> tuple[str, float, str]:
    """Return border colour, border width and fill of a kind of node, or of a problem."""
    if status == "first-nan":
        return ERROR, 4, WHITE
    if status == "nan":
        return ERROR, 1, ERROR_FILL
    if status == "dead":
        return ERROR, 3, WHITE
    if status == "warning":
        return WARN, 2, WARN_FILL
    return {
        "parameter": (PARAM, 2, PARAM_FILL),
        "output": (INK, 2, WHITE),
        "input": (BORDER, 1, INPUT_FILL),
        "constant": (BORDER, 1, INPUT_FILL),
        "frozen": (BORDER, 2, INPUT_FILL),
        "optimizer": (UPDATE, 2, UPDATE_FILL),
        "repeat": (REPEAT, 2, WHITE),
        "note": (ERROR, 1, WHITE),
    }.get(kind, (BORDER, 1, WHITE))


def badge(text: str, size: float = 12, fill: str = FORWARD) -> Cell:
    """Return the operation: white on dark at the left of the first row."""
    return Cell((Run(text, size, WHITE, True),), "center", fill, 4, 22)


def name_color(kind: str) -> str:
    """Return the colour of a name: that of the border for parameters, grey for frozen ones."""
    return {"parameter": PARAM, "frozen": MUTED}.get(kind, INK)


def header(text: str) -> Block:
    """Return the red line over the operation that made the first NaN."""
    return Block(((Cell((Run(text, 12, WHITE, True),), "left", None, 4),),), ERROR)


def note_block(text: str, status: str) -> Block:
    """Return a line with the meaning of the colour of the card, in words."""
    color = {"warning": WARN}.get(status, ERROR)
    return Block(((Cell((Run(text, 11, color, True),), "left", None, 4),),))


def scalar_card(
    kind: str,
    *,
    name: str = "",
    op: str = "",
    value: str = "",
    grad: str = "",
    grad_word: str = "grad",
    status: str = "",
    note: str = "",
    headline: str = "",
) -> Card:
    """Return a rounded box: operation, name and value; under them the gradient."""
    border, width, fill = frame(kind, status)
    bold = kind == "output"
    cells = [badge(op, 13, ERROR if status == "first-nan" else FORWARD)] if op else []
    if name:
        cells.append(Cell((Run(name, 13, name_color(kind), True),), "left", None, 3))
    cells.append(Cell((Run(value, 13, INK, bold),) if value else (), "right", None, 3, 50 if name or op else 62))
    blocks = [header(headline)] if headline else []
    blocks.append(Block((tuple(cells),), None, "v", 3))
    if grad:
        blocks.append(
            Block(
                (
                    (
                        Cell((Run(grad_word, 11, GRAD),), "left", None, 3),
                        Cell((Run(grad, 13, GRAD, True),), "right", None, 3, 50),
                    ),
                ),
                GRAD_FILL,
                "g",
                3,
            )
        )
    if note:
        blocks.append(note_block(note, status))
    return Card(tuple(blocks), border, width, fill, rounded=True)


def tensor_card(
    kind: str,
    *,
    name: str = "",
    op: str = "",
    shape: str = "",
    dtype: str = "",
    value: str = "",
    grad: str = "",
    stats: str = "",
    status: str = "",
    note: str = "",
    headline: str = "",
    heat: Heat | None = None,
) -> Card:
    """Return a square box: operation, name, shape and dtype; under them statistics, problem and gradient norm."""
    border, width, fill = frame(kind, status)
    cells = [badge(op, 12, ERROR if status == "first-nan" else FORWARD)] if op else []
    if name and not value:
        cells.append(Cell((Run(name, 12, name_color(kind), True),), "left", None, 4))
    runs = []
    if value:
        runs.append(Run(f"{name} = {value}\u00a0" if name else value + "\u00a0", 12, INK, True))
    elif shape:
        runs.append(Run(shape + ("\u00a0" if dtype else ""), 12, INK))
    if dtype:
        runs.append(Run(dtype, 10, MUTED))
    if runs or not cells:
        cells.append(Cell(tuple(runs), "right", None, 4))
    blocks = [header(headline)] if headline else []
    blocks.append(Block((tuple(cells),), None, "v"))
    if note:
        blocks.append(note_block(note, status))
    elif stats:
        blocks.append(Block(((Cell((Run(stats, 11, MUTED),), "left", None, 4),),)))
    if grad:
        ink, back = (heat.text, heat.fill) if heat else (GRAD, GRAD_FILL)
        norm = Cell((Run("‖g‖\u00a0", 11, ink), Run(grad, 11, ink, True)), "right", None, 3)
        blocks.append(Block(((norm,),), back, "g"))
    return Card(tuple(blocks), border, width, fill)


def centered(*runs: Run, pad: float = 4, width: float = 0) -> tuple[Cell, ...]:
    """Return a row of one cell in the middle."""
    return (Cell(runs, "center", None, pad, width),)


def module_card(
    kind: str,
    title: str,
    *,
    sizes: str = "",
    subtitle: str = "",
    value: str = "",
    seed: str = "",
    status: str = "",
    note: str = "",
    lanes: bool = True,
    width: float = MODULE_WIDTH,
    images: Sequence[Block] = (),
) -> Card:
    """Return a wide card of the module level: class name and sizes, under them path or remark, and small images. All
    have the same width.
    """
    border, line, fill = frame(kind, status)
    runs = [Run(title, 14, INK, True)]
    if value:
        runs.append(Run(GAP + value, 16, INK, True))
    if sizes:
        runs.append(Run(GAP + sizes, 12, MUTED))
    rows = [centered(*runs)]
    if subtitle:
        rows.append(centered(Run(subtitle, 11, MUTED), pad=3))
    if note:
        rows.append(centered(Run(note, 11, WARN if status == "warning" else ERROR, True), pad=3))
    if seed:
        rows.append(centered(Run(seed, 11, GRAD), pad=3))
    return Card((Block(tuple(rows), inset=3), *images), border, line, fill, min_width=width, lanes=lanes)


def tile_blocks(
    images: Sequence[Sequence[Sequence[float]]], low: float, high: float, caption: str
) -> tuple[Block, ...]:
    """Return numbers as coloured cells, one image beside the other, and under them the meaning of the colours.

    Blue is above 0, orange below, the deeper the further from it; a number that is not finite is red.
    """
    peak = max(-low, high) or 1.0
    side = max(3, min(11, 44 // len(images[0]), 250 // (len(images) * len(images[0][0]))))

    def color(x: float) -> str:
        if not math.isfinite(x):
            return ERROR
        return faded(POSITIVE if x >= 0 else NEGATIVE, 0.07 + 0.93 * min(abs(x) / peak, 1.0))

    def row(lines: Sequence[Sequence[float]]) -> tuple[Cell, ...]:
        gap = Cell((), "center", None, 0, 5, side)
        parts = [[Cell((), "center", color(x), 0, side, side) for x in line] + [gap] for line in lines]
        return (gap, *(cell for part in parts for cell in part))

    runs = [Run(caption, 10, MUTED)]
    for x in (low, high) if low < high else (high,):
        runs += [Run("\u00a0\u00a0■\u00a0", 10, color(x)), Run(number(x), 10, INK)]
    grid = Block(tuple(map(row, zip(*images, strict=True))), inset=3, stretch="ends")
    return grid, Block((centered(*runs, pad=3),))


def chip_card(kind: str, name: str, detail: str = "") -> Card:
    """Return a small box: labels, a mask, a reference to a value drawn elsewhere."""
    border, width, fill = frame(kind)
    runs = [Run(name, 13, name_color(kind), True)]
    if detail:
        runs.append(Run(GAP + detail, 11, MUTED))
    return Card((Block(((Cell(tuple(runs), "left", None, 5),),)),), border, width, fill)


def frozen_card(name: str, detail: str) -> Card:
    """Return a grey box: a module whose parameters are frozen, with its class."""
    return chip_card("frozen", name, detail)


def parameters_card(rows: Sequence[tuple[str, str, str, str]], width: float = 0) -> Card:
    """Return the parameters of one module: name, shape, ‖w‖ and ‖g‖ in columns; empty texts are left out."""
    lines = []
    for name, shape, norm, grad in rows:  # a row without a name is a line about the parameters above it
        weight = (Run("‖w‖\u00a0", 11, MUTED), Run(norm, 12, INK)) if norm else ()
        gradient = (Run("‖g‖\u00a0", 11, GRAD), Run(grad, 12, GRAD, True)) if grad else ()
        lines.append(
            (
                Cell((Run(name, 12, name_color("parameter"), True),), "left", None, 5),
                Cell((Run(shape, 11, MUTED),), "left", None, 5),
                Cell(weight, "right", None, 5),
                *((Cell(gradient, "right", GRAD_FILL, 5),) if any(row[3] for row in rows) else ()),
            )
        )
    return Card((Block(tuple(lines), stretch=1),), *frame("parameter"), min_width=width, lanes=True)


def optimizer_card(name: str, detail: str, lines: Sequence[tuple[Run, ...]] = (), width: float = 0) -> Card:
    """Return the optimizer: its name, learning rate and step."""
    first = [Run(name, 14, UPDATE, True)] + ([Run(GAP + detail, 11, MUTED)] if detail else [])
    rows = [centered(*first), *(centered(*line, pad=3) for line in lines)]
    return Card((Block(tuple(rows), inset=3),), *frame("optimizer"), min_width=width, lanes=True)


def repeat_card(
    title: str,
    count: int,
    *,
    inner: str = "",
    cells: Sequence[tuple[str, Heat, bool]] = (),
    caption: str = "",
    caption_value: str = "",
    status: str = "",
    width: float = MODULE_WIDTH + 30,
) -> Card:
    """Return a run of equal modules folded to `Name × k`: inner chain, and one heat cell for each member.

    cells: text of the cell, its heat class, and whether the member is broken (NaN or dead).
    """
    border, line, fill = frame("repeat", status if status == "first-nan" else "")
    blocks = [
        Block(
            (
                centered(Run(title, 14, INK, True), Run(f"\u00a0\u00a0× {count}", 16, REPEAT, True)),
                *((centered(Run(inner, 11, MUTED), pad=3),) if inner else ()),
            ),
            inset=3,
        )
    ]
    if cells:
        strip = tuple(
            Cell((Run(("✗ " if broken else "") + text, 10, heat.text, True),), "center", heat.fill, 2, 22, 22)
            for text, heat, broken in cells
        )
        per = 16
        if len(strip) > per:  # the cells of a short last row are as wide as those above
            strip += (Cell((), "center", None, 2, 22, 22),) * (-len(strip) % per)
        for start in range(0, len(strip), per):
            blocks.append(Block((strip[start : start + per],), inset=3, spacing=1, stretch=None))
    if caption:
        runs = [Run(caption, 11, MUTED)] + (
            [Run("\u00a0\u00a0" + caption_value, 11, INK, True)] if caption_value else []
        )
        blocks.append(Block((centered(*runs, pad=3),), inset=1))
    return Card(tuple(blocks), border, line, fill, min_width=width, lanes=True)


def heat_card(title: str, text: str, heat: Heat, status: str = "") -> Card:
    """Return one layer of a chain: its number and, under it, the gradient norm in the colour of its class."""
    border, line, fill = frame("module", status)
    return Card(
        (
            Block((centered(Run(title, 12, INK, True), pad=2, width=36),), inset=1),
            Block(((Cell((Run(text, 10, heat.text),), "center", heat.fill, 2, 36),),), inset=1),
        ),
        border,
        line,
        fill,
    )


def loss_chip(name: str, value: str) -> Card:
    """Return the end of a chain: the loss and its value."""
    return Card(
        (Block(((Cell((Run(name + "\u00a0", 11, MUTED), Run(value, 12, INK, True)), "center", None, 5),),)),),
        INK,
        2,
        WHITE,
    )


def neuron_card(kind: str, name: str, value: str, grad: str, grad_word: str) -> Card:
    """Return a neuron: its output and the gradient of the loss with respect to it."""
    border, width, fill = frame(kind)
    blocks = [
        Block(
            ((Cell((Run(name, 12, INK, True),), "left", None, 2), Cell((Run(value, 12, INK),), "right", None, 2, 52)),),
            None,
            "v",
            3,
        )
    ]
    if grad:
        blocks.append(
            Block(
                (
                    (
                        Cell((Run(grad_word, 10, GRAD),), "left", None, 2),
                        Cell((Run(grad, 12, GRAD, True),), "right", None, 2, 52),
                    ),
                ),
                GRAD_FILL,
                "g",
                3,
            )
        )
    return Card(tuple(blocks), border, width, fill, rounded=True)


def why_card(rows: Sequence[tuple[str, str, str]]) -> Card:
    """Return the problem in rows of word, text and tone (error, plain or good)."""
    colors = {"error": ERROR, "good": GOOD}
    lines = tuple(
        (
            Cell((Run(word, 11, MUTED),), "left", None, 3),
            Cell((Run(text, 11, colors.get(tone, INK), tone in colors),), "left", None, 3),
        )
        for word, text, tone in rows
    )
    return Card((Block(lines, stretch=1),), ERROR, 1, WHITE)


def verdict_card(title: str, verdict: str, color: str, detail: str = "", width: float = 190) -> Card:
    """Return the name of one compared model, with a verdict on its gradients."""
    second = [Run(verdict, 11, color, True)] + ([Run(GAP + detail, 11, MUTED)] if detail else [])
    return Card(
        (
            Block(
                ((Cell((Run(title, 12, INK, True),), "left", None, 2, width),), (Cell(tuple(second), "left", None, 2),))
            ),
        ),
        WHITE,
        0,
        WHITE,
    )


def faded_card(card: Card) -> Card:
    """Return the same card, pale: a step that has not happened yet."""

    def pale(cell: Cell) -> Cell:
        runs = tuple(Run(run.text, run.size, faded(run.color, 0.25), run.bold) for run in cell.runs)
        return Cell(runs, cell.align, cell.fill and faded(cell.fill), cell.pad, cell.min_width, cell.min_height)

    blocks = tuple(
        Block(
            tuple(tuple(pale(cell) for cell in row) for row in block.rows),
            block.fill and faded(block.fill),
            block.port,
            block.inset,
            block.spacing,
            block.stretch,
        )
        for block in card.blocks
    )
    return Card(
        blocks, faded(card.border, 0.3), card.border_width, faded(card.fill), card.rounded, card.min_width, card.lanes
    )
