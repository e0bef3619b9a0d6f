"""Array functions of NumPy: in order, running, put together, padded, of calculus, of statistics, of polynomials.

Most are composites: recorded functions made of the rows in ``shape``, ``reduce`` and ``index``, so that every order
and both modes follow. Functions that cannot be recorded are refused by name in ``refusals``.
"""
