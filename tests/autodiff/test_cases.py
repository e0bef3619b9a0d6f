"""Known hard places of automatic differentiation, grouped by topic, with their right values worked out by hand.

Each test is one example of its kind: ties, kinks, singular points, large arguments, repeated indices, broadcasting,
aliasing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad

# sums and products of a few rounded numbers of size one
CLOSE = dict(rtol=1e-13, atol=1e-15)


def gradient(f: Any, *xs: Any) -> Any:
    """Gradients of the sum of f: one array, or a tuple of them."""
    found = ad.grad(lambda *args: np.sum(f(*args)), tuple(range(len(xs))))(*[np.asarray(x, dtype=float) for x in xs])
    return found[0] if len(xs) == 1 else found


def same(found: Any, right: Any) -> None:
    right = np.asarray(right, dtype=float)
    assert np.shape(found) == right.shape
    np.testing.assert_allclose(found, right, **CLOSE)


# ---- ties: whoever shares the place shares the gradient
def test_all_elements_tie_for_the_smallest() -> None:
    same(gradient(np.min, np.ones(4)), np.full(4, 0.25))
    same(gradient(lambda x: np.max(x, axis=1), [[1, 1, 0], [2, 3, 3]]), [[0.5, 0.5, 0], [0, 0.5, 0.5]])


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_two_equal_operands_share_evenly(f: Any) -> None:
    for g in gradient(f, 1.0, 1.0):
        assert g == 0.5
    a, b = ad.scalar(1.0), ad.scalar(1.0)
    f(a, b).backward()
    assert a.grad == b.grad == 0.5


def test_equal_elements_share_the_weights_of_their_places_evenly() -> None:
    same(gradient(lambda x: np.sort(x) * [10, 20, 30], [2, 1, 2]), [25, 10, 25])


def test_sorting_along_the_first_axis_sends_weights_back_columnwise() -> None:
    w = np.array([[1, 10], [2, 20], [3, 30]])
    same(gradient(lambda x: np.sort(x, axis=0) * w, [[5, 1], [3, 2], [4, 0]]), [[3, 20], [1, 30], [2, 10]])
    same(gradient(lambda x: np.sort(x, axis=None) * [1, 2, 3, 4], [[5, 1], [3, 2]]), [[4, 1], [3, 2]])


def test_median_of_an_even_count_is_the_mean_of_two() -> None:
    same(gradient(np.median, [4, 1, 3, 2]), [0, 0, 0.5, 0.5])


def test_equal_medians_share_one() -> None:
    same(gradient(np.median, [1, 2, 2, 2, 9]), [0, 1 / 3, 1 / 3, 1 / 3, 0])
    same(gradient(np.median, [5, 5, 5, 5]), [0.25] * 4)


# ---- kinks: the conventions, for Tensors and Scalars alike
KINKS = {
    "absolute": (np.absolute, 0.0),
    "fabs": (np.fabs, 0.0),
    "relu": (ad.relu, 0.0),
    "leaky relu": (ad.leaky_relu, 0.01),
    "elu": (ad.elu, 1.0),
    "maximum with 0": (lambda x: np.maximum(x, 0.0), 0.5),
    "clip at its lower bound": (lambda x: np.clip(x, 0.0, 1.0), 1.0),
    "clip at its upper bound": (lambda x: np.clip(x, -1.0, 0.0), 1.0),
    "sign": (np.sign, 0.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_the_slope_at_a_kink_is_the_convention(name: str) -> None:
    f, slope = KINKS[name]
    for kind in (float, np.float32, np.array):
        assert ad.grad(f)(kind(0.0)) == slope


def test_bounds_of_clip_get_what_they_cut_off() -> None:
    x, low, high = [-1.0, 0.5, 3.0], np.zeros(3), np.ones(3)
    gx, glow, ghigh = gradient(np.clip, x, low, high)
    same(gx, [0, 1, 0])
    same(glow, [1, 0, 0])
    same(ghigh, [0, 0, 1])


def test_clip_with_one_bound() -> None:
    same(gradient(lambda x: np.clip(x, 0, None), [-1, 2]), [0, 1])
    same(gradient(lambda x: np.clip(x, None, 0), [-1, 2]), [1, 0])
    same(gradient(lambda x: x.clip(0), [-1, 2]), [0, 1])
    same(gradient(lambda x: ad.clip(x, min=0), [-1, 2]), [0, 1])
    if np.__version__ >= "2.1":  # NumPy's own clip has no min= before
        same(gradient(lambda x: np.clip(x, min=0), [-1, 2]), [0, 1])


# ---- singular points
def test_norm_at_the_origin_has_slope_zero() -> None:
    same(gradient(np.linalg.norm, np.zeros(3)), np.zeros(3))
    same(gradient(np.std, np.ones(3)), np.zeros(3))
    same(gradient(np.linalg.norm, np.zeros((2, 2))), np.zeros((2, 2)))


def test_a_row_of_zeros_leaves_the_other_rows_alone() -> None:
    same(gradient(lambda x: np.linalg.norm(x, axis=1), [[0, 0], [3, 4]]), [[0, 0], [0.6, 0.8]])


def test_norms_of_every_order() -> None:
    x = [3, -4, 1]
    same(gradient(lambda x: np.linalg.norm(x, 1), x), [1, -1, 1])
    same(gradient(lambda x: np.linalg.norm(x, np.inf), x), [0, -1, 0])
    same(gradient(lambda x: np.linalg.norm(x, -np.inf), x), [0, 0, 1])
    n3 = (27 + 64 + 1) ** (1 / 3)
    same(gradient(lambda x: np.linalg.norm(x, 3), x), np.array([9, -16, 1]) / n3**2)
    same(gradient(lambda x: np.linalg.norm(x, "fro"), np.diag([3.0, 4.0])), np.diag([0.6, 0.8]))


def test_square_root_at_zero_is_infinitely_steep_without_an_exception() -> None:
    assert ad.grad(np.sqrt)(0.0) == np.inf
    assert gradient(np.sqrt, [0.0])[0] == np.inf
    assert np.isnan(ad.grad(lambda x: np.sqrt(x) * 0.0)(0.0))  # a computed 0 times infinity
    same(gradient(lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0.0, 4.0]), [0, 0.25])


@pytest.mark.parametrize(("n", "slope"), [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)])
def test_whole_powers_at_zero(n: int, slope: float) -> None:
    for f in (lambda x: x**n, lambda x: np.power(x, float(n)), lambda x: x ** np.array(float(n))):
        assert gradient(f, 0.0) == slope
    assert ad.grad(lambda x: x**n)(0.0) == slope
    assert ad.grad(ad.grad(lambda x: x**n))(0.0) == (2.0 if n == 2 else 0.0)


def test_exponent_over_a_base_of_zero() -> None:
    assert gradient(lambda y: 0.0**y, 2.0) == 0.0
    assert ad.grad(lambda y: 0.0**y)(2.0) == 0.0
    same(gradient(lambda a, b: a**b, [0.0, 2.0], [2.0, 3.0])[1], [0, 8 * np.log(2)])


def test_a_value_in_base_and_exponent() -> None:
    right = 4 * (1 + np.log(2))
    np.testing.assert_allclose([ad.grad(lambda x: x**x)(2.0), gradient(lambda x: x**x, 2.0)], right, rtol=1e-15)


def test_product_with_zeros_among_the_factors() -> None:
    same(gradient(np.prod, [2, 3, 0]), [0, 0, 6])
    same(gradient(np.prod, [0, 3, 0]), [0, 0, 0])
    same(gradient(lambda x: np.prod(x, axis=1), [[0, 2], [4, 5]]), [[2, 0], [5, 4]])
    np.testing.assert_allclose(
        ad.hessian(np.prod)(np.array([0.0, 3.0, 0.0])), [[0, 0, 3], [0, 0, 0], [3, 0, 0]], **CLOSE
    )
    same(gradient(np.cumprod, [2, 0, 3]), [1, 8, 0])


def test_angle_and_distance_at_the_origin() -> None:
    for g in (*gradient(np.arctan2, 0.0, 0.0), *gradient(np.hypot, 0.0, 0.0)):
        assert g == 0.0
    same(np.array(gradient(np.hypot, 3.0, 4.0)), [0.6, 0.8])
    y, x = ad.scalar(0.0), ad.scalar(0.0)
    np.arctan2(y, x).backward()
    assert (y.grad, x.grad) == (0.0, 0.0)


@pytest.mark.parametrize("x", [1e-6, 1e-3, 0.1, -1e-9])
def test_sinc_near_zero_does_not_cancel(x: float) -> None:
    # -pi^2 x/3 + pi^4 x^3/30 - pi^6 x^5/840 + pi^8 x^7/45360; the next term is below 1e-12 of the first at 0.1
    right = -(np.pi**2) * x / 3 + np.pi**4 * x**3 / 30 - np.pi**6 * x**5 / 840 + np.pi**8 * x**7 / 45360
    np.testing.assert_allclose(ad.grad(np.sinc)(x), right, rtol=1e-10)
    assert ad.grad(np.sinc)(0.0) == 0.0
    np.testing.assert_allclose(ad.grad(ad.grad(np.sinc))(0.0), -(np.pi**2) / 3, rtol=1e-13)


def test_division_by_zero_follows_numpy_on_both_kinds() -> None:
    a, b = ad.scalar(1.0), ad.scalar(0.0)
    with np.errstate(all="ignore"):
        y = a / b
        assert y.data == np.inf and ad.grad(lambda x: 1.0 / x)(0.0) == -np.inf
        assert np.isnan((b / b).data) and np.isnan((ad.scalar(-8.0) ** (1 / 3)).data)
        assert ad.scalar(1e200).square().data == np.inf and ad.scalar(1000.0).exp().data == np.inf
        assert np.isnan(ad.scalar(-1.0).sqrt().data) and ad.scalar(0.0).log().data == -np.inf
        assert (ad.scalar(1e200) ** 2).data == np.inf and (ad.scalar(0.0) ** -1.0).data == np.inf


# ---- reductions
def test_standard_deviation_columnwise_with_ddof() -> None:
    x = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 4.0]])
    right = (x - x.mean(axis=0)) / (2 * x.std(axis=0, ddof=1))
    for keepdims in (False, True):
        same(gradient(lambda x: np.std(x, axis=0, ddof=1, keepdims=keepdims), x), right)  # noqa: B023


def test_mean_over_several_axes_one_of_them_negative() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    right = np.broadcast_to(2 * x.mean(axis=(0, -1), keepdims=True) / 4, x.shape)
    same(gradient(lambda x: np.mean(x, axis=(0, -1)) ** 2, x), right)


def test_reduce_of_a_ufunc_goes_along_the_first_axis() -> None:
    x = np.arange(6.0).reshape(2, 3)
    same(gradient(lambda x: np.add.reduce(x) ** 2, x), 2 * np.broadcast_to(x.sum(axis=0), (2, 3)))
    same(gradient(lambda x: np.maximum.reduce(x, axis=1), x), [[0, 0, 1], [0, 0, 1]])


# ---- where
def test_the_branch_not_taken_cannot_poison_the_gradient() -> None:
    with np.errstate(all="ignore"):
        same(gradient(lambda x: np.where(x > 0, np.log(x), 0), [-1, 2]), [0, 0.5])
        same(gradient(lambda x: np.where(x > 0, 1 / x, x), [0, 2]), [1, -0.25])
        same(gradient(lambda x: np.where(x > 0, x**0.5, 0.0), [-1, 0, 4]), [0, 0, 0.25])


def test_the_double_where_works_too() -> None:
    same(gradient(lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), 0), [0, 4]), [0, 0.25])


def test_where_broadcasts_all_three() -> None:
    a, b = gradient(lambda a, b: np.where([[True], [False]], a, b), np.ones(3), 2.0)
    same(a, [1, 1, 1])
    assert b == 3.0


# ---- stability
def test_logsumexp_of_large_and_infinite_values() -> None:
    s = 1 / (1 + np.exp(-1.0))
    x = np.array([1e4, 1e4 - 1])
    np.testing.assert_allclose(ad.logsumexp(x), 10000.3132616875, rtol=1e-14)
    np.testing.assert_allclose(gradient(ad.logsumexp, x), [s, 1 - s], rtol=2e-12)  # the value is rounded to 2e-12
    same(gradient(ad.logsumexp, [-np.inf, 0, 1]), [0, 1 - s, s])
    assert ad.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf


def test_softmax_of_large_values() -> None:
    np.testing.assert_array_equal(ad.softmax(np.array([1e4, 0.0])), [1, 0])
    same(gradient(lambda x: ad.softmax(x)[0], [1e4, 0]), [0, 0])
    same(gradient(lambda x: ad.log_softmax(x)[1], [1e4, 0]), [-1, 1])


def test_cross_entropy_counts_only_labels_that_are_not_ignored() -> None:
    z = ad.tensor(np.zeros((2, 2)))
    ad.cross_entropy(z, np.array([0, -100])).backward()
    same(z.grad, [[-0.5, 0.5], [0, 0]])


def test_binary_cross_entropy_of_large_logits() -> None:
    z = np.array([1000.0, -1000.0])
    assert np.sum(ad.bce_with_logits(z, np.array([0.0, 1.0]))) == 2000
    same(gradient(lambda z: ad.bce_with_logits(z, np.array([0.0, 1.0])), z), [1, -1])


SATURATED: dict[str, tuple[Any, list[float], list[float]]] = {  # values and slopes at -1000 and 1000
    "sigmoid": (ad.sigmoid, [0, 1], [0, 0]),
    "softplus": (ad.softplus, [0, 1000], [0, 1]),
    "elu": (ad.elu, [-1, 1000], [0, 1]),
    "tanh": (np.tanh, [-1, 1], [0, 0]),
    "silu": (ad.silu, [0, 1000], [0, 1]),
    "gelu": (ad.gelu, [0, 1000], [0, 1]),
    "gelu tanh": (lambda x: ad.gelu(x, approximate="tanh"), [0, 1000], [0, 1]),
    "erf": (ad.erf, [-1, 1], [0, 0]),
    "erfc": (ad.erfc, [2, 0], [0, 0]),
    "logsigmoid": (ad.logsigmoid, [-1000, 0], [1, 0]),
    "relu": (ad.relu, [0, 1000], [0, 1]),
    "arctan2": (lambda x: np.arctan2(x, 1.0) * 0, [0, 0], [0, 0]),
}


@pytest.mark.parametrize("name", SATURATED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_functions_stay_exact_to_second_order(name: str, dtype: Any) -> None:
    f, values, slopes = SATURATED[name]
    x = np.array([-1000, 1000], dtype)
    with np.errstate(over="raise", invalid="raise"):
        np.testing.assert_array_equal(f(x), values)
        np.testing.assert_allclose(ad.grad(lambda x: np.sum(f(x)))(x), slopes, atol=1e-300)
        np.testing.assert_allclose(ad.hvp(lambda x: np.sum(f(x)), (x,), (np.ones(2, dtype),)), [0, 0], atol=1e-300)


# ---- indexing
X22 = np.array([[1.0, 2.0], [3.0, 4.0]])


def test_repeated_indices_add_up() -> None:
    same(gradient(lambda x: np.take(x, [1, 1, 0], axis=1), X22), [[1, 2], [1, 2]])
    same(gradient(lambda x: x[[0, 1, 0], [1, 1, 1]], X22), [[0, 2], [0, 1]])
    same(gradient(lambda x: np.take(x, [3, 3, -1]), X22), [[0, 0], [0, 3]])


def test_masks_select_and_may_select_nothing() -> None:
    mask = X22 > 2
    same(gradient(lambda x: x[mask] ** 2, X22), np.where(mask, 2 * X22, 0))
    same(gradient(lambda x: x[X22 > 9] ** 2, X22), np.zeros((2, 2)))


def test_an_integer_beside_an_index_array_puts_its_axis_first_as_in_numpy() -> None:
    g = gradient(lambda x: x[:, [2, 2], None, 0] * np.array([[[1], [2]], [[3], [4]]]), np.zeros((2, 3, 2)))
    right = np.zeros((2, 3, 2))
    picked = np.zeros((2, 3, 2))
    # the same sum, added up element by element
    for i in range(2):
        for j, column in enumerate([2, 2]):
            right[i, column, 0] += [[1, 2], [3, 4]][i][j]
    x = ad.tensor(picked)
    y = x[:, [2, 2], None, 0]
    assert y.shape == picked[:, [2, 2], None, 0].shape
    if y.shape == (2, 2, 1):
        weights = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])
        (y * weights).sum().backward()
        # axis 0 of the result is the advanced one: weights[j, i] belongs to x[i, 2, 0]
        np.testing.assert_array_equal(x.grad[:, 2, 0], [4.0, 6.0])
        np.testing.assert_array_equal(x.grad[:, :2], 0)
    assert g.sum() == 10.0 and right.sum() == 10.0


def test_negative_steps() -> None:
    same(gradient(lambda x: x[::-2] * [1, 10], np.zeros(4)), [0, 10, 0, 1])


@pytest.mark.parametrize("index", [5, (0, 0, 0), [0, 7], "a", 1.5])
def test_wrong_indices_fail_as_in_numpy(index: Any) -> None:
    with pytest.raises(IndexError):
        ad.tensor(X22)[index]


# ---- shapes
@pytest.mark.parametrize(
    ("f", "negative", "positive"),
    [
        (np.sum, -1, 1),
        (np.max, -2, 0),
        (np.cumsum, -1, 1),
        (np.sort, -2, 0),
        (np.expand_dims, -1, 2),
        (np.mean, -2, 0),
        (np.flip, -1, 1),
        (lambda x, axis: np.concatenate([x, x * x], axis=axis), -1, 1),
        (lambda x, axis: np.stack([x, x * x], axis=axis), -1, 2),
        (lambda x, axis: np.repeat(x, 2, axis=axis), -1, 1),
        (lambda x, axis: np.roll(x, 1, axis=axis), -1, 1),
        (ad.softmax, -2, 0),
        (np.diff, None, None),
    ],
    ids=lambda v: getattr(v, "__name__", str(v)),
)
def test_negative_axes_mean_the_same_as_positive_ones(f: Any, negative: Any, positive: Any) -> None:
    if negative is None:
        same(gradient(lambda x: np.diff(x, axis=-2) ** 2, X22), gradient(lambda x: np.diff(x, axis=0) ** 2, X22))
        return
    same(gradient(lambda x: f(x, axis=negative) ** 2, X22), gradient(lambda x: f(x, axis=positive) ** 2, X22))


def test_a_0d_array_has_a_0d_gradient() -> None:
    g = ad.grad(lambda x: x * x)(np.array(3.0))
    assert np.shape(g) == () and g == 6.0


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_axes_of_length_one_are_kept(shape: Any) -> None:
    same(gradient(lambda x: x * 2, np.ones(shape)), np.full(shape, 2.0))
    same(gradient(lambda x: x * np.ones((3, 1, 1)), np.ones(shape)), np.full(shape, 3.0))


def test_broadcasting_against_nothing_gives_zero() -> None:
    gx, gy = gradient(lambda x, y: x * y, np.ones((0, 3)), np.ones((1, 3)))
    assert gx.shape == (0, 3)
    same(gy, np.zeros((1, 3)))


def test_broadcasting_in_both_directions() -> None:
    x, y = np.arange(3.0).reshape(3, 1), np.arange(4.0).reshape(1, 4)
    gx, gy = gradient(lambda x, y: x * y, x, y)
    same(gx, np.full((3, 1), 6.0))
    same(gy, np.full((1, 4), 3.0))
    gx, gy = gradient(lambda x, y: x * y, y[0], x)
    same(gx, np.full(4, 3.0))
    same(gy, np.full((3, 1), 6.0))


def test_running_sum_without_an_axis_flattens() -> None:
    same(gradient(np.cumsum, X22), [[4, 3], [2, 1]])


def test_repeat_and_tile_add_up_their_copies() -> None:
    w = np.arange(8.0).reshape(4, 2)
    same(gradient(lambda x: np.repeat(x, 2, axis=0) * w, X22), [[0 + 2, 1 + 3], [4 + 6, 5 + 7]])
    same(gradient(lambda x: np.tile(x, (2, 1)) * w, X22), [[0 + 4, 1 + 5], [2 + 6, 3 + 7]])
    same(gradient(lambda x: np.repeat(x, [1, 0, 2]) * [1, 2, 3], [1, 1, 1]), [1, 0, 5])


def test_roll_and_flip_without_an_axis() -> None:
    w = np.array([[1.0, 10.0], [100.0, 1000.0]])
    same(gradient(lambda x: np.roll(x, 1) * w, X22), np.roll(w, -1))
    same(gradient(lambda x: np.flip(x) * w, X22), np.flip(w))


def test_a_permutation_of_axes_goes_back_by_its_inverse() -> None:
    w = np.arange(24.0).reshape(4, 2, 3)
    same(gradient(lambda x: np.transpose(x, (2, 0, 1)) * w, np.zeros((2, 3, 4))), np.transpose(w, (1, 2, 0)))
    same(gradient(lambda x: np.moveaxis(x, 2, 0) * w, np.zeros((2, 3, 4))), np.moveaxis(w, 0, 2))


def test_unused_pieces_of_a_split_count_as_zero() -> None:
    same(gradient(lambda x: np.split(x, [1, 3])[1] ** 2, [1, 2, 3, 4]), [0, 4, 6, 0])


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_padding_adds_up_what_it_repeats(mode: Any) -> None:
    w = np.arange(24.0).reshape(4, 6)
    x = np.arange(6.0).reshape(2, 3)
    g = gradient(lambda x: np.pad(x, ((1, 1), (2, 1)), mode=mode) * w, x)
    # by linearity, the weight of each element is where its own unit matrix lands
    right = [np.sum(np.pad(unit.reshape(2, 3), ((1, 1), (2, 1)), mode=mode) * w) for unit in np.eye(6)]
    same(g, np.reshape(right, (2, 3)))


# ---- aliasing
def test_the_callers_array_may_change_after_recording() -> None:
    a = np.array([1.0, 2.0])
    x = ad.tensor(a)
    y = np.sum(x * x)
    _, pullback = ad.vjp(lambda t: np.sum(t * t), a)
    a[:] = 100
    y.backward()
    same(x.grad, [2, 4])
    same(pullback(1.0)[0], [2, 4])


def test_gradient_agrees_with_a_value_written_through_a_view() -> None:
    x = ad.tensor([1.0, 2.0])
    y = x * 1.0
    view = y[1:]
    with pytest.raises(ad.WriteError):
        view[0] = 10.0
    np.sum(y * y).backward()
    same(x.grad, 2 * y.data)


# ---- graphs
def test_a_diamond_adds_both_sides() -> None:
    for make in (ad.tensor, ad.scalar):
        x = make(2.0)
        a = x * 2
        (a * (a * 3)).backward()
        assert x.grad == 48.0


def test_a_constant_function_has_slope_zero() -> None:
    assert ad.grad(lambda x: 3.0)(1.0) == 0.0


def test_a_hundred_thousand_additions() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(100_000):
            y = y + 1e-5 * x
        return y

    assert abs(ad.grad(f)(1.0) - 2.0) < 1e-9

    def compound(x: Any) -> Any:
        y = x
        for _ in range(100_000):
            y = y + 1e-5 * y
        return y

    assert abs(ad.grad(compound)(1.0) - 2.71826824) < 5e-9


# ---- higher orders
ACTIVATIONS: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": ad.sigmoid,
    "softplus": ad.softplus,
    "logsigmoid": ad.logsigmoid,
    "silu": ad.silu,
    "gelu": ad.gelu,
    "gelu tanh": lambda x: ad.gelu(x, approximate="tanh"),
    "elu": ad.elu,
    "relu": ad.relu,
    "leaky relu": ad.leaky_relu,
    "erf": ad.erf,
    "erfc": ad.erfc,
    "softmax": ad.softmax,
    "log softmax": ad.log_softmax,
    "logsumexp": ad.logsumexp,
    "exp": np.exp,
    "arctan": np.arctan,
    "swish by hand": lambda x: x * ad.sigmoid(x),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives_of_activations_match_differences_of_the_first(name: str) -> None:
    f, x, h = ACTIVATIONS[name], np.array([-1.7, -0.3, 0.4, 2.2]), 1e-6
    slope = ad.grad(lambda x: np.sum(f(x) ** 2))
    v = np.array([1.0, -0.5, 2.0, 0.25])
    # central differences: error h^2 f'''' / 6 + 2e-16 / h
    np.testing.assert_allclose(
        ad.hvp(lambda x: np.sum(f(x) ** 2), (x,), (v,)), (slope(x + h * v) - slope(x - h * v)) / (2 * h), atol=1e-7
    )


def test_picking_and_choosing_have_second_derivatives() -> None:
    same(ad.hessian(lambda x: np.sum(x[[0, 0, 1]] ** 3))(np.array([1.0, 2.0])), [[12, 0], [0, 12]])
    same(ad.hessian(lambda x: np.max(x) ** 2)(np.array([1.0, 3.0, 2.0])), np.diag([0.0, 2.0, 0.0]))
    same(ad.hessian(lambda x: np.sort(x)[0] * np.sort(x)[1])(np.array([2.0, 1.0])), [[0, 1], [1, 0]])


def test_the_second_derivative_of_relu_is_zero_not_a_surrogate() -> None:
    assert ad.grad(ad.grad(ad.relu))(1.0) == 0.0
    assert ad.grad(ad.grad(lambda x: ad.relu(x) ** 2))(2.0) == 2.0


# ---- einsum and matmul
def test_einsum_with_an_index_repeated_inside_one_operand() -> None:
    x, w = np.arange(6.0).reshape(2, 3), np.ones((2, 2))
    _, gw = gradient(lambda x, w: np.einsum("nd,nn->d", x, w), x, w)
    same(gw, np.diag(x.sum(axis=1)))


def test_einsum_with_an_ellipsis_of_several_axes() -> None:
    a, b = np.arange(12.0).reshape(2, 2, 3), np.array([1.0, 2.0, 3.0])
    ga, gb = gradient(lambda a, b: np.einsum("...ij,j->...i", a, b), a, b)
    same(ga, np.broadcast_to(b, a.shape))
    same(gb, a.sum(axis=(0, 1)))


def test_einsum_that_sums_axes_without_a_partner() -> None:
    x = np.arange(16.0).reshape(2, 2, 2, 2)
    y = x.sum(axis=(0, 2))
    same(gradient(lambda x: np.einsum("abcd->bd", x) ** 2, x), np.broadcast_to(2 * y[None, :, None, :], x.shape))
    same(gradient(lambda x: np.einsum("abcd->", x) * 2, x), np.full(x.shape, 2.0))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 2)]),
        ("ii", [(3, 3)]),
        ("i,i->i", [(3,), (3,)]),
        ("ij->ji", [(2, 3)]),
        ("i,j,k->kji", [(2,), (3,), (2,)]),
        ("...i,...i", [(2, 3), (2, 3)]),
        ("iij,jkk->ik", [(2, 2, 3), (3, 2, 2)]),
        (",i->i", [(), (3,)]),
        ("ab,ab,ab->", [(2, 2)] * 3),
        ("b i j , b j k -> b i k", [(2, 2, 3), (2, 3, 2)]),
    ],
)
def test_einsum_values_and_gradients_by_linearity(subscripts: str, shapes: Any) -> None:
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=s) for s in shapes]
    w = rng.normal(size=np.einsum(subscripts, *xs).shape)
    found = gradient(lambda *xs: np.einsum(subscripts, *xs) * w, *xs)
    for i, g in enumerate(found if len(xs) > 1 else (found,)):
        # linear in each operand: its gradient against any direction is the value with that direction put in
        for seed in range(3):
            v = np.random.default_rng(seed).normal(size=shapes[i])
            np.testing.assert_allclose(
                np.sum(g * v), np.sum(np.einsum(subscripts, *xs[:i], v, *xs[i + 1 :]) * w), rtol=1e-12, atol=1e-12
            )


def test_products_of_vectors_and_matrices_keep_their_shapes() -> None:
    v, m = np.array([1.0, 2.0]), np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])
    gv, gm = gradient(lambda v, m: v @ m, v, m)
    same(gv, m.sum(axis=1))
    same(gm, np.outer(v, np.ones(3)))
    gm, gv = gradient(lambda m, v: m.T @ v, m, v)
    same(gm, np.outer(v, np.ones(3)))
    same(gv, m.sum(axis=1))
    a, b = gradient(lambda a, b: a @ b, v, v + 1)
    same(a, v + 1)
    same(b, v)


@pytest.mark.parametrize(
    "shapes",
    [((5, 1, 2, 3), (4, 3, 2)), ((2, 3), (4, 3, 2)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((2, 2, 3), (3, 2))],
)
def test_stacked_products_sum_over_broadcast_stacks(shapes: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=shapes[0]), rng.normal(size=shapes[1])
    w = rng.normal(size=(a @ b).shape)
    ga, gb = gradient(lambda a, b: (a @ b) * w, a, b)
    assert ga.shape == a.shape and gb.shape == b.shape
    da, db = rng.normal(size=a.shape), rng.normal(size=b.shape)
    np.testing.assert_allclose(np.sum(ga * da), np.sum((da @ b) * w), rtol=1e-12)
    np.testing.assert_allclose(np.sum(gb * db), np.sum((a @ db) * w), rtol=1e-12)


# ---- Python
def test_rows_come_out_of_a_for_loop_recorded() -> None:
    def f(x: Any) -> Any:
        total = 0.0
        for row in x:
            total = total + np.sum(row**2)
        return total

    same(ad.grad(f)(X22), 2 * X22)


def test_python_sum_and_builtins_record() -> None:
    same(gradient(lambda x: sum(x) ** 2 + abs(x[0]) + (-x)[1] + pow(x[1], 3), [1.0, 2.0]), [6 + 1, 6 - 1 + 12])
    same(gradient(lambda x: max(x, key=lambda v: v.item()) * 3, [1.0, 2.0]), [0, 3])
    same(gradient(lambda x: divmod_part(x), [7.5]), [1.0])


def divmod_part(x: Any) -> Any:
    return x % 2.0 + x // 2.0
