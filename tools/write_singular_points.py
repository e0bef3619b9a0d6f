"""Write docs/singular_points.md from the singular points that the rows state.

Run ``python tools/write_singular_points.py`` after adding a point to a row, and read the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autodiff as ad  # noqa: E402
from autodiff.registry.singular_points import SINGULAR  # noqa: E402

HEAD = """# Singular points

The gradients where a function has no ordinary derivative. `tools/write_singular_points.py` writes this page from
the rows, and each line is a test: in reverse and forward mode, on Scalars where the operands are numbers, and for the
second derivative where the column has one.

**The branch that is not taken contributes zero**, also where its derivative is infinite or NaN:
`np.where(x > 0, np.sqrt(x), 0)` has the gradient 0 at 0. So does every element that is not selected and every output
that is not used. **A computed zero times infinity is NaN**: the gradient of `np.sqrt(x) ** 2` at 0.
[How it is built](design.md) shows both.

| kind | meaning | under `ad.strict()` |
|---|---|---|
| convention | no derivative exists; the value is a convention | an error: operation, place, what to write |
| shared | elements tie; each gets an even share | the same error |
| limit | the derivative exists, and a plain formula would miss it | allowed |
| jump | the derivative exists and has a corner: the second derivative is a convention | allowed |
| infinite | the derivative is infinite | allowed; a computed 0 times it is an error |
| undefined | NaN | an error where a rule made the NaN |

A kink (relu, abs, clip, maximum) keeps its convention at every order. Where the first derivative is a convention
because none exists nearby (a norm at 0), the second is NaN. The last column is the derivative of the first operand's
gradient, summed, in that operand.

Equal eigenvalues or singular values share the derivative evenly. Their vectors, and the phases of complex vectors, are
an arbitrary choice: a derivative that depends on it is a `LinAlgError` in both modes, with or without `ad.strict()`.

Under `ad.strict()` a NaN that a rule makes is an error: it names the first operation whose value is NaN while its
operands are not, and where there is none the operation whose rule made the NaN.

| function | at | gradient | kind | second derivative |
|---|---|---|---|---|
"""


def text(x: Any) -> str:
    """Return numbers and nested lists as short text."""
    if x is None:
        return "-"
    if isinstance(x, list | tuple):
        return "[" + ", ".join(text(v) for v in x) + "]"
    if isinstance(x, str | bool):
        return repr(x)
    if np.isnan(x):
        return "NaN"
    return f"{x:.6g}"


def line(*cells: str) -> str:
    """Return one line of a Markdown table; a bar inside a cell would end it, so it is escaped."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def page() -> str:
    """Return the whole page."""
    lines = []
    for name, (_, points) in sorted(SINGULAR.items(), key=lambda entry: entry[0].rpartition(".")[2]):
        shown = name if "." in name else f"ad.{name}" if hasattr(ad, name) else f"ad.special.{name}"
        for p in points:
            operands = ", ".join([*map(text, p.operands), *(f"{k}={text(v)}" for k, v in p.static.items())])
            gradient = ", ".join(map(text, p.gradient))
            second = "" if p.second is None else text(p.second)
            lines.append(line(f"`{shown}`", operands, gradient, p.kind, second))
    conventions = sorted((op.name, op.convention) for op in ad.ops.OPS.values() if op.convention is not None)
    lines.append("\n## What to write instead\n\n| row | no derivative where | value | write |\n|---|---|---|---|\n")
    lines += [line(f"`{name}`", c.at, c.gives, c.write) for name, c in conventions]
    return HEAD + "".join(lines)


if __name__ == "__main__":
    (ROOT / "docs" / "singular_points.md").write_text(page(), encoding="utf-8")
