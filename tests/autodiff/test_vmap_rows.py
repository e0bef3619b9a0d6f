"""P19, for every row of the registry and every composite: vmap equals the loop over the examples, in values, gradients
and forward mode, with every choice of batched operands, and nested; and a Jacobian in one pass equals one by columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from composite_calls import CALLS

import autodiff as ad
import nn  # noqa: F401 (adds rows)
from autodiff.batching import routes
from autodiff.transforms import jacobians

pytestmark = pytest.mark.sampled  # a row each

ROWS = [row for row in ad.ops.OPS.values() if row.name != "to_scalar"]  # which answers a Scalar
SIZE = 3


def samples_of(row: Any) -> list[tuple[tuple[tuple[int, ...], ...], dict[str, Any]]]:
    if row.samples is not None:
        return list(row.samples)
    n = len(row.inputs)
    return [(((2, 3),) * n, {}), (((),) * n, {}), *([(((3,), (2, 1), (2, 3))[:n], {})] if n > 1 else [])]


def drawn(row: Any, rng: Any, shapes: Any) -> list[Any]:
    """Operands of a row, inside its domain and away from its kinks."""
    if row.draw is not None:
        return [np.asarray(x) for x in row.draw(rng, *shapes)]
    domains = row.domain * len(shapes) if row.variadic else row.domain
    made = []
    for i, (shape, (low, high)) in enumerate(zip(shapes, domains)):
        low, high = max(low, -3.0), min(high, 3.0)
        low, high = (low, high) if low < high else (low, low + 3.0)
        if row.name in ("ldexp",) and i == 1:
            made.append(rng.integers(-2, 3, shape))
        elif row.name == "where" and i == 0:
            made.append(rng.random(shape) < 0.5)
        else:
            made.append(rng.uniform(low + 0.01 * (high - low), high - 0.01 * (high - low), shape))
    return made


def function_of(row: Any, static: dict[str, Any]) -> Callable[..., Any]:
    def call(*operands: Any) -> Any:
        return row(list(operands), **static) if row.variadic else row(*operands, **static)

    call.__name__ = row.name
    return call


def choices(n: int) -> Iterator[tuple[int | None, ...]]:
    """Which operands are batched: all, and each alone."""
    yield (0,) * n
    if n > 1:
        for i in range(min(n, 3)):
            yield tuple([0 if j == i else None for j in range(n)])


def calls(row: Any, nested: bool = False) -> Iterator[tuple[Callable[..., Any], list[Any], tuple[int | None, ...]]]:
    rng = np.random.default_rng(7)
    for shapes, static in samples_of(row):
        for axes in choices(len(shapes)):
            sets = [drawn(row, rng, shapes) for _ in range(SIZE)]
            given = [np.stack([s[i] for s in sets]) if a == 0 else sets[0][i] for i, a in enumerate(axes)]
            yield function_of(row, static), given, axes


def looped(f: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """The same as vmap, by a loop over the examples."""

    def run(*given: Any) -> Any:
        n = next(x.shape[0] for x, a in zip(given, axes, strict=True) if a == 0)
        return np.stack([f(*[x[k, ...] if a == 0 else x for x, a in zip(given, axes, strict=True)]) for k in range(n)])

    return run


def live_of(row: Any, given: list[Any]) -> list[int]:
    return [i for i, x in enumerate(given) if row.rule(i) is not None and x.dtype.kind in "fc"]


def close(a: Any, b: Any) -> None:
    # The same formulas, with sums and products in another order: a few roundings of the largest term.
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * max(1.0, np.max(np.abs(b[np.isfinite(b)]), initial=0.0)))


def weighed(f: Callable[..., Any], weights: Any) -> Callable[..., Any]:
    def total(*xs: Any) -> Any:
        y = f(*xs) * weights
        return np.sum(np.real(y) + np.imag(y) if y.dtype.kind == "c" else y)

    return total


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_vmap_of_a_row_equals_the_loop_in_values_and_gradients(row: Any) -> None:
    for f, given, axes in calls(row):
        batch, loop = ad.vmap(f, in_axes=axes), looped(f, axes)
        expected = loop(*given)
        close(batch(*given), expected)
        live = live_of(row, given)
        if not live or expected.dtype.kind not in "fc":
            continue
        weights = np.random.default_rng(1).normal(size=expected.shape)
        for got, want in zip(
            ad.grad(weighed(batch, weights), live)(*given), ad.grad(weighed(loop, weights), live)(*given), strict=True
        ):
            close(got, want)


def pushed(run: Callable[..., Any], given: list[Any], live: list[int], tangents: list[Any]) -> Any:
    """Value and tangent, with tangents at the live operands."""

    def of_live(*xs: Any) -> Any:
        full = list(given)
        for i, x in zip(live, xs, strict=True):
            full[i] = x
        return run(*full)

    return ad.jvp(of_live, [given[i] for i in live], tangents)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_vmap_of_a_row_equals_the_loop_in_forward_mode(row: Any) -> None:
    for f, given, axes in itertools.islice(calls(row), 2):
        live = live_of(row, given)
        if not live:
            continue
        rng = np.random.default_rng(2)
        tangents = [rng.normal(size=given[i].shape) for i in live]
        runs = (ad.vmap(f, in_axes=axes), looped(f, axes))
        for got, want in zip(*[pushed(run, given, live, tangents) for run in runs], strict=True):
            close(got, want)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_derivatives_of_a_row_inside_vmap_are_those_of_each_example(row: Any) -> None:
    for f, given, axes in itertools.islice(calls(row), 2):
        live = live_of(row, given)
        expected = looped(f, axes)(*given)
        if not live or expected.dtype.kind != "f" or any(given[i].dtype.kind == "c" for i in live):
            continue
        weights = np.random.default_rng(1).normal(size=expected.shape[1:])
        gradient = ad.grad(weighed(f, weights), live)
        for i in range(len(live)):

            def one(*xs: Any, gradient: Any = gradient, i: int = i) -> Any:
                return gradient(*xs)[i]

            close(ad.vmap(one, in_axes=axes)(*given), looped(one, axes)(*given))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_vmap_of_vmap_of_a_row_equals_two_loops(row: Any) -> None:
    for f, given, axes in itertools.islice(calls(row), 2):
        twice = [np.stack([x, x]) if a == 0 else x for x, a in zip(given, axes, strict=True)]
        close(ad.vmap(ad.vmap(f, axes), axes)(*twice), looped(looped(f, axes), axes)(*twice))


# ---- rows that run once
WITH_A_WAY = [row for row in ROWS if row.elementwise or row.batch is not None]


@pytest.mark.parametrize("row", WITH_A_WAY, ids=lambda row: row.name)
def test_a_row_with_a_way_of_its_own_never_loops(row: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a way would be hidden by the loop, which answers for it."""
    monkeypatch.setattr(routes, "over_examples", lambda *_, **__: pytest.fail("a loop over the examples"))
    for f, given, axes in calls(row):
        if row.inputs == ("a", "q") and axes != (0, None):
            continue  # quantiles of other ranks in every example
        ad.vmap(f, in_axes=axes)(*given)


# ---- Jacobians
@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_jacobian_in_one_pass_equals_one_by_columns(row: Any, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    for shapes, static in samples_of(row)[:2]:
        given = drawn(row, rng, shapes)
        f = function_of(row, static)
        y = f(*given)
        if y.dtype.kind != "f":
            continue
        for i in live_of(row, given):
            if given[i].dtype.kind == "f":
                at_once = ad.jacobian(f, i, mode)(*given)
                with monkeypatch.context() as patch:
                    patch.setattr(jacobians, "can_batch", lambda *_: False)
                    close(at_once, ad.jacobian(f, i, mode)(*given))


# ---- composites
CASES = [(name, k) for name, entries in CALLS.items() for k in range(len(entries))]


@pytest.mark.parametrize(("name", "k"), CASES, ids=[f"{name}-{k}" for name, k in CASES])
def test_vmap_of_a_composite_equals_the_loop(name: str, k: int) -> None:
    shapes, f = CALLS[name][k]
    rng = np.random.default_rng(3)
    for axes in choices(len(shapes)):
        if name == "full_like" and axes == (None, 0):
            continue  # NumPy's own full_like then runs, which writes
        base = [rng.uniform(0.5, 2.0, s) for s in shapes]
        given = [rng.uniform(0.5, 2.0, (SIZE, *s)) if a == 0 else b for s, a, b in zip(shapes, axes, base, strict=True)]
        batch, loop = ad.vmap(f, in_axes=axes), looped(f, axes)
        expected = loop(*given)
        close(batch(*given), expected)
        if expected.dtype.kind == "f":
            weights, live = rng.normal(size=expected.shape), list(range(len(shapes)))
            got, want = (ad.grad(weighed(run, weights), live)(*given) for run in (batch, loop))
            for a, b in zip(got, want, strict=True):
                close(a, b)
