"""Public names: docstrings and signatures of rows, and errors for names of other libraries."""
