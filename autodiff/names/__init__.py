"""Public names: docstrings and signatures of rows, and answers to names of other libraries."""
