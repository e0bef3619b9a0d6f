"""A page with a slider: its parts show the step that the slider is at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..figure import framed, write_atomically
from ..picture.style import FONT, css
from ..picture.text import clean, escape_xml
from ..writing.html_page import html_page

STYLE = (
    f"body{{font:14px/1.45 {FONT}}}"
    + css("""
body{margin:0 auto;max-width:1180px;padding:18px;color:$INK;background:$WHITE}
h1{font-size:20px;margin:0 0 4px}p{margin:0 0 12px;color:$MUTED}
.bar{display:flex;gap:10px;align-items:center;margin-bottom:10px}
button{font:inherit;border:1px solid $BORDER;border-radius:5px;background:$WHITE;padding:4px 12px}
input[type=range]{flex:1}button:focus-visible,input:focus-visible{outline:3px solid $FOCUS;outline-offset:2px}
.frame[hidden]{display:none}.frame svg{width:auto;max-width:100%;max-height:86vh}
output{min-width:110px;font-weight:bold}
""")
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
            raise ValueError(f"this is an HTML page: {path.name!r} must end in .html")
        write_atomically(path, self.html.encode("utf-8"))
        return path

    def _repr_html_(self) -> str:
        return framed(self.html)

    def __repr__(self) -> str:
        return f"<Page {self.summary}>"


def slider_page(
    title: str,
    content: str,
    labels: Sequence[str],
    *,
    summary: str,
    rows: Sequence[Any] = (),
    style: str = "",
    lang: str = "en",
    description: str = "",
) -> Page:
    """Return a page with a title, HTML content and a script that shows the step of the slider.

    labels: text of each step; without any, the page has no script. content: escaped HTML that may hold
    `slider_bar(...)`, elements of class `frame` (one of them is shown at each step), and table rows with `data-row`,
    which get the texts of `rows[row][step]`: gradient norm, its heat class, size of the update.
    """
    data = {"labels": list(labels), "rows": list(rows)}
    body = f"<h1>{escape_xml(clean(title, 120))}</h1>{content}"
    page = html_page(clean(title, 120), STYLE + style, body, SCRIPT if labels else "", data, lang, description)
    return Page(page, summary)


def slider_bar(steps: int, label: str) -> str:
    """Return the HTML of the slider, its play button and the text of the step."""
    return (
        '<div class="bar"><button id="play" aria-label="play">▶</button><input id="epoch" type="range" min="0" '
        f'max="{max(0, steps - 1)}" value="0" aria-label="{label}"><output id="shown"></output></div>'
    )
