"""Subjects of checks: a function and its derivatives, from this engine, another library, or a bare rule."""
