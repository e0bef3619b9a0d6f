"""Reports as HTML, JSON, JUnit XML and Markdown. Text comes from the reports; only its arrangement is decided here."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from autodiff.testing.properties.table import TITLES
from autodiff.testing.reporting.report import DerivativeReport, Failure, call_text

__all__ = ["to_html", "to_json", "to_junit", "to_markdown", "write_report"]

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;color:#1d2330;background:#fff}
h1{font-size:1.3em} h2{font-size:1.1em;margin-top:2em}
pre{background:#f5f6f8;padding:1em;overflow:auto;font-size:14px;white-space:pre-wrap} table{border-collapse:collapse}
td,th{padding:.2em .8em;border-bottom:1px solid #d8dce3;text-align:right}
.not{color:#5b6475;font-size:14px;margin:.5em 0}
td:first-child,th:first-child{text-align:left} .ok{color:#1a6b35} .bad{color:#b3261e} img,svg{max-width:100%}
"""


def _finish(text: str, path: Any) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def write_report(reports: Sequence[DerivativeReport], path: Any) -> str:
    """Write in the format the path's ending names.

    Raises:
        ValueError: an unknown ending.
    """
    writers = {".html": to_html, ".json": to_json, ".xml": to_junit, ".md": to_markdown}
    ending = Path(path).suffix.lower()
    if ending not in writers:
        raise ValueError(f"a derivative report is written as {', '.join(writers)}; got {str(path)!r}")
    return writers[ending](reports, path)


def to_json(reports: Sequence[DerivativeReport], path: Any = None) -> str:
    """One object per report; infinities and NaN become null."""

    def number(x: Any) -> Any:
        return x if x is not None and np.isfinite(x) else None

    def failure(f: Failure) -> dict[str, Any]:
        v = f.finding.verdict
        return {
            "property": f.finding.property,
            "title": TITLES[f.finding.property],
            "kind": f.kind,
            "diagnosis": f.sentence,
            "message": f.finding.message,
            "input": call_text(f.finding.case.args, f.finding.case.kwargs),
            "analytic": number(v.analytic) if v else None,
            "numerical": number(v.estimate.value) if v else None,
            "tolerance": number(v.tolerance) if v else None,
            "failing": f.failing,
            "reproduce": f.reproduce,
        }

    data = [
        {
            "name": r.name,
            "ok": r.ok,
            "examples": r.examples,
            "rejected": r.rejected,
            "checks": r.checks,
            "seed": r.seed,
            "weak_share": number(r.weak_share),
            "median_resolution": number(r.median_resolution),
            "seconds": round(r.seconds, 3),
            "properties": {p: dict(c) for p, c in sorted(r.tally.counts.items())},
            "not_checked": dict(sorted(r.tally.unavailable.items())),
            "failures": [failure(f) for f in r.failures],
        }
        for r in reports
    ]
    return _finish(json.dumps(data, indent=2, ensure_ascii=False) + "\n", path)


def to_junit(reports: Sequence[DerivativeReport], path: Any = None) -> str:
    """One test suite a report, one test case a property."""
    suites = []
    for r in reports:
        wrong = {f.finding.property: f for f in r.failures}
        also = {p for p, c in r.tally.counts.items() if c["fail"]} - set(wrong)  # one mistake shows in many ways
        cases = []
        for prop in sorted({*r.tally.counts, *wrong}):
            name = quoteattr(f"{prop} {TITLES[prop]}")
            if prop in wrong:
                f = wrong[prop]
                body = f"<failure message={quoteattr(f.sentence)}>{escape(_xml_text(str(f)))}</failure>"
                cases.append(f"    <testcase classname={quoteattr(r.name)} name={name}>{body}</testcase>")
            elif prop in also:
                body = f"<failure message={quoteattr('violated too; see ' + ', '.join(sorted(wrong)))}/>"
                cases.append(f"    <testcase classname={quoteattr(r.name)} name={name}>{body}</testcase>")
            else:
                cases.append(f"    <testcase classname={quoteattr(r.name)} name={name}/>")
        for prop, why in sorted(r.tally.unavailable.items()):
            if prop not in r.tally.counts:
                name = quoteattr(f"{prop} {TITLES[prop]}")
                cases.append(
                    f"    <testcase classname={quoteattr(r.name)} name={name}>"
                    f"<skipped message={quoteattr(why)}/></testcase>"
                )
        suites.append(
            f'  <testsuite name={quoteattr(r.name)} tests="{len(cases)}" failures="{len(wrong) + len(also)}" '
            f'time="{r.seconds:.3f}">\n' + "\n".join(cases) + "\n  </testsuite>"
        )
    return _finish(
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n' + "\n".join(suites) + "\n</testsuites>\n", path
    )


def _xml_text(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32)


def to_markdown(reports: Sequence[DerivativeReport], path: Any = None) -> str:
    """A table of all reports, then each failure as it prints."""
    lines = ["| checked | outcome | checks | weak | median resolution |", "|---|---|---:|---:|---:|"]
    for r in reports:
        lines.append(
            f"| {r.name.replace('|', chr(92) + '|')} | {_outcome(r)} | {r.checks:,} | {r.weak_share:.1%} "
            f"| {r.resolution_text} |"
        )
    for r in reports:
        lines += [f"\n```\n{f}\n```" for f in r.failures]
    return _finish("\n".join(lines) + "\n", path)


def _unchecked(r: DerivativeReport) -> list[str]:
    """One line for each reason why properties were not checked."""
    titles = {why: ", ".join(f"{p} {TITLES[p]}" for p in props) for why, props in r.unchecked().items()}
    return [f"not checked ({why}): {names}" for why, names in titles.items()]


def _outcome(r: DerivativeReport) -> str:
    return "wrong" if r.failures else "inconclusive" if r.inconclusive else "right"


def to_html(reports: Sequence[DerivativeReport], path: Any = None) -> str:
    """One self-contained page: of each report every counterexample, with a plot where the function has one number in
    and out, and a table of counts.
    """
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Derivatives</title>"
        f"<style>{_STYLE}</style><h1>Derivatives</h1>"
    ]
    for r in reports:
        mark = "ok" if r.ok else "bad"
        parts.append(
            f"<h2>{html.escape(r.name)}: <span class='{mark}'>{_outcome(r)}</span></h2>"
            f"<p>{html.escape(r.summary())}</p>"
        )
        for f in r.failures:
            parts.append(f"<pre>{html.escape(str(f))}</pre>{_plot(f)}")
        rows = "".join(
            f"<tr><td>{p} {html.escape(TITLES[p])}</td>"
            + "".join(f"<td>{c[s] or ''}</td>" for s in ("pass", "weak", "unresolved", "skip", "fail"))
            + "</tr>"
            for p, c in sorted(r.tally.counts.items())
        )
        parts.append(
            "<table><tr><th>property</th><th>pass</th><th>weak</th><th>unresolved</th><th>skipped</th><th>fail</th></tr>"
            f"{rows}</table>"
        )
        parts += [f"<p class='not'>{html.escape(line)}</p>" for line in _unchecked(r)]
    return _finish("".join(parts) + "</html>\n", path)


def _plot(failure: Failure) -> str:
    """The function around the counterexample with the rule's tangent and the measured one; "" when there is nothing
    to draw.
    """
    curve = failure.data.get("curve")
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
