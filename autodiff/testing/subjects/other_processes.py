"""The second half of P18, with `processes=True`: the values and gradients of one example, computed in fresh processes.

Two processes differ from two calls in the order of sets, in caches, and in the imported modules. The other process
receives a function that makes the subject, with its arguments, all of which it can import, the example and the
cotangents; it returns arrays.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff.testing.side_effects.determinism import assert_deterministic
from autodiff.testing.subjects.function_under_test import Arrays, Case

__all__ = ["Maker", "outputs_and_gradients", "difference_elsewhere"]

Maker = tuple[Callable[..., Any], tuple[Any, ...]]  # a function that returns a subject, and its arguments


def outputs_and_gradients(
    make: Callable[..., Any], ingredients: tuple[Any, ...], case: Case, ws: Arrays
) -> list[np.ndarray]:
    """Return the outputs and the gradients of a subject at a case."""
    subject = make(*ingredients)
    with np.errstate(all="ignore"):
        outputs = subject.outputs(case)
        return [*outputs, *(subject.gradients(case, ws) if subject.reverse is not None else [])]


def difference_elsewhere(name: str, maker: Maker, case: Case, ws: Arrays) -> str | None:
    """Return the differences between two fresh processes and this one, in words; None when all agree bit for bit.

    Raises:
        ValueError: another process cannot import the function or its rule.
    """
    make, ingredients = maker
    try:
        pickle.dumps((maker, case))
        here = [f for f in ingredients if getattr(f, "__module__", None) == "__main__"]
    except Exception:  # pickling runs foreign code, which may raise anything
        here = [name]
    if here:
        raise ValueError(
            f"processes=True: another process cannot import {name} (or its rule, or an argument); put it into a module"
        )
    try:
        assert_deterministic(outputs_and_gradients, make, ingredients, case, ws, processes=True)
    except AssertionError as error:
        return str(error).replace("outputs_and_gradients is not deterministic: ", "")
    return None
