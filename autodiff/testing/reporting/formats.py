"""Write reports as HTML or JSON. Both start from the plain data of `DerivativeReport.as_data`.

Plain data, so that the processes of a parallel test run can send their reports to the one that writes the file.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autodiff.testing.properties.table import TITLES

__all__ = ["FORMATS", "to_html", "to_json", "write_report"]

Data = dict[str, Any]

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;color:#1d2330;background:#fff}
h1{font-size:1.3em} h2{font-size:1.1em;margin-top:2em}
pre{background:#f5f6f8;padding:1em;overflow:auto;font-size:14px;white-space:pre-wrap} table{border-collapse:collapse}
td,th{padding:.2em .8em;border-bottom:1px solid #d8dce3;text-align:right}
.not{color:#5b6475;font-size:14px;margin:.5em 0}
td:first-child,th:first-child{text-align:left} .ok{color:#1a6b35} .bad{color:#b3261e} img,svg{max-width:100%}
"""


def to_json(reports: Sequence[Data]) -> str:
    """Return one JSON object a report; infinities and NaN become null."""
    inner = ("summary", "text", "not_checked_lines", "resolutions")  # for HTML and for the summary of a test run
    shown = []
    for report in reports:
        kept = {key: value for key, value in report.items() if key not in inner}
        kept["failures"] = [{k: v for k, v in f.items() if k not in ("text", "curve")} for f in report["failures"]]
        shown.append(kept)
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def to_html(reports: Sequence[Data]) -> str:
    """Return one self-contained page.

    Each report has a table of counts and its counterexamples, with a plot where the function has one number in and out.
    """
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Derivatives</title>"
        f"<style>{_STYLE}</style><h1>Derivatives</h1>"
    ]
    for r in reports:
        mark = "ok" if r["ok"] else "bad"
        parts.append(
            f"<h2>{html.escape(r['name'])}: <span class='{mark}'>{r['outcome']}</span></h2>"
            f"<p>{html.escape(r['summary'])}</p>"
        )
        parts += [f"<pre>{html.escape(f['text'])}</pre>{_plot(f['curve'])}" for f in r["failures"]]
        rows = "".join(
            f"<tr><td>{p} {html.escape(TITLES[p])}</td>"
            + "".join(f"<td>{c.get(s) or ''}</td>" for s in ("pass", "weak", "unresolved", "skip", "fail"))
            + "</tr>"
            for p, c in r["properties"].items()
        )
        parts.append(
            "<table><tr><th>property</th><th>pass</th><th>weak</th><th>unresolved</th><th>skipped</th><th>fail</th></tr>"
            f"{rows}</table>"
        )
        parts += [f"<p class='not'>{html.escape(line)}</p>" for line in r["not_checked_lines"]]
    return "".join(parts) + "</html>\n"


FORMATS = {".html": to_html, ".json": to_json}


def write_report(reports: Sequence[Data], path: Any) -> str:
    """Write in the format the path's ending names, and return the text.

    Raises:
        ValueError: an unknown ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise ValueError(f"a derivative report is written as {' or '.join(FORMATS)}; got {str(path)!r}")
    text = FORMATS[ending](reports)
    Path(path).write_text(text, encoding="utf-8")
    return text


def _plot(curve: dict[str, Any] | None) -> str:
    """Return the function around the counterexample with the rule's tangent and the measured one; "" when there is
    nothing to draw.
    """
    if not curve:
        return ""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "<p>The plot needs matplotlib: pip install matplotlib</p>"
    x, t, y = curve["x"], np.array(curve["t"]), np.array(curve["y"])
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(t, y, color="#3b4252", label="function")
    axes.plot(
        t,
        curve["value"] + curve["rule"] * (t - x),
        color="#b3261e",
        linestyle="--",
        label=f"rule's slope {curve['rule']:.4g}",
    )
    what = "true slope" if len(curve["true"]) == 1 else "slope on one side"
    for slope in curve["true"]:
        axes.plot(
            t,
            curve["value"] + slope * (t - x),
            color="#1a6b35",
            linestyle=":",
            linewidth=2,
            label=f"{what} {slope:.4g}",
        )
    axes.plot([x], [curve["value"]], "o", color="#3b4252")
    axes.set_xlabel("x")
    axes.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    code = base64.b64encode(image.getvalue()).decode()
    return f"<img alt='function, rule and true slope at the counterexample' src='data:image/png;base64,{code}'>"
