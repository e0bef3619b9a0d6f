"""Tracing a function: the objects that stand for its arrays, the trace that writes the program, and everything that the
program depends on."""
