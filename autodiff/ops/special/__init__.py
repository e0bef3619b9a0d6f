"""Special functions: rows by family, and beside them the values they need, which NumPy lacks.

``<family>.py`` has rows, ``values/<family>.py`` their kernels: numbers in, numbers out. ``blocks.py`` evaluates
them. Nothing is imported here: rows elsewhere (gelu) need values from here before rows here need those rows.
"""
