"""The registry: the class of rows (``rows``), their singular points, and their facts for pictures.

``autodiff/ops`` adds the rows.
"""

from .rows import DISPATCH, METHODS, OPS, PUBLIC, REAL, UFUNCS, Op, composite, op, set_recorder
from .saved_values import saved_source

__all__ = [
    "DISPATCH",
    "METHODS",
    "OPS",
    "PUBLIC",
    "REAL",
    "UFUNCS",
    "Op",
    "composite",
    "op",
    "saved_source",
    "set_recorder",
]
