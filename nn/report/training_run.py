"""The sections of a training report: charts of the history, and the gradient norm of each parameter over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import autodiff as ad

from .charts import Line, chart, usable

drawing = ad.drawing
style = drawing.style
clean, escape_xml, number = drawing.text.clean, drawing.text.escape_xml, drawing.text.number
percent, short_number, heat_of = drawing.text.percent, drawing.text.short_number, style.heat_of

COLORS = style.CURVES
STYLE = style.css("""
h2{font-size:15px;margin:0 0 6px}.charts{display:flex;flex-wrap:wrap;gap:18px}
section{flex:1 1 480px;min-width:0;box-sizing:border-box;border:1px solid $CLUSTER_LINE;
 border-radius:10px;background:$CLUSTER_FILL;padding:12px}svg{width:100%;height:auto}
@media(min-width:1040px){section{max-width:calc(50% - 9px)}}
section.wide{flex-basis:100%;max-width:none}
table{border-collapse:collapse;width:100%}th{font-weight:normal;color:$MUTED;text-align:left;padding:2px 8px}
td{padding:2px 8px;font-variant-numeric:tabular-nums}td.name{color:$PARAM;font-weight:bold;overflow-wrap:anywhere}
td.heat{text-align:right;min-width:70px;border-radius:4px}td.strip{width:50%}
th.number{text-align:right}section p{margin:8px 0 0;font-size:12px}.keys span{margin-right:18px}
.keys i{display:inline-block;width:22px;height:12px;margin-right:6px;vertical-align:-1px}
""")


def heat_style() -> str:
    """Return the colours of the heat classes as CSS."""
    heats = (style.DEAD, *style.HEATS, style.BROKEN)
    return "".join(f".{heat.name}{{background:{heat.fill};color:{heat.text}}}" for heat in heats) + (
        f".{style.DEAD.name}{{outline:1px solid {style.DEAD.line}}}"
    )


def report_page(history: Any, model: Any, optimizer: Any, title: str) -> ad.drawing.Page:
    """Return the report as a page. See `nn.training_report`."""
    logs = {clean(name): [float(x) for x in values] for name, values in history.logs.items()}
    epochs = max((len(values) for values in logs.values()), default=0)
    parameters = {
        clean(name, 60): list(rows) for name, rows in dict(getattr(history, "parameters", None) or {}).items()
    }
    sections = [section("Loss", loss_chart(logs, getattr(history, "batch_losses", None) or [], epochs))]
    others = [name for name in logs if name.removeprefix("val_") != "loss"]
    if others:
        sections.append(section("Metrics", metric_chart(logs, others)))
    if parameters:
        sections.append(section("Gradient norms ‖g‖", norm_chart(parameters, lambda w, g, d: g)))
        sections.append(
            section("Update ratios ‖Δw‖/‖w‖", norm_chart(parameters, lambda w, g, d: d / w if w else math.nan))
        )
        sections.append(health_section(parameters, epochs))
    facts = facts_of(history, logs, epochs, model, optimizer)
    return drawing.slider_page(
        title,
        f'<p>{escape_xml(facts)}</p><div class="charts">{"".join(sections)}</div>',
        [f"epoch {k + 1}" for k in range(epochs)] if parameters else [],
        rows=[row_data(rows) for rows in parameters.values()],
        style=STYLE + heat_style(),
        description=facts,
        summary=f"training report: {epochs} epochs, {len(parameters)} parameters",
    )


def facts_of(history: Any, logs: Mapping[str, Sequence[float]], epochs: int, model: Any, optimizer: Any) -> str:
    """Return the first line of the report."""
    parts = [type(thing).__name__ for thing in (model, optimizer) if thing is not None]
    seconds = list(getattr(history, "seconds", None) or [])
    took = sum(seconds)
    time = "" if not seconds else f" in {number(took)} s" if took >= 1 else f" in {number(1000 * took, 2)} ms"
    parts.append(f"{epochs} epoch{'' if epochs == 1 else 's'}{time}")
    for name, values in logs.items():
        if values:
            parts.append(f"{name} {number(values[-1])}")
    stopped = getattr(history, "stopped", "")
    return clean(" · ".join([*parts, *([str(stopped)] if stopped else [])]), 400)


def section(title: str, content: str, css: str = "") -> str:
    """Return one framed part of the page, or "" without content."""
    return f'<section class="{css}"><h2>{escape_xml(title)}</h2>{content}</section>' if content else ""


def loss_chart(logs: Mapping[str, Sequence[float]], batches: Sequence[float], epochs: int) -> str:
    """Draw loss and validation loss over epochs; the losses of single batches are in grey behind them."""
    lines = []
    if batches and epochs:
        step = max(1, len(batches) // 600)
        kept = [float(x) for x in batches[::step]]
        lines.append(
            Line(
                "batches",
                [(k * step + 1) / len(batches) * epochs for k in range(len(kept))],
                kept,
                style.BORDER,
                "",
                0.8,
            )
        )
    for name, color, dash in (("loss", COLORS[0], ""), ("val_loss", COLORS[1], "6 4")):
        if name in logs:
            lines.append(Line(name, range(1, len(logs[name]) + 1), logs[name], color, dash))
    return chart(lines, x_name="epoch", y_name="loss")


def metric_chart(logs: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Draw every metric over epochs; validation is dashed in the colour of its metric."""
    bases = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    return chart(
        [
            Line(
                name,
                range(1, len(logs[name]) + 1),
                logs[name],
                COLORS[bases.index(name.removeprefix("val_")) % len(COLORS)],
                "6 4" if name.startswith("val_") else "",
            )
            for name in names
        ],
        x_name="epoch",
        y_name="metrics",
        log=False,
    )


def norm_chart(parameters: Mapping[str, Sequence[tuple[float, float, float]]], pick: Any) -> str:
    """Draw one line a parameter on a logarithmic axis; of more than 8 parameters, 8 at equal distances."""
    names = list(parameters)
    if len(names) > 8:
        names = [names[round(k * (len(names) - 1) / 7)] for k in range(8)]
    lines = [
        Line(
            name, range(1, len(parameters[name]) + 1), [pick(*row) for row in parameters[name]], color(k), dash(k), 1.6
        )
        for k, name in enumerate(dict.fromkeys(names))
    ]
    positive = any(usable(y, True) for line in lines for y in line.y)
    left_out = len(parameters) - len(lines)
    note = f"<p>{left_out} more parameters are in the table below</p>" if left_out else ""
    return chart(lines, x_name="epoch", y_name="norm", log=positive) + note


def color(k: int) -> str:
    """Return the colour of the k-th line."""
    return COLORS[k % len(COLORS)]


def dash(k: int) -> str:
    """Return the dashes of the k-th line, which separate lines of one colour."""
    return "" if k < len(COLORS) else "6 4"


def health_section(parameters: Mapping[str, Sequence[tuple[float, float, float]]], epochs: int) -> str:
    """Return the table of gradients: a strip over all epochs, and the values at the epoch of the slider."""
    rows = []
    for k, (name, values) in enumerate(parameters.items()):
        rows.append(f'<tr data-row="{k}"><td class="name">{escape_xml(name)}</td><td class="strip">{strip(values)}</td>'
                    '<td class="heat"></td><td class="heat"></td></tr>')  # fmt: skip
    head = (
        '<tr><th>parameter</th><th>‖g‖ over epochs</th><th class="number">‖g‖</th><th class="number">‖Δw‖/‖w‖</th></tr>'
    )
    used = {heat_of(grad).name for values in parameters.values() for _, grad, _ in values}
    keys = "".join(
        f'<span><i class="{heat.name}"></i>{escape_xml(f"{heat.name} {style.bound_of(heat)}".strip())}</span>'
        for heat in (style.DEAD, *style.HEATS, style.BROKEN)
        if heat.name in used
    )
    table = f'{drawing.slider_bar(epochs, "epoch")}<table>{head}{"".join(rows)}</table><p class="keys">{keys}</p>'
    return section("Gradient health, epoch by epoch", table, "wide")


def strip(values: Sequence[tuple[float, float, float]]) -> str:
    """Draw one cell of heat an epoch for one parameter, and the frame that the slider moves."""
    step = 392 / max(1, len(values))
    cells = "".join(
        f'<rect x="{4 + k * step:.2f}" y="3" width="{step:.2f}" height="12" fill="{heat_of(grad).fill}">'
        f"<title>epoch {k + 1}: {number(grad)} ({heat_of(grad).name})</title></rect>"
        for k, (_, grad, _) in enumerate(values)
    )
    place = f'data-step="{step:.4f}" x="4" y="1.5" width="{step:.2f}" height="15"'
    mark = f'<rect class="now" {place} fill="none" stroke="{style.INK}"/>'
    return f'<svg viewBox="0 0 400 18" aria-hidden="true">{cells}{mark}</svg>'


def row_data(values: Sequence[tuple[float, float, float]]) -> list[list[str]]:
    """Return texts and heat class of one parameter for every epoch."""
    return [
        [short_number(grad), heat_of(grad).name, percent(change / norm) if norm else "–"]
        for norm, grad, change in values
    ]
