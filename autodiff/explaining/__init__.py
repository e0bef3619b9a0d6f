"""Why a gradient is None, zero, NaN, infinite or huge: ``ad.explain(x)`` goes back to the first cause.

A call uses the files in this order, and imports point backwards along it:

- `graph_pass` holds one backward pass as data: values, gradients, and the gradient that each operation sends to each
  operand;
- `explanations` holds the parts of the result: `Cause`, `Operand`, `Explanation`, and the sentences about remedies;
- `missing`, `zeros`, `infinities` and `sizes` search a pass for the first cause of a gradient that is None, zero, not
  finite, or huge;
- `explain` decides which gradient is explained.

The graph is read as pictures read it, through `autodiff.drawing.reading`, and never changed. Nothing here recurses.
"""

from __future__ import annotations

from .explain import explain
from .explanations import Cause, Explanation, Operand

__all__ = ["Cause", "Explanation", "Operand", "explain"]
