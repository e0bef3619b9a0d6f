"""Compiling: trace a function once as a flat program of NumPy calls, and run that program from then on."""
