"""Tracing a function: what stands for its arrays, what writes the program down, and what the program depends on."""
