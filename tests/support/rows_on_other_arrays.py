"""Each row of the registry on StrictArrays: value, gradient and tangent compared with NumPy's, or the error's text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import autodiff as ad
from tests.support.strict_array import StrictArray, opened

SHAPES = {1: ((2, 3),), 2: ((2, 3), (2, 3)), 3: ((2, 3), (2, 3), (2, 3))}


def calls(row: Any) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Yield operands and static arguments of the row's own samples."""
    for shapes, static in row.samples or ((SHAPES[len(row.inputs)], {}),):
        rng = np.random.default_rng(3)
        if row.draw is not None:
            yield list(row.draw(rng, *shapes)), static
            continue
        operands = []
        for i, shape in enumerate(shapes):
            low, high = row.domain[0 if row.variadic else i]
            low = max(low, -2.0) if high == np.inf or low == -np.inf else low
            high = min(high, low + 4.0)
            operands.append(rng.uniform(low + (high - low) / 8, high - (high - low) / 8, shape))
        yield operands, static


def outcome(row: Any, operands: list[Any], static: dict[str, Any], wrap: Any) -> tuple[Any, list[Any]]:
    """Return the value, and the gradients of the operands that have a rule and a tangent; ``wrap`` makes the arrays."""
    live = [row.rule(i) is not None for i in range(len(operands))]
    xs = [ad.tensor(wrap(a)) if on else wrap(a) if isinstance(a, np.ndarray) else a for a, on in zip(operands, live)]

    def f(*moving: Any) -> Any:
        rest = iter(moving)
        full = [next(rest) if on else x for x, on in zip(xs, live)]
        return row(full, **static) if row.variadic else row(*full, **static)

    moving = [x for x, on in zip(xs, live) if on]
    y = f(*moving)
    if not isinstance(y, ad.Variable) or not y.requires_grad:
        return getattr(y, "data", y), []
    tangents = [wrap(np.cos(np.arange(x.size)).reshape(x.shape).astype(x.dtype)) for x in moving]
    tangent = ad.jvp(f, [x.data for x in moving], tangents)[1]
    y.backward(wrap(np.linspace(1.0, 2.0, y.size).reshape(y.shape).astype(y.dtype)))
    return y.data, [x.grad for x in moving] + [tangent]


def difference(row: Any) -> str | None:
    """Return None where all samples have NumPy's value and gradients, else the first refusal. Raise AssertionError
    where an array has become NumPy's, or a number differs."""
    for operands, static in calls(row):
        with np.errstate(all="ignore"):
            value, gradients = outcome(row, operands, static, np.asarray)
            try:
                found, slopes = outcome(row, operands, static, StrictArray)
            except (TypeError, ValueError) as error:
                return str(error)
        for a, b in zip([found, *slopes], [value, *gradients], strict=True):
            if b is not None:
                assert isinstance(a, StrictArray), f"{row.name}: {type(a).__name__} came of a StrictArray"
                np.testing.assert_allclose(opened(a), b, rtol=1e-9, atol=1e-12, err_msg=row.name)
    return None
