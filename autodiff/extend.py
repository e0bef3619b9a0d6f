"""Public names for adding operations and building on the graph: rows, writes, and parts for layers and optimizers.

>>> import numpy as np, autodiff as ad
>>> from autodiff import extend
>>> def _cubed(x): return x**3
>>> cubed = extend.op(_cubed, name="cubed", vjp=lambda g, x: 3 * g * x**2, elementwise=True, public=False, doc="x^3.")
>>> ad.grad(cubed)(2.0), ad.grad(ad.grad(cubed))(2.0)
(12.0, 12.0)
>>> _ = ad.ops.OPS.pop("cubed")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .backward import gradients_of_graph
from .backward.arrivals import Watcher, watch_gradients
from .backward.sums import moments
from .batching.handle import all_examples, bare
from .batching.random_draws import draw_random
from .errors import Untraced
from .gradient_buffers import zeros_on_cache_lines
from .modes import current_scope, current_trace, keeps_record, number, one_call, refuse_trace
from .modes.diagnostics import watch_rows
from .names.elsewhere import missing_names, no_such_name
from .other_arrays import as_array, beside, is_foreign, numbers
from .registry import Op, composite, op
from .registry.picture_facts import ModuleFacts
from .writes.write_marks import WriteMark, mark_written
from .writes.writing import clear_gradients, write_all

__all__ = [
    "ModuleFacts",
    "Op",
    "Untraced",
    "Watcher",
    "WriteMark",
    "all_examples",
    "as_array",
    "bare",
    "beside",
    "clear_gradients",
    "composite",
    "current_scope",
    "current_trace",
    "draw_random",
    "gradients_of_graph",
    "is_foreign",
    "keeps_record",
    "mark_written",
    "missing_names",
    "moments",
    "no_such_name",
    "number",
    "one_call",
    "numbers",
    "op",
    "refuse_trace",
    "watch_gradients",
    "watch_rows",
    "write_all",
    "zeros_on_cache_lines",
]

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    _RULES = "write f = ad.custom_vjp(f) and f.defvjp(fwd, bwd), or a row with extend.op"
    __getattr__ = missing_names(__name__, __all__, dict.fromkeys(("primitive", "defvjp", "defjvp"), _RULES))
