"""Calls that stand for many: thousands of numbers as vectors, chains of large arrays as blocks on threads."""
