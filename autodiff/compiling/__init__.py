"""Compiling: trace a function once as a flat program of NumPy calls, and run that program from then on.

``compiled`` has the public ``compile``; ``tracing`` runs the function on traced arrays, which write each NumPy call
into a ``program``; ``lowering`` makes the program fast (``passes``, ``planning``, ``calls``); ``entry`` runs it in
place of the function.
"""

from __future__ import annotations

from .compiled import Compiled, compile
from .profiling import Profile, profile
from .program import Program, run

__all__ = ["Compiled", "Profile", "Program", "compile", "profile", "run"]
