"""A training run to look at: one HTML file with charts, and a slider over its epochs.

`training_report` takes the plain numbers of a run (`nn.fit` calls it with its history): loss and metrics, and for every
parameter and epoch the norm of its values, of its gradient and of its last change. `animation` puts figures of several
moments of a run behind a slider. Both pages stand alone: no network, no library.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..figure import Figure, framed, write_atomically
from ..picture.style import BORDER, BROKEN, DEAD, FONT, GOOD, GRAD, HEATS, PARAM, UPDATE, WARN, bound_of, heat_of
from ..picture.text import clean, escape_xml, number, percent, short_number
from ..writing.explorer import page
from .charts import Line, chart, usable

COLORS = (PARAM, GRAD, GOOD, UPDATE, WARN)
STYLE = (
    f"body{{font:14px/1.45 {FONT}}}"
    + """
body{margin:0 auto;max-width:1180px;padding:18px;color:#1F2933;background:#fff}
h1{font-size:20px;margin:0 0 4px}h2{font-size:15px;margin:0 0 6px}p{margin:0 0 12px;color:#52606D}
.charts{display:flex;flex-wrap:wrap;gap:18px}
section{flex:1 1 480px;min-width:0;box-sizing:border-box;border:1px solid #CBD2D9;
 border-radius:10px;background:#FAFBFC;padding:12px}svg{width:100%;height:auto}
@media(min-width:1040px){section{max-width:calc(50% - 9px)}}
section.wide{flex-basis:100%;max-width:none}.bar{display:flex;gap:10px;align-items:center;margin-bottom:10px}
button{font:inherit;border:1px solid #7B8794;border-radius:5px;background:#fff;padding:4px 12px}
input[type=range]{flex:1}button:focus-visible,input:focus-visible{outline:3px solid #0B5C99;outline-offset:2px}
table{border-collapse:collapse;width:100%}th{font-weight:normal;color:#52606D;text-align:left;padding:2px 8px}
td{padding:2px 8px;font-variant-numeric:tabular-nums}td.name{color:#0B5C99;font-weight:bold;overflow-wrap:anywhere}
td.heat{text-align:right;min-width:70px;border-radius:4px}td.strip{width:50%}
.dead{background:#fff;color:#1F2933;outline:1px solid #1F2933}.vanishing{background:#08306B;color:#fff}
.weak{background:#6BAED6;color:#1F2933}.healthy{background:#C5CDD5;color:#1F2933}
.strong{background:#F4A259;color:#1F2933}.exploding{background:#A63603;color:#fff}.nan{background:#B00020;color:#fff}
th.number{text-align:right}section p{margin:8px 0 0;font-size:12px}.keys span{margin-right:18px}
.keys i{display:inline-block;width:22px;height:12px;margin-right:6px;vertical-align:-1px}
.frame[hidden]{display:none}.frame svg{width:auto;max-width:100%;max-height:86vh}
output{min-width:110px;font-weight:bold}
"""
)
SCRIPT = """
(() => {
"use strict";
const data = JSON.parse(document.getElementById("data").textContent), slider = document.getElementById("epoch");
const shown = document.getElementById("shown"), play = document.getElementById("play");
let timer = null;
function show(k) {
  slider.value = k; shown.textContent = data.labels[k];
  for (const row of document.querySelectorAll("tr[data-row]")) {
    const cells = data.rows[Number(row.dataset.row)][k], [grad, update] = row.querySelectorAll("td.heat");
    grad.textContent = cells[0]; grad.className = "heat " + cells[1]; update.textContent = cells[2];
  }
  document.querySelectorAll(".frame").forEach((frame, at) => {frame.hidden = at !== k});
  document.querySelectorAll(".now").forEach(mark => mark.setAttribute("x", String(4 + k * Number(mark.dataset.step))));
}
function stop() {clearInterval(timer); timer = null; play.textContent = "\\u25b6"}
slider.addEventListener("input", () => {stop(); show(Number(slider.value))});
play.addEventListener("click", () => {
  if (timer) {stop(); return}
  play.textContent = "\\u23f8";
  timer = setInterval(() => show((Number(slider.value) + 1) % data.labels.length), 600);
});
show(data.labels.length - 1);
document.body.dataset.ready = "yes";
})();
"""


class Page:
    """A finished HTML page. `save(path)` writes it; a notebook shows it in a frame."""

    def __init__(self, html: str, summary: str) -> None:
        self.html, self.summary = html, summary

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, atomically, and return the path.

        Raises:
            ValueError: the suffix is not .html.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a report is an HTML page: {path.name!r} must end in .html")
        write_atomically(path, self.html.encode("utf-8"))
        return path

    def _repr_html_(self) -> str:
        return framed(self.html)

    def __repr__(self) -> str:
        return f"<Page {self.summary}>"


def training_report(history: Any, *, model: Any = None, optimizer: Any = None, title: str = "Training run") -> Page:
    """A report of a run as one HTML page.

    Args:
        history: what `nn.fit` returns, or anything with `logs` (name -> a number an epoch), and optionally
            `batch_losses`, `seconds`, `stopped` and `parameters` (name -> one (norm of values, norm of gradient, norm
            of change) an epoch).
        model, optimizer: named in the heading.

    >>> from types import SimpleNamespace
    >>> norms = {"w": [(1.0, 0.2, 0.01), (1.0, 0.1, 0.01)]}
    >>> training_report(SimpleNamespace(logs={"loss": [1.0, 0.5]}, parameters=norms))
    <Page training report: 2 epochs, 1 parameters>
    """
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
    data = {
        "labels": [f"epoch {k + 1}" for k in range(epochs)],
        "rows": [row_data(rows) for rows in parameters.values()],
    }
    heading = f"<h1>{escape_xml(clean(title, 120))}</h1><p>{escape_xml(facts)}</p>"
    body = f'{heading}<div class="charts">{"".join(sections)}</div>'
    slides = parameters and epochs
    html = page(clean(title, 120), STYLE, body, SCRIPT if slides else "", data, "en", facts)
    return Page(html, f"training report: {epochs} epochs, {len(parameters)} parameters")


def facts_of(history: Any, logs: Mapping[str, Sequence[float]], epochs: int, model: Any, optimizer: Any) -> str:
    """The first line of the report."""
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
    """One framed part of the page."""
    return f'<section class="{css}"><h2>{escape_xml(title)}</h2>{content}</section>' if content else ""


def loss_chart(logs: Mapping[str, Sequence[float]], batches: Sequence[float], epochs: int) -> str:
    """Loss and validation loss over epochs, over the losses of single batches in grey."""
    lines = []
    if batches and epochs:
        step = max(1, len(batches) // 600)
        kept = [float(x) for x in batches[::step]]
        lines.append(
            Line("batches", [(k * step + 1) / len(batches) * epochs for k in range(len(kept))], kept, BORDER, "", 0.8)
        )
    for name, color, dash in (("loss", PARAM, ""), ("val_loss", GRAD, "6 4")):
        if name in logs:
            lines.append(Line(name, range(1, len(logs[name]) + 1), logs[name], color, dash))
    return chart(lines, x_name="epoch", y_name="loss")


def metric_chart(logs: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Every metric over epochs; validation dashed in the colour of its metric."""
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
    """One line a parameter on a logarithmic axis; of many, the first, the last and some between."""
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
    """Colour of the k-th line."""
    return COLORS[k % len(COLORS)]


def dash(k: int) -> str:
    """Dashes of the k-th line, for when the colours begin again."""
    return "" if k < len(COLORS) else "6 4"


def health_section(parameters: Mapping[str, Sequence[tuple[float, float, float]]], epochs: int) -> str:
    """Gradient heat of every parameter at the epoch of the slider, and a strip over all epochs."""
    rows = []
    for k, (name, values) in enumerate(parameters.items()):
        rows.append(f'<tr data-row="{k}"><td class="name">{escape_xml(name)}</td><td class="strip">{strip(values)}</td>'
                    '<td class="heat"></td><td class="heat"></td></tr>')  # fmt: skip
    bar = (
        '<div class="bar"><button id="play" aria-label="play">▶</button><input id="epoch" type="range" min="0" '
        f'max="{max(0, epochs - 1)}" value="0" aria-label="epoch"><output id="shown"></output></div>'
    )
    head = (
        '<tr><th>parameter</th><th>‖g‖ over epochs</th><th class="number">‖g‖</th><th class="number">‖Δw‖/‖w‖</th></tr>'
    )
    used = {heat_of(grad).name for values in parameters.values() for _, grad, _ in values}
    keys = "".join(
        f'<span><i class="{heat.name}"></i>{escape_xml(f"{heat.name} {bound_of(heat)}".strip())}</span>'
        for heat in (DEAD, *HEATS, BROKEN)
        if heat.name in used
    )
    table = f'{bar}<table>{head}{"".join(rows)}</table><p class="keys">{keys}</p>'
    return section("Gradient health, epoch by epoch", table, "wide")


def strip(values: Sequence[tuple[float, float, float]]) -> str:
    """Heat cells of one parameter from the first to the last epoch, and a mark that follows the slider."""
    step = 392 / max(1, len(values))
    cells = "".join(
        f'<rect x="{4 + k * step:.2f}" y="3" width="{step:.2f}" height="12" fill="{heat_of(grad).fill}">'
        f"<title>epoch {k + 1}: {number(grad)} ({heat_of(grad).name})</title></rect>"
        for k, (_, grad, _) in enumerate(values)
    )
    place = f'data-step="{step:.4f}" x="4" y="1.5" width="{step:.2f}" height="15"'
    mark = f'<rect class="now" {place} fill="none" stroke="#1F2933"/>'
    return f'<svg viewBox="0 0 400 18" aria-hidden="true">{cells}{mark}</svg>'


def row_data(values: Sequence[tuple[float, float, float]]) -> list[list[str]]:
    """Texts and heat class of one parameter for every epoch."""
    return [
        [short_number(grad), heat_of(grad).name, percent(change / norm) if norm else "–"]
        for norm, grad, change in values
    ]


def animation(
    figures: Mapping[str, Figure] | Sequence[Figure], *, title: str = "Gradient heat over epochs", engine: str = "auto"
) -> Page:
    """Figures of one model at several moments as one page with a slider.

    figures: label -> Figure, such as {"epoch 1": ad.draw(loss, level="overview", heat="grad"), ...}, or a list of them.

    >>> import autodiff as ad
    >>> x = ad.scalar(2.0)
    >>> animation([ad.draw(x * k) for k in (1.0, 2.0)], engine="builtin")
    <Page animation: 2 pictures>
    """
    named = (
        dict(figures) if isinstance(figures, Mapping) else {f"step {k + 1}": figure for k, figure in enumerate(figures)}
    )
    for figure in named.values():
        if not isinstance(figure, Figure):
            raise TypeError(f"animation() takes figures, such as ad.draw(loss); got {type(figure).__name__}")
    if not named:
        raise ValueError("animation() needs at least one figure")
    frames = "".join(
        f'<div class="frame" hidden>{figure.to_svg(engine, quiet=True)}</div>' for figure in named.values()
    )
    bar = (
        '<div class="bar"><button id="play" aria-label="play">▶</button><input id="epoch" type="range" min="0" '
        f'max="{len(named) - 1}" value="0" aria-label="step"><output id="shown"></output></div>'
    )
    data = {"labels": [clean(name, 60) for name in named], "rows": []}
    body = f"<h1>{escape_xml(clean(title, 120))}</h1>{bar}{frames}"
    last = list(named.values())[-1]
    html = page(clean(title, 120), STYLE, body, SCRIPT, data, last.picture.lang, last.alt)
    return Page(html, f"animation: {len(named)} pictures")
