"""vmap of random programs of all families equals the loop over the examples: values, gradients, and nested."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st
from program_draft import is_scalar
from random_programs import Program, programs

import autodiff as ad


def examples(program: Program, rng: np.random.Generator, n: int = 3) -> tuple[list[Any], tuple[int | None, ...]]:
    """Inputs with n examples near the program's own, and their axes; a Scalar is shared."""
    made = [
        v if is_scalar(name) else np.stack([v + rng.normal(size=v.shape).astype(v.dtype) / 64 for _ in range(n)])
        for name, v in program.inputs.items()
    ]
    return made, tuple([None if is_scalar(name) else 0 for name in program.inputs])


def close(a: Any, b: Any, program: Program) -> None:
    # Thirty operations on values below 64, in two orders.
    eps = np.finfo(np.asarray(b).dtype).eps
    np.testing.assert_allclose(a, b, rtol=2**16 * eps, atol=2**16 * eps, err_msg=repr(program))


@settings(deadline=None)
@given(program=programs(operations=(1, 12)), seed=st.integers(0, 2**16))
def test_vmap_of_a_program_equals_the_loop(program: Program, seed: int) -> None:
    xs, axes = examples(program, np.random.default_rng(seed))
    run, live = program._engine, [i for i, a in enumerate(axes) if a == 0]

    def one(k: int) -> list[Any]:
        return [x if a is None else x[k] for x, a in zip(xs, axes, strict=True)]

    def total(*at: Any) -> Any:
        return np.sum(run(*at) * 1.0)

    if any(map(is_scalar, program.inputs)) or any("ad.scalar" in s.code for s in program.statements):
        return  # a number that is not recorded is no Scalar
    try:
        got = ad.vmap(run, axes)(*xs)
    except (ad.BatchedValueError, TypeError) as error:  # a write, a plain value, a Scalar: refused by name
        assert "vmap" in str(error) or "ad.scalar" in str(error), repr(program)
        event("refused")
        return
    event("taken")
    each = [ad.vjp(run, *map(np.array, one(k)))[0] for k in range(3)]
    close(got, np.stack(each), program)
    gradients = ad.vmap(ad.grad(total, live), axes)(*xs)
    by_loop = [ad.grad(total, live)(*one(k)) for k in range(3)]
    whole = ad.grad(lambda *at: np.sum(ad.vmap(total, axes)(*at)), live)(*xs)
    for j in range(len(live)):
        close(gradients[j], np.stack([g[j] for g in by_loop]), program)
        close(whole[j], np.stack([g[j] for g in by_loop]), program)
    twice = [x if a is None else np.stack([x, x[::-1]]) for x, a in zip(xs, axes, strict=True)]
    close(ad.vmap(ad.vmap(run, axes), axes)(*twice), np.stack([np.stack(each), np.stack(each[::-1])]), program)
