"""Values of special functions on flat float64 arrays: numbers in, numbers out, no graphs and no derivatives of rows.

A file here has the name of the file of rows that use it; ``blocks`` evaluates them on arrays of any shape and dtype.
"""
