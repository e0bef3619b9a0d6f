"""Property P21: a compiled function gives what the function itself gives, for every row and for random programs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import Program, programs

import autodiff as ad

ROWS = list(ad.ops.OPS.values())
SHAPES = {1: [((2, 3),), ((),)], 2: [((2, 3), (2, 3)), ((3, 1), (1, 2)), ((), (3,))], 3: [((2, 3), (2, 3), (2, 3))]}


def drawn(row: Any, shapes: Any, rng: np.random.Generator) -> list[Any]:
    """Operands that the row says it takes."""
    if row.draw is not None:
        return [np.asarray(x) for x in row.draw(rng, *shapes)]
    domains = row.domain * len(shapes) if row.variadic else row.domain
    return [_inside(rng, *interval, shape) for interval, shape in zip(domains, shapes, strict=True)]


def _inside(rng: np.random.Generator, low: float, high: float, shape: Any) -> Any:
    if math.isinf(low) and math.isinf(high):
        low, high = -3.0, 3.0
    high = low + 4.0 if math.isinf(high) else high
    return np.asarray(low + (high - low) * rng.uniform(0.06, 0.94, shape))


def value_and_gradients(row: Any, static: dict[str, Any]) -> Any:
    """A function of a cotangent and operands that returns the value of a row and all gradients."""

    def both(w: Any, *operands: Any) -> Any:
        xs = [ad.tensor(x) if row.rule(i) is not None and x.dtype.kind in "fc" else x for i, x in enumerate(operands)]
        y = row(xs, **static) if row.variadic else row(*xs, **static)
        if not isinstance(y, ad.Variable) or y.node is None:
            return ad.plain(y), []
        y.backward(w)
        return y.data, [x.grad for x in xs if isinstance(x, ad.Tensor)]

    return both


def assert_same(got: Any, want: Any, rtol: float = 0.0) -> None:
    assert (got is None) == (want is None)
    if want is not None:
        got, want = np.asarray(got), np.asarray(want)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


@pytest.mark.sampled(16)  # 0.15 s each
@pytest.mark.parametrize(("dtype", "row"), [
    pytest.param(dtype, row, id=f"{dtype}-{row.name}")
    for dtype in ("float64", "float32", "float16", "complex128")
    for row in ROWS
    if row.complex or dtype != "complex128"
])  # fmt: skip
def test_every_row_and_its_gradients_bit_for_bit(row: Any, dtype: str) -> None:
    rng = np.random.default_rng(0)
    for shapes, static in row.samples or [(shapes, {}) for shapes in SHAPES[len(row.inputs)]]:
        plain = value_and_gradients(row, static)
        fast = ad.compile(plain)
        for _ in range(2):  # in the trace, and in a program that was traced with other values
            operands = [x.astype(dtype) if x.dtype == np.float64 else x for x in drawn(row, shapes, rng)]
            operands = [x + 1j * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "c" else x for x in operands]
            with np.errstate(all="ignore"):
                try:
                    y = np.asarray(ad.plain(row(operands, **static) if row.variadic else row(*operands, **static)))
                    w = rng.uniform(0.5, 2.0, y.shape).astype(y.dtype)
                    value, gradients = plain(w, *operands)
                except (TypeError, np.linalg.LinAlgError):  # LAPACK has no float16; phases of vectors are arbitrary
                    assert dtype in ("float16", "complex128")
                    return
            got, found = fast(w, *operands)
            assert_same(got, value)
            for a, b in zip(found, gradients, strict=True):
                assert_same(a, b)


# Scalars: NumPy's exp, tanh and power differ from those of Python's math by an ulp or two, which thirty operations on
# values below 64 may make 1e-9 of the result; see the same bound in random_programs.
ROUNDING = 1e-9


def pulled(program: Program) -> Any:
    """A function of inputs that returns the value of a program and its gradients, with a state and a branch in it."""
    count = ad.tensor(np.zeros(()), requires_grad=False)

    def run(*inputs: Any) -> Any:
        handles = [x * 1 if isinstance(x, ad.Variable) else ad.tensor(x) for x in inputs]
        for x in handles:
            x.retain_grad()
        y = program._engine(*handles)
        total = y.sum() if isinstance(y, ad.Tensor) else y
        count.data = count.data + 1.0
        if total > 0:
            total = total * count
        if total.requires_grad:
            total.backward()
        return ad.plain(y), [x.grad for x in handles]

    return run


@settings(deadline=None)
@given(program=programs(operations=(1, 12)), k=st.integers(0, 8))
def test_random_programs_with_state_and_branches(program: Program, k: int) -> None:
    plain, fast = pulled(program), ad.compile(pulled(program))
    values = list(program.inputs.values())
    for shift in (0.0, k / 16):  # the second time perhaps in another branch, or in a program that is there
        inputs = [ad.scalar(x + shift) if isinstance(x, float) else x + np.asarray(shift, x.dtype) for x in values]
        with np.errstate(all="ignore"):
            value, gradients = plain(*inputs)
        got, found = fast(*inputs)
        assert_same(got, value, ROUNDING)
        for a, b in zip(found, gradients, strict=True):
            assert_same(a, b, ROUNDING)
