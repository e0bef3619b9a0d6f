"""All operations: rows only. Importing it fills the registry and gives the handles their methods."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..methods import operators
from ..registry import DISPATCH, METHODS, OPS, PUBLIC, Op
from . import (
    activations,
    complex_numbers,
    elementwise,
    fourier,
    fused,
    index,
    joining,
    linalg,
    normalization,
    norms,
    rectifiers,
    reduce,
    shape,
)
from .arrays import (
    accumulate,
    assemble,
    calculus,
    choose,
    nans,
    order,
    padding,
    polynomials,
    refusals,
    statistics,
)
from .matrices import decompositions, eigenvalues, einsum, functions, nuclear, solving, structured
from .special import entropy, exponential, gamma, normal
from .special.bessel import modified
from .windows import columns, convolution, pooling

__all__ = ["DISPATCH", "OPS", "PUBLIC", "Op"]


def _plain_method(function: Any) -> Any:
    def method(x: Any, *args: Any, **kwargs: Any) -> Any:
        return function(x, *args, **kwargs)

    method.__doc__ = f"Return the plain result of ``np.{function.__name__}``, through which no derivative flows."
    return method


for _fn in (np.argmax, np.argmin, np.argsort, np.argpartition, np.nonzero, np.searchsorted, np.any, np.all):
    METHODS[_fn.__name__] = _plain_method(_fn)
for _row in list(OPS.values()):  # np.tan(x) is x.tan() too: every row of one value that has no further arguments
    if _row.elementwise and len(_row.inputs) == 1 and not _row.statics and PUBLIC.get(_row.name) is _row:
        METHODS.setdefault(_row.name, _row)
for _name in list(vars(np)):  # every NumPy function that records has its NumPy name here: concat, pow, acos, amax, ...
    _function = vars(np)[_name]
    if not _name.startswith("_") and not isinstance(_function, type) and _name not in PUBLIC:
        if callable(_function) and _function in DISPATCH and not refusals.refuses(_function):
            PUBLIC[_name] = DISPATCH[_function]
accumulate.ufunc_methods()
operators.install()
