"""Rows of sliding windows: columns and their sum, convolution, maxima.

Arrays are (N, C, *spatial) for the caller, with any number of spatial axes. Results are laid out in memory with the
channels last, where a convolution is a matrix product over contiguous rows; NumPy's elementwise functions keep such a
layout, so in a network the layout is changed once, at its first layer.
"""
