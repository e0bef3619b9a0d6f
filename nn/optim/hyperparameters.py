"""Check hyperparameters and convert NumPy's numbers to Python's, so that they can be saved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autodiff import extend

__all__ = ["bias_correction", "count", "flag", "fraction_pair", "number", "number_pair"]


def number(who: str, name: str, value: Any, least: float = 0.0, below: float = math.inf) -> float:
    """Return a real number least <= value < below as a Python number.

    Raises TypeError when it is no number, ValueError when it is out of its range.
    """
    plain = value.item() if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0 else value
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        raise TypeError(f"{who}: {name} must be a number, got {value!r}")
    if not least <= plain < below:
        limits = f">= {least:g}" if below == math.inf else f"in [{least:g}, {below:g})"
        raise ValueError(f"{who}: {name} must be a finite number {limits}, got {value!r}")
    return plain


def fraction_pair(who: str, name: str, value: Any) -> tuple[float, float]:
    """Return two numbers in [0, 1) as a tuple of Python numbers."""
    try:
        first, second = value
    except (TypeError, ValueError):
        raise ValueError(f"{who}: {name} must be two numbers in [0, 1), such as (0.9, 0.999), got {value!r}") from None
    if not all(isinstance(x, (int, float, np.number, np.ndarray)) and 0 <= x < 1 for x in (first, second)):
        raise ValueError(f"{who}: {name} must be two numbers in [0, 1), got {value!r}")
    return float(first), float(second)


def number_pair(who: str, name: str, value: Any) -> tuple[float, float]:
    """Return two numbers >= 0 as a tuple of Python numbers."""
    try:
        first, second = value
    except (TypeError, ValueError):
        raise ValueError(f"{who}: {name} must be two numbers, got {value!r}") from None
    return number(who, name, first), number(who, name, second)


def flag(who: str, name: str, value: Any) -> bool:
    """Return True or False.

    Raises TypeError for anything else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{who}: {name} must be True or False, got {value!r}")
    return bool(value)


def count(who: str, name: str, value: Any) -> int:
    """Return an integer of at least 1.

    Raises TypeError when it is no integer, ValueError when it is less.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{who}: {name} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{who}: {name} must be at least 1, got {value!r}")
    return int(value)


@extend.one_call
def bias_correction(beta: float, step: float) -> float:
    """Return 1 - beta^step, the divisor of a running mean that starts at zero. Compiled programs use Python's power
    too, because NumPy's may differ in the last digit."""
    return 1 - float(beta) ** float(step)
