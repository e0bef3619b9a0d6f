"""Rows of one value at a time: NumPy's real ufuncs that have a derivative, and where, clip, sinc.

``conventions`` has their shared parts. ``singular`` marks rules that can be infinite, ``settled`` a convention where
no derivative exists.
"""

from . import arithmetic, choosing, exponentials, powers, rounding, trigonometry
from .conventions import INF, NAN, convention, settled_along

__all__ = ["INF", "NAN", "convention", "settled_along"]
