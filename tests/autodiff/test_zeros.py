"""Zeros by construction and computed zeros, in every mode and order; second derivatives where the first is a
convention; counts that float16 cannot hold; and ``strict()``.

An element that was not selected contributes zero, whatever stands in it. A computed zero times infinity is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import autodiff as ad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
NAN, INF = np.nan, np.inf


# ---- the ways to a first and a second derivative
def by_backward(f: Any, x: Any) -> Any:
    t = ad.tensor(x)
    f(t).sum().backward()
    return t.grad


def by_create_graph(f: Any, x: Any) -> Any:
    t = ad.tensor(x)
    f(t).sum().backward(create_graph=True)
    return t.grad.data


def by_grad(f: Any, x: Any) -> Any:
    return ad.grad(lambda t: f(t).sum())(x)


def by_retained_graph(f: Any, x: Any) -> Any:
    t = ad.tensor(x)
    y = f(t).sum()
    y.backward(retain_graph=True)
    t.grad = None
    y.backward()
    return t.grad


def by_reverse_jacobian(f: Any, x: Any) -> Any:
    return ad.jacobian(lambda t: f(t).sum(), mode="reverse")(x)


def by_forward_jacobian(f: Any, x: Any) -> Any:
    return ad.jacobian(lambda t: f(t).sum(), mode="forward")(x)


FIRST = [by_backward, by_create_graph, by_grad, by_retained_graph, by_reverse_jacobian, by_forward_jacobian]


def by_hvp(f: Any, x: Any) -> Any:
    return ad.hvp(lambda t: f(t).sum(), (x,), (np.ones_like(x),))


def by_hessian(f: Any, x: Any) -> Any:
    return ad.hessian(lambda t: f(t).sum())(x).reshape(x.size, x.size).sum(1).reshape(x.shape)


def by_jvp_of_grad(f: Any, x: Any) -> Any:
    return ad.jvp(ad.grad(lambda t: f(t).sum()), (x,), (np.ones_like(x),))[1]


def by_grad_of_jvp(f: Any, x: Any) -> Any:
    return ad.grad(lambda t: ad.jvp(f, (t,), (np.ones_like(x),))[1].sum())(x)


def by_jvp_of_jvp(f: Any, x: Any) -> Any:
    """Of an elementwise f."""
    ones = (np.ones_like(x),)
    return ad.jvp(lambda t: ad.jvp(f, (t,), ones)[1], (x,), ones)[1]


SECOND = [by_hvp, by_hessian, by_jvp_of_grad, by_grad_of_jvp]


# ---- a branch that was not taken
INNER: dict[str, Callable[[Any], Any]] = {
    "itself": lambda r: r,
    "square": np.square,
    "abs": np.abs,
    "exp": np.exp,
    "three times": lambda r: 3.0 * r,
    "tanh": np.tanh,
    "times itself": lambda r: r * r,
    "a power": lambda r: r**1.5,
}


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize("inner", INNER)
def test_the_branch_that_where_does_not_take_contributes_zero(inner: str, way: Any) -> None:
    h = INNER[inner]
    x = np.array([0.0, 4.0, -1.0])
    expected = np.array([0.0, ad.grad(lambda t: h(np.sqrt(t)))(4.0), 0.0])
    np.testing.assert_allclose(way(lambda t: np.where(t > 0, h(np.sqrt(t)), 0.0), x), expected)


@pytest.mark.parametrize("way", [*SECOND, by_jvp_of_jvp])
@pytest.mark.parametrize("inner", INNER)
def test_it_contributes_zero_to_second_derivatives_too(inner: str, way: Any) -> None:
    h = INNER[inner]
    x = np.array([0.0, 4.0, -1.0])
    expected = np.array([0.0, ad.grad(ad.grad(lambda t: h(np.sqrt(t))))(4.0), 0.0])
    np.testing.assert_allclose(way(lambda t: np.where(t > 0, h(np.sqrt(t)), 0.0), x), expected, atol=1e-15)


def test_a_second_derivative_is_zero_where_the_first_meets_no_infinity_but_the_second_does() -> None:
    x = np.array([0.0, 1.0])
    for way in [*SECOND, by_jvp_of_jvp]:
        np.testing.assert_allclose(way(lambda t: np.where(t > 0, t**1.5, 0.0), x), [0.0, 0.75])


@pytest.mark.parametrize("way", FIRST)
def test_a_quotient_that_is_not_taken_contributes_zero_to_both_operands(way: Any) -> None:
    d = np.array([0.0, 2.0])
    np.testing.assert_allclose(way(lambda t: np.where(t == 0, 0.0, 3.0 * (1.0 / t)), d), [0.0, -0.75])
    np.testing.assert_allclose(way(lambda t: np.where(d == 0, 0.0, t * (1.0 / d)), np.ones(2)), [0.0, 0.5])


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize("inner", [np.sin, np.exp, np.square, np.tanh, np.abs, np.log, lambda t: t * t])
def test_missing_data_are_left_out_of_any_function(inner: Any, way: Any) -> None:
    t = np.array([NAN, 3.0])
    got = way(lambda x: np.where(np.isnan(t), 0.0, inner(t - x)), np.ones(2))
    np.testing.assert_allclose(got, [0.0, -by_grad(inner, np.array([2.0]))[0]])


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize("product", ["matmul", "linear", "einsum", "reversed"])
def test_a_row_of_nan_that_is_not_taken_does_not_spoil_a_product(product: str, way: Any) -> None:
    x = np.array([[NAN, 1.0], [1.0, 2.0], [INF, -INF]])
    bad = ~np.isfinite(x).all(axis=1, keepdims=True)
    f = {
        "matmul": lambda w: x @ w,
        "linear": lambda w: ad.linear(x, w.T),
        "einsum": lambda w: np.einsum("ij,jk->ik", x, w),
        "reversed": lambda w: (w.T @ x.T).T,
    }[product]
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(way(lambda w: np.where(bad, 0.0, f(w)), w), [[1.0, 1.0], [2.0, 2.0]])
    spoilt = way(f, w)  # without the condition, NaN stays
    assert np.isnan(spoilt).any()


def test_a_product_spoils_only_the_pairs_that_are_taken() -> None:
    a, b = ad.tensor([[1.0, 1.0], [1.0, 1.0]]), np.array([[INF, 1.0], [2.0, 3.0]])
    taken = np.array([[True, True], [False, True]])
    np.where(taken, a @ b, 0.0).sum().backward()
    np.testing.assert_array_equal(a.grad, [[INF, 5.0], [1.0, 3.0]])


def test_a_second_derivative_passes_products_of_rows_that_are_not_taken() -> None:
    z, ok = np.array([[0.0, 0.0], [1.0, 4.0]]), np.array([[False], [True]])
    w = np.array([[1.0], [2.0]])
    for way in SECOND:
        np.testing.assert_allclose(
            way(lambda t: np.where(ok, np.sqrt(t) @ w, 0.0), z), [[0.0, 0.0], [-0.25, -0.0625]], atol=1e-15
        )


@pytest.mark.parametrize("way", FIRST)
def test_masked_softmax_and_logsumexp_over_nothing_have_gradient_zero(way: Any) -> None:
    x, mask = np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[False, False], [True, True]])
    some = mask.any(axis=1, keepdims=True)
    p = np.exp([1.0, 2.0]) / np.exp([1.0, 2.0]).sum()
    masked = way(lambda t: np.where(some, ad.softmax(np.where(mask, t, -INF)), 0.0)[:, 0], x)
    np.testing.assert_allclose(masked, [[0.0, 0.0], [p[0] * p[1], -p[0] * p[1]]])
    lse = way(lambda t: ad.logsumexp(np.where(mask, t, -INF), axis=1, keepdims=True)[1:], x)
    np.testing.assert_allclose(lse, [[0.0, 0.0], p])
    np.testing.assert_array_equal(way(ad.logsumexp, np.full(3, -INF)), np.zeros(3))


@pytest.mark.parametrize("way", FIRST)
def test_what_a_choice_leaves_out_contributes_zero(way: Any) -> None:
    same = np.testing.assert_array_equal
    same(way(lambda x: np.sqrt(ad.relu(x)), np.array([-1.0, 4.0])), [0.0, 0.25])
    same(way(lambda x: np.sqrt(np.maximum(x, 0.0)), np.array([-1.0, 4.0])), [0.0, 0.25])
    # each side of a tie has half of an infinite slope, and the larger one the whole
    same(way(lambda x: np.sqrt(np.maximum(x, 0.0)), np.array([0.0, -1.0])), [INF, 0.0])
    same(way(lambda x: np.sqrt(np.fmax(np.array([-1.0, 1.0]), x)), np.array([0.0, 0.0])), [INF, 0.0])
    same(way(lambda x: np.sqrt(0.0 - np.minimum(0.0, np.fmin(x, 2.0))), np.array([0.0, 4.0])), [-INF, 0.0])
    same(way(lambda x: np.sqrt(np.clip(x, 0.0, 9.0)), np.array([-1.0, 4.0])), [0.0, 0.25])
    same(way(lambda x: np.sqrt(np.max(x) - 3.0), np.array([1.0, 3.0])), [0.0, INF])
    same(way(lambda x: np.sqrt(x)[1:], np.array([0.0, 4.0])), [0.0, 0.25])
    same(way(lambda x: np.tril(np.sqrt(x)), np.array([[4.0, 0.0], [4.0, 4.0]])), [[0.25, 0.0], [0.25, 0.25]])
    same(way(lambda x: np.sort(np.sqrt(x))[1], np.array([0.0, 4.0])), [0.0, 0.25])
    same(way(lambda x: np.sqrt(np.median(x) - 2.0), np.array([1.0, 2.0, 9.0])), [0.0, INF, 0.0])


def test_what_is_not_asked_for_contributes_zero() -> None:
    x = np.array([0.0, 4.0])
    for mode in ("reverse", "forward"):
        np.testing.assert_array_equal(ad.jacobian(np.sqrt, mode=mode)(x), [[INF, 0.0], [0.0, 0.25]])
    _, pullback = ad.vjp(lambda t: (np.sqrt(t), t * t), x)
    np.testing.assert_array_equal(pullback((np.zeros(2), np.ones(2)))[0], [0.0, 8.0])
    np.testing.assert_array_equal(pullback((np.array([0.0, 1.0]), np.zeros(2)))[0], [0.0, 0.25])
    np.testing.assert_array_equal(ad.jvp(np.sqrt, (x,), (np.array([0.0, 1.0]),))[1], [0.0, 0.25])


def test_a_leaf_reached_in_two_ways_keeps_the_share_of_the_one_that_is_taken() -> None:
    x = ad.tensor([0.0, 2.0])
    np.where(x.data == 0, 5.0 * x, 1.0 / x).sum().backward()
    np.testing.assert_array_equal(x.grad, [5.0, -0.25])


# ---- computed zeros
COMPUTED: dict[str, Callable[[Any], Any]] = {
    "the square of a root": lambda x: np.sqrt(x) ** 2,
    "a reciprocal twice": lambda x: 1.0 / (1.0 / x),
    "exp of log": lambda x: np.exp(np.log(x)),
    "a root of a square": lambda x: np.sqrt(x * x),
    "nothing of a root": lambda x: 0.0 * np.sqrt(x),
}


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize("case", COMPUTED)
def test_a_computed_zero_times_infinity_is_nan(case: str, way: Any) -> None:
    f = COMPUTED[case]
    got = way(f, np.array([0.0, 4.0]))
    assert np.isnan(got[0]) and np.isfinite(got[1])
    s = ad.scalar(0.0)
    f(s).backward()
    assert np.isnan(s.grad) and np.isnan(ad.grad(f)(0.0)) and np.isnan(ad.jvp(f, (0.0,), (1.0,))[1])


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize("case", COMPUTED)
def test_a_computed_zero_stays_one_below_a_selection(case: str, way: Any) -> None:
    f = COMPUTED[case]
    x = np.array([0.0, 0.0, 4.0])
    got = way(lambda t: np.where([True, False, True], f(t), 0.0), x)
    assert np.isnan(got[0]) and got[1] == 0.0 and np.isfinite(got[2])


def test_scalars_tell_the_two_zeros_apart_as_well() -> None:
    for f, x, expected in [
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0, 0.0),
        (lambda x: np.sqrt(ad.relu(x)), -1.0, 0.0),
        (lambda x: ad.relu(np.log(x)), 0.0, 0.0),
        (lambda x: np.maximum(1.0 / x, 2.0) * 0.0, -0.0, 0.0),
    ]:
        s = ad.scalar(x)
        f(s).backward()
        assert float(s.grad) == expected
        assert ad.grad(f)(x) == expected and ad.jvp(f, (x,), (1.0,))[1] == expected


SKIPPED = {  # the computed zero passes other operations before it meets the infinity
    "one product between": lambda s: (np.sqrt(s) * 1.0) ** 2,
    "many operations between": lambda s: ((((np.sqrt(s) * 1.0 + 1.0) - 1.0) * 3.0) / 2.0) ** 2,
    "a sum between": lambda s: np.exp(np.log(s) + 1.0),
    "a neuron between": lambda s: ad.weighted_sum([np.sqrt(s) * 1.0, s * 1.0], [1.0, 2.0], 0.0) ** 2,
}


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("case", SKIPPED)
def test_a_computed_zero_of_a_scalar_reaches_an_infinity_far_below(case: str, retain: bool) -> None:
    s = ad.scalar(0.0)
    SKIPPED[case](s).backward(retain_graph=retain)
    assert np.isnan(s.grad)


@pytest.mark.parametrize("bound", [None, -1.0])
def test_a_computed_zero_of_a_scalar_reaches_the_array_that_it_came_from(bound: float | None) -> None:
    x = ad.tensor([0.0, 4.0])
    roots = np.sqrt(x) if bound is None else np.maximum(np.sqrt(x), bound)
    ((ad.scalar(roots[0]) * 1.0) ** 2).backward()
    np.testing.assert_array_equal(x.grad, [NAN, 0.0])


def test_a_scalar_that_was_not_selected_contributes_zero_from_far_above() -> None:
    s = ad.scalar(0.0)
    ((ad.relu((np.sqrt(s) - 1.0) * 1.0) * 1.0) ** 2 + s).backward()
    assert s.grad == 1.0


def test_a_hook_above_which_a_scalar_had_a_zero_sees_that_zero_once() -> None:
    seen: list[Any] = []
    s = ad.scalar(0.0)
    h = np.sqrt(s) * 1.0
    h.register_hook(seen.append)
    ((h * 1.0) ** 2).backward()
    assert seen == [0.0] and np.isnan(s.grad)


def test_a_recomputed_function_tells_them_apart() -> None:
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(by_grad(lambda t: np.where(t > 0, ad.checkpoint(np.sqrt)(t), 0.0), x), [0.0, 0.25])
    np.testing.assert_array_equal(by_grad(lambda t: ad.checkpoint(np.sqrt)(t) ** 2, x), [NAN, 1.0])


def test_a_hook_runs_once_although_the_pass_runs_again() -> None:
    seen: list[Any] = []
    x, d = ad.tensor([1.0, 1.0]), np.array([0.0, 2.0])
    h = x * 2.0
    h.register_hook(lambda g: seen.append(g.copy()))
    np.where(d == 0, 0.0, h * (1.0 / d)).sum().backward()
    assert len(seen) == 1 and seen[0].tolist() == [0.0, 0.5] and x.grad.tolist() == [0.0, 1.0]


def test_a_hook_above_the_nan_runs_once_as_well() -> None:
    seen: list[Any] = []
    x, d = ad.tensor([1.0, 1.0]), np.array([0.0, 2.0])
    h = (x * (1.0 / d)) * 2.0
    h.register_hook(lambda g: seen.append(g.copy()))
    np.where(d == 0, 0.0, h).sum().backward()
    assert len(seen) == 1 and seen[0].tolist() == [0.0, 1.0] and x.grad.tolist() == [0.0, 1.0]


def test_nothing_is_left_of_a_graph_whose_pass_ran_again() -> None:
    x = ad.tensor([0.0, 4.0])
    y = np.where(x.data > 0, np.square(np.sqrt(x)), 0.0).sum()
    y.backward()
    with pytest.raises(ad.GraphError, match="consumed"):
        y.backward()


VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.0, INF, -INF, NAN, 1e-300, 1e300])
ROWS = [
    op
    for op in ad.ops.OPS.values()
    if op.elementwise and len(op.inputs) <= 2 and not op.variadic and op.draw is None and not op.statics
]


@pytest.mark.sampled
@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
@given(data=st.data())
def test_of_every_elementwise_row_what_where_leaves_out_counts_for_nothing(op: Any, data: Any) -> None:
    """The gradient is that of the elements which are taken, alone, infinities and NaN included."""
    operands = [np.array(data.draw(st.lists(VALUES, min_size=4, max_size=4))) for _ in op.inputs]
    taken = np.array(data.draw(st.lists(st.booleans(), min_size=4, max_size=4)))
    whole, part = [ad.tensor(x) for x in operands], [ad.tensor(x[taken]) for x in operands]
    y, alone = op(*whole), op(*part)
    if not y.requires_grad:
        return
    np.where(taken, y, 7.0).sum().backward()
    alone.sum().backward()
    for x, z in zip(whole, part, strict=True):
        if z.grad is not None:
            expected = np.zeros(4)
            expected[taken] = z.grad
            # NumPy's loops of four elements and of one may differ in the last bits.
            np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


# ---- second derivatives where the first is a convention
ZERO = np.zeros(2)
CONVENTIONS: dict[str, Callable[[Any], Any]] = {
    "norm": np.linalg.norm,
    "norm squared": lambda x: np.linalg.norm(x) ** 2,
    "norm of order 3": lambda x: np.linalg.norm(x, 3),
    "std": np.std,
    "hypot": lambda x: np.hypot(x[0], x[1]),
    "arctan2": lambda x: np.arctan2(x[0], x[1]),
}


@pytest.mark.parametrize("way", SECOND)
@pytest.mark.parametrize("case", CONVENTIONS)
def test_no_second_derivative_is_invented_where_the_first_is_a_convention(case: str, way: Any) -> None:
    f = CONVENTIONS[case]
    np.testing.assert_array_equal(by_grad(f, ZERO), ZERO)
    assert np.isnan(way(f, ZERO)).all()
    assert np.isnan(ad.hessian(f)(ZERO)).all()


COMPLEX_AT_ZERO = {
    "abs": lambda z: np.abs(z).sum(),
    "angle": lambda z: np.angle(z).sum(),
    "norm": np.linalg.norm,
    "norm 1": lambda z: np.linalg.norm(z, 1),
    "std": lambda z: np.std(np.stack([z, 2.0 * z])),
}


@pytest.mark.parametrize("case", COMPLEX_AT_ZERO)
def test_a_convention_of_complex_numbers_has_no_second_derivative_either(case: str) -> None:
    f = lambda x: COMPLEX_AT_ZERO[case]((x[0] + 1j * x[1]).reshape(1))
    assert np.isnan(ad.hessian(f)(np.zeros(2))).all()
    assert np.isnan(ad.jacobian(ad.jacobian(f, mode="forward"), mode="forward")(np.zeros(2))).all()
    np.testing.assert_array_equal(ad.grad(f)(np.zeros(2)), [0.0, 0.0])
    assert np.isfinite(ad.hessian(f)(np.array([3.0, 4.0]))).all()


def test_one_zero_row_of_a_batch_does_not_touch_the_others() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    alone = ad.hessian(np.linalg.norm)(x[1])
    h = ad.hessian(lambda t: np.linalg.norm(t, axis=1).sum())(x)
    assert np.isnan(h[0, :, 0]).all()
    np.testing.assert_allclose(h[1, :, 1], alone)
    assert not h[0, :, 1].any() and not h[1, :, 0].any()


def test_a_loss_that_is_smooth_at_its_kink_has_its_second_derivative() -> None:
    def huber(r: Any) -> Any:
        return np.where(np.abs(r) <= 1.0, 0.5 * r * r, np.abs(r) - 0.5)

    for way in [*SECOND, by_jvp_of_jvp]:
        np.testing.assert_array_equal(way(huber, np.array([0.0, 0.5, 2.0])), [1.0, 1.0, 0.0])


@pytest.mark.parametrize("way", [*SECOND, by_jvp_of_jvp])
@pytest.mark.parametrize("f", [ad.relu, np.abs, lambda x: np.clip(x, 0.0, 1.0), lambda x: np.maximum(x, 0.0)])
def test_kinks_keep_their_convention_at_every_order(f: Any, way: Any) -> None:
    assert not way(f, np.zeros(2)).any()


# ---- counts, and a norm with infinite slopes
@pytest.mark.parametrize("f", [np.max, np.min, np.mean, np.median, ad.logsumexp, np.average])
def test_counts_that_float16_cannot_hold_are_never_formed_in_it(f: Any) -> None:
    g = ad.grad(f)(np.ones(70000, np.float16))
    assert g.dtype == np.float16
    np.testing.assert_allclose(g.astype(float), 1 / 70000, rtol=0.01)  # a subnormal: 8 bits


def test_variance_norm_and_softmax_of_many_float16_are_finite() -> None:
    x = np.ones(70000, np.float16)
    x[::2] = 2.0
    for f, slope in [(np.var, 1 / 70000), (np.std, 1 / 70000), (np.linalg.norm, 2 / np.sqrt(2.5 * 70000))]:
        g = ad.grad(f)(x)
        assert g.dtype == np.float16
        np.testing.assert_allclose(float(g[0]), slope, rtol=0.01)
    assert float(ad.softmax(ad.tensor(np.ones(70000, np.float16)))[0].data) == pytest.approx(1 / 70000, rel=0.01)
    assert float(ad.log_softmax(ad.tensor(np.ones(70000, np.float16)))[0].data) == pytest.approx(-11.156, rel=1e-3)


def test_a_norm_below_order_one_is_infinitely_steep_at_a_zero() -> None:
    np.testing.assert_allclose(ad.grad(lambda x: np.linalg.norm(x, 0.5))(np.array([0.0, 4.0, 9.0])), [INF, 2.5, 5 / 3])


@pytest.mark.parametrize("p", [-2.0, -0.5, 0.5, 1.5, 3.0, 7.0])
def test_norms_of_any_order_are_numpys_and_keep_their_range(p: float) -> None:
    x = np.array([[3.0, -4.0, 1e-3], [1e200, 2e200, 5e199]])
    np.testing.assert_allclose(
        np.linalg.norm(ad.tensor(x[:1]), p, axis=1).data, np.linalg.norm(x[:1], p, axis=1), rtol=1e-14
    )
    got = np.linalg.norm(ad.tensor(x), p, axis=1).data[1]
    np.testing.assert_allclose(got, np.linalg.norm(x[1] / 1e200, p) * 1e200, rtol=1e-14)


# ---- strict
def test_strict_names_the_convention_and_the_place() -> None:
    with ad.strict():
        x = ad.tensor([1.0, 0.0])
        y = ad.relu(x).sum()
        with pytest.raises(ad.SingularPointError, match=r"relu has no derivative at index \(1,\).*test_zeros\.py:\d+"):
            y.backward()
        with pytest.raises(ad.SingularPointError, match="maximum"):
            ad.grad(lambda x: np.maximum(x, 1.0))(1.0)
        with pytest.raises(ad.SingularPointError, match="maximum"):
            ad.jvp(lambda x: np.maximum(x, 1.0), (1.0,), (1.0,))


def test_strict_refuses_a_computed_zero_times_infinity() -> None:
    with ad.strict():
        for f in COMPUTED.values():
            for x in (0.0, np.array([4.0, 0.0])):
                with pytest.raises(ad.SingularPointError, match="a computed 0") as refused:
                    ad.grad(lambda t, f=f: np.sum(f(t)))(x)
                assert "test_zeros.py" in str(refused.value)
                with pytest.raises(ad.SingularPointError, match="a computed 0"):
                    ad.jvp(f, (x,), (x * 0.0 + 1.0,))


@pytest.mark.parametrize("then", [np.exp, np.sqrt, np.tanh, lambda q: q * 2.0 + np.exp(q)])
@pytest.mark.parametrize("make", [ad.scalar, lambda v: ad.tensor([v, 1.0])])
def test_strict_names_the_division_that_made_a_nan_and_not_what_follows(make: Any, then: Any) -> None:
    with ad.strict():
        a, b = make(0.0), make(0.0)
        with pytest.raises(ad.SingularPointError, match=r"value of divide \(.*test_zeros\.py.* is NaN"):
            np.sum(then(a / b)).backward()


def test_strict_blames_no_division_whose_nan_was_left_out() -> None:
    with ad.strict():
        x = ad.tensor([0.0, 4.0])
        q = np.where(x.data > 0, x / x, 1.0)
        np.sum(q * q).backward()
        with pytest.raises(ad.SingularPointError, match=r"0 times infinity.*derivative of sqrt"):
            ad.grad(lambda t: np.sum(np.sqrt(t) ** 2 * np.where(x.data > 0, 1.0, 1.0)))(x.data)


def test_strict_says_nothing_where_no_convention_is_used() -> None:
    with ad.strict():
        x = np.array([0.0, 4.0])
        np.testing.assert_array_equal(by_grad(lambda t: np.where(t > 0, np.sqrt(ad.relu(t)), 0.0), x), [0.0, 0.25])
        np.testing.assert_array_equal(by_grad(np.max, np.array([1.0, 1.0, 2.0])), [0.0, 0.0, 1.0])
        np.testing.assert_array_equal(by_grad(np.sqrt, np.array([1.0, 4.0])), [0.5, 0.25])


KINKED = [
    row
    for row in ad.ops.OPS.values()
    if row.elementwise and row.kink is not None and any(row.vjps) and row.name not in ("fmax", "fmin", "abs")
]
ALWAYS_ONE = {("remainder", 0), ("fmod", 0)}  # operands whose derivative does not depend on their value
ALWAYS_ONE |= {("prelu", 1), ("heaviside", 1), ("copysign", 1)}


@pytest.mark.parametrize("row", KINKED, ids=lambda row: row.name)
def test_a_kink_is_loud_about_nan(row: Any) -> None:
    """NaN lies on no side: comparisons alone gave the gradient of one."""
    for i, rule in enumerate(row.vjps):
        if rule is None or (row.name, i) in ALWAYS_ONE:
            continue
        values = [np.array([0.25, 0.75, 0.5]) + 0.1 * k for k in range(len(row.inputs))]
        values[i] = np.array([0.25, np.nan, 0.5])
        operands = [ad.tensor(v) if k == i else v for k, v in enumerate(values)]
        row(*operands).backward(np.ones(3))
        assert np.isnan(operands[i].grad).tolist() == [False, True, False], row.inputs[i]


@pytest.mark.parametrize("f", [lambda x: np.quantile(x, 0.3), lambda x: np.nanpercentile(x, 30)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_place_of_a_quantile_among_many_is_not_counted_in_a_short_dtype(f: Any, dtype: Any) -> None:
    x = np.sort(np.random.default_rng(0).normal(size=3001)).astype(dtype)
    assert np.quantile(ad.tensor(x), 0.3).data == np.quantile(x, 0.3)  # the same number, on every version of NumPy
    assert by_grad(f, x)[900] > 0.8  # the place is 900.0; NumPy before 2.4 rounds 0.3, to 900.1
    ones = by_grad(f, np.ones(70_000, dtype))
    np.testing.assert_allclose(ones, 1 / 70_000, rtol=1e-2)  # float16 has three digits there


def test_scalars_are_loud_about_nan_too() -> None:
    for f in (ad.relu, lambda s: ad.maximum(s, 0.0), lambda s: ad.minimum(0.0, s), lambda s: ad.clip(s, 0.0, 1.0)):
        s = ad.scalar(float("nan"))
        f(s).backward()
        assert np.isnan(s.grad)


@pytest.mark.parametrize("way", FIRST)
@pytest.mark.parametrize("row", KINKED, ids=lambda row: row.name)
def test_a_kink_says_nothing_of_a_nan_that_nothing_reads(row: Any, way: Any) -> None:
    """Where nothing reads the answer, its NaN is zero by construction: it reached the gradient through `where`."""
    for i, rule in enumerate(row.vjps):
        if rule is not None:
            values = [np.array([0.25, 0.75]) + 0.1 * k for k in range(len(row.inputs))]

            def alone(x: Any, values: Any = values, i: int = i) -> Any:
                return row(*[x if k == i else v for k, v in enumerate(values)])

            expected = way(alone, values[i])
            found = way(lambda x, f=alone: np.where([True, False], f(x), 7.0), np.array([values[i][0], np.nan]))
            np.testing.assert_array_equal(found, [expected[0], 0.0])


def test_a_pass_with_a_nan_from_above_the_first_choice_goes_on_past_hooks() -> None:
    """The search for a NaN leaves out cotangents that are older than the choice; the pass must not end at the hook."""
    x, w, seen = ad.tensor([1.0, -2.0]), ad.tensor([1.0, 1.0]), []
    v = x * 1.0
    v.register_hook(lambda g: seen.append(np.array(g)))
    chosen = ad.relu(v)
    (chosen + w * np.array([np.nan, 1.0])).sum().backward()
    np.testing.assert_array_equal(x.grad, [1.0, 0.0])
    np.testing.assert_array_equal(w.grad, [np.nan, 1.0])
    np.testing.assert_array_equal(seen, [[1.0, 0.0]])


# ---- numbers: a pass over floats skips zeros, and must see where one of them meets infinity further down
OF_ONE: dict[str, Callable[[Any], Any]] = {
    "-v": lambda v: -v,
    "v ** 2": lambda v: v**2,
    "v ** 0.5": lambda v: v**0.5,
    "1 / v": lambda v: v**-1,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "0 v": lambda v: v * 0.0,
    "inf v": lambda v: v * INF,
    "v + 1": lambda v: v + 1.0,
    "where": lambda v: np.where(v.data > 0, v, 0.0),
}
OF_TWO: dict[str, Callable[[Any, Any], Any]] = {
    "a + b": lambda a, b: a + b,
    "a b": lambda a, b: a * b,
    "a - b": lambda a, b: a - b,
    "a / b": lambda a, b: a / b,
    "a + b a": lambda a, b: a + b * a,
    "a + 2 b": lambda a, b: a + b * 2.0,
}
plans = st.lists(st.tuples(st.sampled_from([*OF_ONE, *OF_TWO]), st.integers(-1, 6), st.integers(0, 6)), max_size=9)
starts = st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.0, INF, -0.0, 0.5, -3.0]), min_size=3, max_size=3)


@given(starts, plans)
@example([0.5, 0.0, 0.0], [("inf v", 0, 0), ("v + 1", -1, 0), ("1 / v", -1, 0)])
@example([0.5, 0.0, 0.0], [("inf v", 0, 0), ("a + 2 b", -1, 3), ("1 / v", -1, 0)])
@example([0.5, INF, 0.0], [("tanh", 0, 0), ("a + b a", 1, 3), ("sqrt", -1, 0)])
def test_a_zero_that_meets_infinity_anywhere_below_is_nan_for_numbers_as_for_arrays(values: Any, plan: Any) -> None:
    def run(leaf: Any) -> Any:
        leaves = [leaf(v) for v in values]
        numbers = leaves[:]
        for step, i, j in plan:
            a, b = numbers[i if i < len(numbers) else -1], numbers[j % len(numbers)]
            numbers.append(OF_ONE[step](a) if step in OF_ONE else OF_TWO[step](a, b))
        numbers[-1].backward()
        return leaves

    try:
        found = run(ad.scalar)
    except ZeroDivisionError:  # Python's own, of two numbers
        return
    for x, other in zip(found, run(ad.tensor), strict=True):
        assert (x.grad is None) == (other.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(x.grad, other.grad, rtol=1e-12)
