"""Whole random programs: a Hypothesis strategy of typed, runnable programs over the registry's rows.

A program is data: inputs, a list of statements, a result. `repr(program)` is the Python that runs it, `program.run`
runs it on Tensors (the engine) or on plain arrays (the NumPy model, where an in-place write really is in place), and
Hypothesis shrinks it statement by statement.
"""
