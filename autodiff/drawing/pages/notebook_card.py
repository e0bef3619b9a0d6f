"""Small cards that a notebook shows for a value or a model: shape, dtype, statistics, histogram; layers and parameters.

Cards are one piece of HTML with inline styles, no script, and every text from the user escaped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import Scalar, Variable
from ..picture.cards import GAP
from ..picture.style import BARS, BORDER, ERROR, FONT, GRAD, GRAD_FILL, INK, MUTED, PARAM, WARN, WHITE
from ..picture.text import clean, escape_xml, number, percent, shape_text
from ..reading.records import gradient_number, stats_of

BINS = 24
MOST_NUMBERS = 24  # elements; up to here a card shows the numbers themselves
MOST_COLUMNS = 8
SAMPLE = 100_000  # elements that a histogram counts
ROWS = 24
BOX = (
    f"display:inline-block;border:1px solid {BORDER};border-radius:8px;background:{WHITE};color:{INK};padding:8px 12px;"
)
TYPE = f"font:13px/1.5 {FONT}"
TABLE = f"border-collapse:collapse;margin:0;background:{WHITE}"


def card(thing: Any) -> str:
    """Return an HTML card for a Scalar, a Tensor or a Module.

    >>> import autodiff as ad
    >>> "float64" in card(ad.tensor([1.0, 2.5])) and "2.5" in card(ad.tensor([1.0, 2.5]))
    True
    """
    return value_card(thing) if isinstance(thing, Variable) else module_card(thing)


def span(text: str, color: str = INK, bold: bool = False, size: int = 13) -> str:
    """Return a piece of coloured text."""
    weight = ";font-weight:bold" if bold else ""
    return f'<span style="color:{color};font-size:{size}px{weight}">{escape_xml(text)}</span>'


def box(*rows: str) -> str:
    """Return rows in a rounded frame."""
    return f'<div style="{BOX}{TYPE}">' + "".join(f"<div>{row}</div>" for row in rows if row) + "</div>"


def value_card(value: Variable) -> str:
    """Return the card of a value: kind, shape, dtype; value or statistics with a histogram; the gradient."""
    data = np.asarray(value.data)
    kind = type(value).__name__
    facts = "" if isinstance(value, Scalar) else f"{shape_text(data.shape)} {data.dtype}"
    made = value.node.op.name if value.node is not None and value.node.op is not None else ""
    made = made or ("constant" if value.node is None else "")
    color = PARAM if kind == "Parameter" else INK
    head = span(kind, color, True) + span(GAP + facts, MUTED) + (span(GAP + clean(made), MUTED) if made else "")
    rows = [head]
    if data.size == 1:
        rows.append(span(number(data.item()), INK, True, 16))
    elif 0 < data.size <= MOST_NUMBERS and 0 < data.ndim <= 2 and data.shape[-1] <= MOST_COLUMNS:
        rows.append(number_table(np.atleast_2d(data)))
    elif data.size:
        rows += statistics_rows(data)
    if value.grad is not None:
        grad, signed = gradient_number(value.grad.data if isinstance(value.grad, Variable) else value.grad)
        text = f"{'grad' if signed else '‖g‖'}\u00a0{number(grad)}"
        rows.append(f'<span style="background:{GRAD_FILL};padding:1px 6px">{span(text, GRAD, True)}</span>')
    return box(*rows)


def number_table(data: np.ndarray[Any, Any]) -> str:
    """Return the numbers of a small array as a table."""
    lines = []
    for row in data.tolist():
        cells = (f'<td style="{CELL}text-align:right">{span(number_text(given))}</td>' for given in row)
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table style="{TABLE}">{"".join(lines)}</table>'


def number_text(given: Any) -> str:
    """Return one element as text: four digits of a number, `True` or `False` of a boolean."""
    return str(given) if isinstance(given, bool) else number(given)


def statistics_rows(data: np.ndarray[Any, Any]) -> list[str]:
    """Return minimum, maximum, mean, counts of zeros, NaN and infinities, and a histogram of the finite elements."""
    stats = stats_of(data)
    rows = []
    if stats.min is not None and stats.max is not None and stats.mean is not None:
        text = GAP.join([f"min {number(stats.min)}", f"max {number(stats.max)}", f"mean {number(stats.mean)}"])
        rows.append(span(text, MUTED))
        rows.append(histogram(data))
    if stats.zeros:
        rows.append(span(f"{percent(stats.zeros / stats.size)} zeros", WARN if stats.zeros == stats.size else MUTED))
    broken = [f"{n} × {name}" for n, name in ((stats.nans, "NaN"), (stats.posinf, "∞"), (stats.neginf, "−∞")) if n]
    if broken:
        rows.append(span("✗ " + ", ".join(broken), ERROR, True))
    return rows


def histogram(data: np.ndarray[Any, Any]) -> str:
    """Return a sparkline histogram of the finite elements (of evenly spread ones, when there are very many)."""
    flat = data.ravel()[:: max(1, data.size // SAMPLE)].astype(float)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return ""
    with np.errstate(all="ignore"):
        low, high = float(flat.min()), float(flat.max())
        if not np.isfinite(high - low) or high == low:
            counts = np.zeros(BINS, int)
            counts[BINS // 2] = flat.size
        else:
            counts, _ = np.histogram((flat - low) / (high - low), BINS, (0.0, 1.0))
    top = counts.max()
    bars = "".join(
        f'<rect x="{k * 7}" y="{34 - 32 * count / top:.1f}" width="6" height="{32 * count / top:.1f}" fill="{BARS}"/>'
        for k, count in enumerate(counts)
        if count
    )
    line = f'<path d="M0,34.5H{BINS * 7}" stroke="{BORDER}"/>'
    return f'<svg width="{BINS * 7}" height="36" role="img" aria-label="histogram">{bars}{line}</svg>'


def module_card(module: Any) -> str:
    """Return the card of a module: class, layers with their own parameters, and the total."""
    layers = list(module.named_modules())
    counts: dict[str, int] = dict.fromkeys((path for path, _ in layers), 0)
    for name, parameter in module.named_parameters():
        owner = name.rpartition(".")[0]
        while owner not in counts:  # of a list of parameters, the layer that has the list
            owner = owner.rpartition(".")[0]
        counts[owner] += int(parameter.size)
    total = sum(counts.values())
    lines = []
    shown = [(path, layer) for path, layer in layers if path]
    for path, layer in shown[:ROWS]:
        arguments = layer.extra_repr() if callable(getattr(layer, "extra_repr", None)) else ""
        own = f"{counts[path]:,}" if counts[path] else ""
        cells = (
            span(clean(path), MUTED),
            span(clean(type(layer).__name__), INK, True) + " " + span(clean(arguments, 60), MUTED),
        )
        lines.append("<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells)
                     + f'<td style="{CELL}text-align:right">{span(own, PARAM, True)}</td></tr>')  # fmt: skip
    if len(shown) > ROWS:
        lines.append(f'<tr><td style="{CELL}" colspan="3">{span(f"… {len(shown) - ROWS} more", MUTED)}</td></tr>')
    table = f'<table style="{TABLE}">{"".join(lines)}</table>' if lines else ""
    head = span(clean(type(module).__name__), INK, True, 14) + span(f"{GAP}{total:,} parameters", MUTED)
    return box(head, table)


CELL = f"padding:1px 10px 1px 0;border:0;background:{WHITE};text-align:left;"
