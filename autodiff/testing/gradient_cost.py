"""Check that a gradient costs a small multiple of its function, by counting operations: no clock is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.transforms.containers import flatten, map_leaves

__all__ = ["assert_cheap_gradient"]


def assert_cheap_gradient(
    f: Callable[..., Any], *args: Any, argnums: int | Sequence[int] = 0, at_most: float = 4.0, **kwargs: Any
) -> float:
    """Check that the value and the gradient of f together cost at most ``at_most`` times the value; return the ratio.

    f: a function that `ad.compile` takes and whose result is a single real number. Both are compiled, and the
    operations of the two programs counted: one for each element of an elementwise function, exp as well as +, two for
    each product of a matrix product, and one for each number that goes in or comes out. So the ratio is the same on
    every machine. Reverse mode gives all partial derivatives at a cost that does not grow with their number (Griewank
    and Walther, Evaluating Derivatives, chapter 4); a rule that computes its function many times, or fills an array
    for each element, breaks this.

    Raises AssertionError, with the most expensive calls, where the ratio is larger. A function dominated by one whose
    derivative is another special function (gammaln, erf) needs another bound.

    >>> import autodiff as ad, numpy as np
    >>> ad.testing.assert_cheap_gradient(lambda x: (x @ x.T).sum(), np.ones((20, 20)))
    2.9...
    """
    argnums = argnums if isinstance(argnums, int) else tuple(argnums)
    varied = {argnums} if isinstance(argnums, int) else set(argnums)
    args = tuple(map_leaves(_as_input, x) if k in varied else x for k, x in enumerate(args))
    cost, of_both = _cost(f, args, kwargs), _cost(ad.value_and_grad(f, argnums), args, kwargs)
    ratio = of_both.total() / cost.total()
    if ratio > at_most:
        dearest = ", ".join(f"{name} {count:,}" for name, count in of_both.most_common(4))
        raise AssertionError(
            f"the value and the gradient of {getattr(f, '__name__', f)} take {of_both.total():,} operations, "
            f"{ratio:.1f} times the {cost.total():,} of the value; {at_most} times are allowed. Most are in {dearest}."
        )
    return ratio


def _as_input(x: Any) -> Any:
    """Return an argument as an input of the program: a Python number would be a constant of it."""
    x = ad.plain(x)
    return ad.scalar(x, requires_grad=False) if type(x) in (int, float) else x


def _cost(f: Callable[..., Any], args: Any, kwargs: Any) -> Counter[str]:
    """Return the operations of each function in the program of f, and the numbers that go in and come out."""
    found = ad.profile(f, repeat=1)(*args, **kwargs)
    cost = Counter({name: line.operations for name, line in found.by_call().items() if line.operations})
    leaves = flatten((args, kwargs, found.result))[0]
    cost["inputs and outputs"] = sum(np.size(ad.plain(x)) for x in leaves if not isinstance(x, int | str | NoneType))
    return cost
