"""Write docs/coverage.md: every public function and its derivatives, from the registry.

Run ``python tools/write_all.py`` after adding a row, and read the difference.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import autodiff as ad  # noqa: E402
import nn  # noqa: E402, F401  # its rows too
from autodiff.ops import OPS, Op  # noqa: E402
from autodiff.ops.arrays.refusals import REFUSED  # noqa: E402
from autodiff.registry.singular_points import SINGULAR  # noqa: E402

PAGE = ROOT / "docs" / "coverage.md"
HEAD = """# Coverage

Every public function and its derivatives. `tools/write_coverage.py` writes this page from the registry; the property
tests run over the same registry, so that every "yes" is checked without a test for a single function.

- **reverse**: the operands with a derivative; *constant*: the derivative is 0 wherever it exists.
- **forward**: how `ad.jvp` finds the derivative. *diagonal*: by the rule itself, since the Jacobian of an elementwise
  function is its own transpose; *linear*: the function is its own derivative; *transposed*: from the rule, which is
  linear in its cotangent.
- **second**: rules are NumPy functions that record, so derivatives of derivatives need no other rule. *NaN at
  conventions*: where the first derivative is a convention, there is no second.
- **complex**: *yes*, or complex numbers are refused.
- **scalar**: *floats*: on `ad.Scalar` it runs on Python floats; *NumPy*: by NumPy; *-*: it takes arrays.
- **singular points**: the kinds of values where no ordinary derivative exists; each with its value in
  [Singular points](singular_points.md).

## Rows: functions with their own rule

"""
COLUMNS = ("function", "reverse", "forward", "second", "complex", "scalar", "singular points")


def modules() -> Iterator[tuple[str, Any]]:
    """Yield the public modules that have functions, by the name a user writes."""
    yield "ad", ad
    for name in ("special", "stats", "signal", "linalg", "fft"):
        if hasattr(ad, name):
            yield f"ad.{name}", getattr(ad, name)


def functions() -> dict[int, tuple[str, Any]]:
    """Return every public function once, under the first of its names."""
    found: dict[int, tuple[str, Any]] = {}
    ours = set(ad.ops.PUBLIC)
    for prefix, module in modules():
        for name in sorted(module.__all__):
            value = getattr(module, name)
            if module is ad and name not in ours:  # tensor, grad, no_grad: no functions of arrays
                continue
            if not inspect.isclass(value) and "numpy" not in str(getattr(value, "__module__", "")):
                found.setdefault(id(value), (f"{prefix}.{name}", value))
    return found


def row(name: str, op: Op) -> tuple[str, ...]:
    """Return one line of the table."""
    differentiable = [operand for operand, rule in zip(op.inputs, op.vjps, strict=False) if rule is not None]
    if not differentiable:
        return (f"`{name}`", "constant", "constant", "constant", _complex(op), _scalar(op), _points(op))
    forward = "linear" if op.linear else "diagonal" if op.elementwise else "transposed"
    second = "NaN at conventions" if op.convention is not None and _without_second(op) else "yes"
    return (f"`{name}`", ", ".join(differentiable), forward, second, _complex(op), _scalar(op), _points(op))


def _complex(op: Op) -> str:
    return "yes" if op.complex else "refused"


def _scalar(op: Op) -> str:
    return "-" if not op.elementwise else "floats" if op.scalar is not None else "NumPy"


def _points(op: Op) -> str:
    """Return the kinds of the points that a row states."""
    kinds = {p.kind for function, points in SINGULAR.values() if function is op for p in points}
    kinds |= {p.kind for p in op.points}
    return ", ".join(sorted(kinds))


def _without_second(op: Op) -> bool:
    """Return whether a stated point of a row has a first derivative and no second."""
    return any(p.second is not None and "nan" in repr(p.second) for p in op.points)


def line(*cells: str) -> str:
    """Return one line of a Markdown table; a bar inside a cell would end it, so it is escaped."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def page() -> str:
    """Return the whole page."""
    found = sorted(functions().values(), key=lambda entry: (entry[0].count("."), entry[0]))
    lines = [line(*COLUMNS), "|" + "---|" * len(COLUMNS) + "\n"]
    lines += [line(*row(name, value)) for name, value in found if isinstance(value, Op)]
    made = [f"`{name}`" for name, value in found if not isinstance(value, Op)]
    lines.append(
        "\n## Functions made of rows\n\nThey have no rule: they are recorded as the rows that they call, and have the "
        "derivatives of these, of every order and in both modes.\n\n" + ", ".join(made) + ".\n"
    )
    looped = sorted(name for name, op in OPS.items() if op.batch is None and not op.elementwise)
    lines.append(
        "\n## Inside vmap\n\nA row runs once for all examples. These run in a loop over the examples, with the same "
        "results: " + ", ".join(f"`{name}`" for name in looped) + ".\n"
    )
    lines.append("\n## Refused, with the form to write instead\n\n| function | reason | write |\n|---|---|---|\n")
    lines += [line(f"`np.{name}`", f"it {why}", instead) for name, (why, instead) in sorted(REFUSED.items())]
    return HEAD + "".join(lines)


def write() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
