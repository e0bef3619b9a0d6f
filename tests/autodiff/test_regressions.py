"""One test a bug: what once went wrong stays right."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import autodiff as ad


def test_products_with_an_empty_axis_have_zero_gradients() -> None:
    x, w, b = ad.tensor(np.ones((2, 4, 0))), ad.tensor(np.ones((0, 3))), ad.tensor(np.ones(3))
    (x @ w + b).sum().backward()
    assert x.grad.shape == (2, 4, 0) and w.grad.shape == (0, 3) and b.grad.tolist() == [8.0] * 3
    weight = ad.tensor(np.ones((3, 0)))
    ad.linear(x.detach(), weight, b).sum().backward()
    assert weight.grad.shape == (3, 0)


def test_variance_of_one_element_with_ddof_one_is_nan_and_so_is_its_gradient() -> None:
    x = ad.tensor([2.0])
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        y = np.var(x, ddof=1)
    y.backward()
    assert np.isnan(y.data) and np.isnan(x.grad).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", [np.var, np.std, np.median, np.mean])
def test_statistics_of_nothing_have_empty_gradients(f: Any) -> None:
    x = ad.tensor(np.ones((0, 4)))
    f(x).backward()
    assert x.grad.shape == (0, 4)


def test_ties_are_counted_in_any_byte_order() -> None:
    x = ad.tensor(np.array([1.0, 3.0, 3.0], ">f4"))
    (np.max(x) + np.median(x) + np.min(x)).backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("f", [np.exp, np.exp2, np.expm1, np.sinh, np.cosh])
def test_the_untaken_branch_of_where_may_overflow(f: Any) -> None:
    x = ad.tensor([1.0, 2000.0])
    with np.errstate(over="ignore"):
        np.where(x < 100, f(x), x).sum().backward()
    np.testing.assert_allclose(x.grad[1], 1.0)
    assert np.isfinite(x.grad).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gelu_tanh_has_finite_slopes_where_the_cube_overflows(dtype: Any) -> None:
    big = float(np.finfo(dtype).max) / 2
    x = ad.tensor(np.array([-big, big], dtype))
    with np.errstate(over="ignore"):
        ad.gelu(x, approximate="tanh").sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_a_row_with_kinks_measures_them_over_several_axes() -> None:
    x = np.arange(12.0).reshape(2, 3, 2)
    assert np.min(ad.ops.OPS["max"].kink(x, axis=(0, -1))) == 1.0


def test_transforms_leave_no_cycle_that_keeps_arrays() -> None:
    x = np.ones(4)
    held = weakref.ref(x)
    gc.disable()
    try:
        ad.grad(lambda t: (t * t).sum())(x)
        ad.vjp(np.tanh, [x, x][0])
        del x
        assert held() is None
    finally:
        gc.enable()


def test_a_view_of_a_view_knows_what_it_shows_when_the_one_between_is_gone() -> None:
    y = ad.tensor([1.0, 2.0, 3.0]) * 1.0
    view = y.reshape(3, 1).T
    with pytest.raises(ad.WriteError, match="view"):
        view[0, 0] = 5.0
    y[0] = 10.0
    with pytest.raises(ad.StaleValueError):
        view.sum()
    assert repr(view) == "<tensor: overwritten at a write to the Tensor it was taken from>"


def test_strict_fingerprints_the_operands_of_a_row_with_any_number() -> None:
    x, c = ad.tensor([1.0, 2.0]), np.array([[3.0], [4.0]])
    with ad.strict():
        y = np.einsum("i,ij->", x, c)
        c[0] = 100.0
        with pytest.raises(ad.StaleValueError, match="changed since"):
            y.backward()


def test_naming_an_argument_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        ad.grad(lambda x, y: x * y, (0, -2))(1.0, 2.0)


@pytest.mark.parametrize("f", [np.histogram, np.spacing, lambda x: np.union1d(x, x)])
def test_floating_answers_without_a_rule_do_not_leave_as_plain_arrays(f: Any) -> None:
    with pytest.raises(ad.MissingRuleError, match="no derivative rule"):
        f(ad.tensor([1.0, 2.0]))


def test_a_recorded_fill_value_stays_recorded() -> None:
    v = ad.tensor(2.0)
    np.full_like(ad.tensor(np.zeros((2, 3))), v).sum().backward()
    assert v.grad == 6.0
    with pytest.raises(ad.MissingRuleError):  # NumPy does not ask the fill value who it is, but we are asked to copy it
        np.full_like(np.zeros((2, 3)), v)


def test_scalars_inside_a_differentiable_pass_hold_plain_gradients_and_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        a = ad.scalar(2.0)
        b = a * a
        (b * b).backward(create_graph=True)
        assert b.grad == 8.0 and type(b.grad) is float and isinstance(a.grad, ad.Scalar)
        a.grad = None
        del a, b
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("f", [np.max, np.min, np.median, np.linalg.norm])
def test_a_scalar_through_a_reduction_that_picks_has_its_gradient(f: Any) -> None:
    a = ad.scalar(2.0)
    f(a).backward()
    assert a.grad == 1.0


def test_remainder_and_floor_division_of_scalars_are_scalars() -> None:
    a = ad.scalar(7.5)
    y = a % 2.0 + a // 2.0 + 9.0 % a + 9.0 // a
    assert type(y) is ad.Scalar and type(a % 2.0) is type(a // 2.0) is ad.Scalar
    y.backward()
    assert a.grad == 1.0 - 1.0  # a - 2 floor(a / 2), and 9 - a floor(9 / a)


def test_floor_division_of_tensors_lets_no_derivative_through() -> None:
    x = ad.tensor([7.5])
    assert ad.grad(lambda x: (x // 2.0 + 9.0 // x).sum())(x.data).tolist() == [0.0]
    (x % 2.0 + x // 2.0).sum().backward()
    assert x.grad.tolist() == [1.0]


def test_stacking_scalars_with_float32_stays_float32() -> None:
    a, x = ad.scalar(2.0), ad.tensor(np.float32(3.0))
    assert ad.stack([a, x, 1.0]).dtype == np.float32 and ad.stack([a, 1.0]).dtype == np.float64


SHARED_WITH_A_LEAF: dict[str, Any] = {
    "detached": lambda w: w.detach(),
    "view of a detached value": lambda w: w.detach()[1:],
    "detached view": lambda w: w[1:].detach(),
    "row": lambda w: next(iter(w)),
    "view": lambda w: w[:1],
    "view of a view": lambda w: w.T[1:].T,
}


@pytest.mark.parametrize("name", SHARED_WITH_A_LEAF)
def test_a_write_into_memory_shared_with_a_leaf_is_noticed(name: str) -> None:
    w = ad.tensor(np.ones((2, 2)))
    y = (w * w).sum()
    with ad.no_grad():
        shared = SHARED_WITH_A_LEAF[name](w)
        shared *= 3.0
    assert w.data.max() == 3.0
    with pytest.raises(ad.StaleValueError):
        y.backward()


@pytest.mark.parametrize("take", [lambda y: y, lambda y: y.detach(), lambda y: y[1:], lambda y: y.detach()[1:]])
def test_the_array_of_a_recorded_value_is_never_written_in_place(take: Any) -> None:
    x = ad.tensor([1.0, 2.0])
    y = np.exp(x)
    with ad.no_grad():
        shared = take(y)
        with pytest.raises(ad.WriteError, match="recorded value"):
            shared[0] = 100.0
        with pytest.raises(ad.WriteError, match="recorded value"):
            shared += 100.0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.exp([1.0, 2.0]))


def test_hooks_of_a_scalar_leaf_survive_a_new_value() -> None:
    a = ad.scalar(2.0)
    a.register_hook(lambda g: g * 10)
    a.data = 5.0
    (a * 3).backward()
    assert a.grad == 30.0


def test_a_value_written_with_axes_of_length_one_too_many_has_a_gradient_of_its_own_shape() -> None:
    x, v = ad.tensor(np.ones((2, 2))), ad.tensor([[3.0]])
    y = x * 2
    y[0] = v  # NumPy lets (1, 1) into (2,)
    y.sum().backward()
    assert v.grad.tolist() == [[2.0]] and x.grad.tolist() == [[0.0, 0.0], [2.0, 2.0]]


def test_a_write_into_a_detached_value_cannot_change_the_graph() -> None:
    x = ad.tensor([1.0, 2.0])
    y = np.exp(x)
    for shown in (y.detach(), y.reshape(2, 1).detach()):
        with pytest.raises(ad.WriteError, match=r"np\.copy"):
            shown[0] = 100.0
        with pytest.raises(ad.WriteError, match=r"np\.copy"):
            shown += 1.0
        with pytest.raises(ad.WriteError, match=r"np\.copy"):
            shown.data = np.zeros(shown.shape)
    mine = np.copy(y.detach())
    mine[0] = 100.0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.exp([1.0, 2.0]))


def test_a_write_without_recording_cannot_change_the_graph() -> None:
    x = ad.tensor([1.0, 2.0])
    y = np.exp(x)
    with ad.no_grad():
        view = y[0:1]
        for shown in (y, view):
            with pytest.raises(ad.WriteError, match="recorded value under the graph"):
                shown[0] = 100.0
    with pytest.raises(ad.WriteError, match="recorded value under the graph"):
        view[0] = 100.0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.exp([1.0, 2.0]))


def test_a_write_through_a_view_of_a_leaf_is_a_write_into_the_leaf() -> None:
    p = ad.tensor([1.0, 2.0])
    y = (p * p).sum()
    with ad.no_grad():
        head = p[0:1]
        head[0] = 5.0
    assert p.data.tolist() == [5.0, 2.0]
    with pytest.raises(ad.StaleValueError, match="overwritten"):
        y.backward()
    for shown in (head, p.detach()):
        with pytest.raises(ad.WriteError, match="leaf"):
            shown[0] = 6.0


def test_a_recorded_write_into_a_view_of_a_constant_is_refused() -> None:
    c, v = ad.tensor([1.0, 2.0], requires_grad=False), ad.tensor(3.0)
    view = c[0:1]
    with pytest.raises(ad.WriteError, match="would not follow"):
        view[0] = v
    view[0] = 4.0
    assert c.data.tolist() == [4.0, 2.0]
    c[0] = v
    assert c.data.tolist() == [3.0, 2.0] and c.requires_grad


def test_a_sum_into_a_view_alone_makes_its_base_and_every_other_view_refuse() -> None:
    base = ad.tensor([1.0, 2.0]) * 1.0
    view, other = base[:1], base[:1]
    view += 1.0  # NumPy would show 2.0 in all three
    for shown, error in ((view, ad.WriteError), (base, ad.WriteError), (other, ad.StaleValueError)):
        with pytest.raises(error):
            np.tanh(shown)
    again = ad.tensor([1.0, 2.0]) * 1.0
    again[:1] += 1.0  # Python assigns the sum: the base follows
    assert again.data.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("reps", [1, (1, 1), (3, 1)])
def test_a_tiled_array_is_a_copy_that_can_be_written(reps: Any) -> None:
    y = ad.tensor([1.0, 2.0]) * 1.0
    z = np.tile(y, reps)
    z += 1.0
    assert y.data.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(z.data, np.tile([1.0, 2.0], reps) + 1.0)


def test_the_slope_of_a_power_still_depends_on_an_exponent_of_zero() -> None:
    a, b = np.array([2.0, 3.0]), np.zeros(2)
    slope = lambda b: ad.grad(lambda a, b: np.sum(a**b))(a, b)
    np.testing.assert_array_equal(np.diagonal(ad.jacobian(slope)(b)), 1.0 / a)  # d/db of b a**(b - 1)
    assert ad.grad(lambda b: ad.grad(lambda a: a**b)(2.0))(0.0) == 0.5
    assert ad.grad(lambda x: x**0.0)(0.0) == 0.0


def test_the_leaf_of_an_inner_transform_does_not_keep_the_outer_answer_recorded() -> None:
    slope = lambda b: ad.grad(lambda a: np.sum(a**b))(np.array([2.0, 3.0]))
    assert type(ad.jacobian(slope)(np.ones(2))) is np.ndarray
    assert type(ad.grad(lambda b: ad.grad(lambda a: a * b)(2.0))(3.0)) is float
    w = ad.tensor([1.0])
    assert isinstance(
        ad.grad(lambda b: (b * w).sum())(np.ones(1)), ad.Tensor
    )  # w is older: a penalty on it is recorded


def test_power_zero_is_flat_everywhere_for_both_kinds() -> None:
    for x in (0.0, 5e-324, 2.0, np.inf):
        for f in (lambda x: x**0, lambda x: x**0.0):
            assert ad.grad(f)(x) == 0.0 and ad.grad(f)(np.array(x)) == 0.0 and ad.grad(ad.grad(f))(x) == 0.0


def test_a_constant_that_was_overwritten_after_it_was_read_is_refused() -> None:
    x, c = ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0], requires_grad=False)
    for write in (lambda: c.__setitem__(0, 9.0), lambda: c.__iadd__(1.0), lambda: c[0:1].__setitem__(0, 8.0)):
        y = (x * c).sum()
        write()
        with pytest.raises(ad.StaleValueError, match="a constant of shape"):
            y.backward()
    c.data = np.ones(2)
    (x * c).sum().backward()  # what was written before is no matter
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_checkpoint_of_several_values_saves_nothing_inside_either() -> None:
    x = ad.tensor([1.0, 2.0])
    a, b = ad.checkpoint(lambda x: (np.sin(np.cos(x)), x * x))(x)
    assert a.node.parents == (x.node,) and b.node.parents == (x.node,)  # one node each: nothing between
    (a + b).sum().backward()
    np.testing.assert_allclose(x.grad, ad.grad(lambda x: (np.sin(np.cos(x)) + x * x).sum())(x.data), rtol=1e-15)


def test_a_custom_rule_whose_cotangent_is_smaller_than_its_argument_is_refused() -> None:
    f = ad.custom_vjp(lambda x: 2.0 * x)
    f.defvjp(lambda x: (2.0 * x, None), lambda _, g: (np.sum(2.0 * g, axis=0),))
    with pytest.raises(ad.GraphError, match=r"shape \(2,\) for argument 0 of shape \(3, 2\)"):
        f(ad.tensor(np.ones((3, 2)))).sum().backward()
    f.defvjp(lambda x: (2.0 * x, None), lambda _, g: (2.0 * g[None],))  # a leading axis of length 1 is summed away
    x = ad.tensor(np.ones((3, 2)))
    f(x).sum().backward()
    assert np.array_equal(x.grad, np.full((3, 2), 2.0))


@pytest.mark.parametrize("door", [lambda w: w.detach(), lambda w: w.data, lambda w: w.detach().detach()])
def test_a_leaf_read_through_a_door_and_overwritten_is_refused(door: Any) -> None:
    x, w = ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0])
    y = (x * door(w)).sum()
    w.data = np.zeros(2)
    with pytest.raises(ad.StaleValueError):
        y.backward()
    (x * door(w)).sum().backward()  # what is read after the write is right
    assert x.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [">i2", ">i8", "<i4", "i1", "u1", ">u8"])
def test_labels_of_any_integer_dtype_and_byte_order_are_checked_by_their_value(dtype: str) -> None:
    logits = ad.tensor(np.arange(33.0).reshape(3, 11) % 7)
    expected = ad.cross_entropy(logits, [1, 2, 10]).item()
    assert ad.cross_entropy(logits, np.array([1, 2, 10], dtype)).item() == expected
    largest = 2560 if np.dtype(dtype).itemsize > 1 else 100  # 2560 read in the other byte order is 10
    with pytest.raises(ValueError, match=f"label {largest} at index \\(2,\\) is outside 0..10"):
        ad.cross_entropy(logits, np.array([1, 2, largest], dtype))


def test_the_weight_gradient_of_a_single_row_is_that_of_many() -> None:
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 5)), rng.standard_normal((2, 3))
    w = ad.tensor(rng.standard_normal((3, 5)))
    ad.linear(x, w).backward(g)
    together, w.grad = w.grad, None
    for i in (0, 1):
        ad.linear(x[i : i + 1], w).backward(g[i : i + 1])
    np.testing.assert_allclose(w.grad, together, rtol=1e-13)  # the same sums of products


@pytest.mark.parametrize(("dtype", "x"), [(np.float32, 1000.5), (np.float64, 1e20), (np.float16, 300.0)])
def test_the_second_derivative_of_sinc_is_finite_far_out(dtype: Any, x: float) -> None:
    """The series for small arguments overflowed where it was not taken, and 0 times infinity is NaN."""
    point = np.array([x], dtype)
    second = ad.hvp(lambda x: np.sum(np.sinc(x)), (point,), (np.ones_like(point),))
    # sinc'' is -pi sin(pi x)/x up to terms of 1/x**2, at most pi/x
    assert np.abs(second[0]) <= 3.2 / x


@pytest.mark.parametrize("make", [ad.scalar, ad.tensor])
def test_a_recorded_value_as_a_fixed_argument_is_refused(make: Any) -> None:
    """A learned slope got no gradient, and the result held a Tensor for its array."""
    x, slope = ad.tensor([-1.0, 2.0]), make(0.25)
    for f, name in ((ad.leaky_relu, "negative_slope"), (ad.elu, "alpha")):
        for call in (lambda: f(x, slope), lambda: f(x, **{name: slope}), lambda: getattr(x, f.__name__)(slope)):  # noqa: B023
            with pytest.raises(ad.LeavesGraphError, match=name):
                call()
    assert ad.leaky_relu(x, slope.detach()).data.tolist() == [-0.25, 2.0]
    np.where(x > 0, x, slope * x).sum().backward()
    assert slope.grad == -1.0


def test_a_scalar_made_of_a_tensor_gets_a_zero_gradient_and_no_stale_one() -> None:
    # found by the graph machine: Scalars leave a zero cotangent out, and the node between the worlds kept its old .grad
    x = ad.tensor([0.125, 0.25])
    s = ad.scalar(np.mean(x))
    a = abs(s)
    (a * 2.0).backward(retain_graph=True)
    assert s.grad == 2.0
    (a - a).backward()
    assert (s.grad, a.grad) == (0.0, 0.0)
    assert np.array_equal(x.grad, [1.0, 1.0])


def test_only_the_last_of_several_writes_to_one_element_gets_a_gradient() -> None:
    # found by the random programs: t[[0, 0]] = v gave the cotangent to both rows of v
    v, t = ad.tensor([[1.0, 2.0], [3.0, 4.0]]), ad.tensor(np.zeros((2, 2))) * 1.0
    t[[0, 0]] = v
    (t * np.array([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert np.array_equal(t.data[0], [3.0, 4.0])
    assert np.array_equal(v.grad, [[0.0, 0.0], [1.0, 10.0]])


def test_a_subclass_of_tensor_may_have_bases_that_take_class_arguments() -> None:
    """Tensor kept the class arguments and the news of the subclass to itself."""
    seen = []

    class Tagged:
        def __init_subclass__(cls, tag: str, **more: Any) -> None:
            super().__init_subclass__(**more)
            seen.append(tag)

    class Weight(ad.Tensor, Tagged, tag="w"):
        pass

    assert seen == ["w"] and Weight in ad.variable.TENSORS


def test_a_hook_cannot_write_into_a_gradient_that_others_share() -> None:
    """A hook on one term of a sum that wrote into its gradient changed the gradient of the other term."""
    a, b = ad.tensor([1.0, 2.0]), ad.tensor([1.0, 2.0])
    term = a * 1.0

    def write(g: Any) -> None:
        g *= 10.0

    remove = term.register_hook(write)
    loss = ((term + b) * np.array([1.0, 2.0])).sum()
    with pytest.raises(ValueError, match="read-only"):
        loss.backward(retain_graph=True)
    remove()
    term.register_hook(lambda g: g)
    loss.backward()
    assert a.grad.tolist() == b.grad.tolist() == [1.0, 2.0] and a.grad.flags.writeable and b.grad.flags.writeable


def test_a_scalar_power_is_numpys_where_numpy_takes_the_square_root() -> None:
    """(-inf) ** 0.5 was inf for a Scalar (C's pow) and NaN for a 0-d Tensor, as in NumPy."""
    with np.errstate(all="ignore"):
        tensor = ad.power(ad.tensor(-np.inf), ad.tensor(0.5)).item()
        for number in (ad.scalar(-np.inf) ** ad.scalar(0.5), ad.scalar(-np.inf) ** 0.5):
            np.testing.assert_equal(number.item(), tensor)


def test_a_scalar_clipped_on_one_side_differentiates() -> None:
    s = ad.scalar(3.0)
    np.clip(s * 2.0, None, 7.0).backward()
    assert s.grad == 2.0


def test_operations_that_are_not_elementwise_work_on_scalars_alone() -> None:
    """Their rules read shapes and dtypes, which a float has not: AttributeError in backward."""
    a, b = ad.scalar(3.0), ad.scalar(4.0)
    y = np.einsum(",->", a, b)
    assert isinstance(y, ad.Scalar) and y.data == 12.0
    y.backward()
    assert (a.grad, b.grad) == (4.0, 3.0)
    assert ad.grad(lambda a: np.einsum(",,->", a, a, a))(2.0) == 12.0
    assert ad.grad(ad.grad(lambda a: np.einsum(",,->", a, a, a)))(2.0) == 12.0
    assert ad.jvp(lambda a: np.einsum(",->", a, a), (2.0,), (1.0,))[1] == 4.0
    s, x = ad.scalar(2.0), ad.tensor(np.float32([1.0, 2.0]))
    y = np.einsum(",i->i", s, x)
    y.sum().backward()
    assert y.dtype == np.float32 and s.grad == 3.0 and x.grad.tolist() == [2.0, 2.0]
    c = ad.scalar(0.5)
    np.clip(c, None, 1.0).backward(create_graph=True)
    assert np.asarray(getattr(c.grad, "data", c.grad)) == 1.0


def every_public_operation() -> list[str]:
    return [name for name, row in ad.ops.OPS.items() if getattr(ad, name, None) is row]


@pytest.mark.parametrize("name", every_public_operation())
def test_an_operation_on_scalars_alone_works_or_is_refused_in_words(name: str) -> None:
    f = getattr(ad, name)
    for n in (1, 2, 3):
        for bare in (True, False):
            if not bare and not f.variadic:
                continue
            values = [ad.scalar(0.5) for _ in range(n)]
            try:
                y = f(*values) if bare else f(values)
            except (TypeError, ValueError, IndexError):
                continue
            if isinstance(y, ad.Variable) and y.requires_grad:
                np.sum(y).backward()


def test_linear_of_lists_and_a_number_as_bias_has_numpys_values_or_a_clear_error() -> None:
    assert ad.linear([[1.0, 2.0]], [[3.0, 4.0]], [0.5]).tolist() == [[11.5]]
    with pytest.raises(ValueError, match=r"linear: weight of shape \(out, in\) = \(1, 2\) with bias \(\)"):
        ad.linear(np.ones((1, 2)), np.ones((1, 2)), 0.5)


def test_a_recorded_pass_adds_a_handle_to_plain_cotangents() -> None:
    """Two plain answers made a buffer of the walk's own, and the third, a handle, was written into it."""

    @ad.custom_vjp
    def flat(x: Any) -> Any:
        return x

    flat.defvjp(lambda x: (x * 1.0, None), lambda _, g: (np.zeros(2),))

    def f(x: Any) -> Any:
        y = x * 1.0
        return np.sum(y**2) + np.sum(flat(y)) + np.sum(flat(y))

    assert ad.hessian(f)(np.array([1.0, 2.0])).tolist() == [[2.0, 0.0], [0.0, 2.0]]


@pytest.mark.filterwarnings("ignore:numpy.fix:DeprecationWarning")  # NumPy 2.5
@pytest.mark.parametrize(
    "f",
    [np.floor, np.ceil, np.rint, np.trunc, np.sign, np.round, np.fix, lambda x: x // 2.0, lambda x: np.modf(x)[1]],
    ids=["floor", "ceil", "rint", "trunc", "sign", "round", "fix", "floor_divide", "modf"],
)
def test_a_flat_function_gives_zeros_in_backward_as_in_grad(f: Any) -> None:
    """np.floor(t).sum().backward() was refused, while ad.grad gave zeros."""
    t, s = ad.tensor([1.2, -3.7]), ad.scalar(2.7)
    f(t).sum().backward()
    (f(s) * np.inf).backward()
    assert t.grad.tolist() == ad.grad(lambda x: f(x).sum())(t.data).tolist() == [0.0, 0.0] and s.grad == 0.0
    assert int(f(t[0])) == int(f(1.2)) and np.asarray(f(t)).tolist() == f(t.data).tolist()  # no gradient is lost
    with ad.strict():
        f(t).sum().backward()
        with pytest.raises(ad.SingularPointError, match="has no derivative"):
            f(ad.tensor([0.5, -4.0, 2.5, 0.0])).sum().backward()


@pytest.mark.parametrize("f", [ad.relu, np.floor, np.abs], ids=["relu", "floor", "abs"])
def test_an_infinite_factor_of_an_unselected_float_gives_zero(f: Any) -> None:
    """relu(s) * inf had the gradient NaN for s < 0 with the generated paths, and 0 without them."""
    s, t = ad.scalar(-2.7), ad.tensor([-2.7])
    (f(s) * np.inf).backward()
    (f(t) * np.inf).sum().backward(retain_graph=True)
    assert s.grad == t.grad[0] == (-np.inf if f is np.abs else 0.0)


def test_an_infinite_factor_in_a_large_product_is_found_by_one_row_and_one_column() -> None:
    """Of a large matrix the pass looks at one row and one column for a NaN."""
    x, w = np.ones((3, 200)), ad.tensor(np.full((200, 100), -1.0))
    x[1, 70] = np.inf
    ad.relu(x @ w).sum().backward()
    assert not w.grad.any()
    w.grad = None
    (ad.relu(x @ w).sum() + (w[3:4, 5:6] * np.inf).sum() * 0.0).backward()  # read in another way as well
    assert np.isnan(w.grad[3, 5]) and np.isnan(w.grad).sum() == 1


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: ad.relu(x) * np.array([np.inf, 3.0]), [0.0, 3.0]),
        (lambda x: ad.relu(x * np.array([np.inf, 3.0])), [0.0, 3.0]),
        (lambda x: np.maximum(x * np.array([np.inf, 3.0]), 0.0), [0.0, 3.0]),
        (lambda x: np.clip(x * np.array([np.inf, 3.0]), 0.0, 9.0), [0.0, 3.0]),
        (lambda x: np.max(x * np.array([np.inf, 3.0])), [0.0, 3.0]),
        (lambda x: ad.relu(x @ np.array([[np.inf, 1.0], [0.0, 3.0]])), [1.0, 3.0]),
        (lambda x: ad.relu(ad.linear(x, np.array([[np.inf, 0.0], [1.0, 3.0]]))), [1.0, 3.0]),
    ],
    ids=["relu times", "relu of times", "maximum", "clip", "max", "matmul", "linear"],
)
@pytest.mark.parametrize("retain", [False, True])
def test_an_infinite_factor_of_an_unselected_element_gives_zero_whether_the_graph_is_kept_or_not(
    f: Any, expected: list[float], retain: bool
) -> None:
    """NaN, where the graph was not kept: nothing in it but the factor was infinite, so no second pass was made."""
    x = ad.tensor([-2.0, 1.0])
    f(x).sum().backward(retain_graph=retain)
    assert x.grad.tolist() == expected


@pytest.mark.parametrize("f", [np.sum, np.prod, np.nansum, np.nanmean, np.nanprod, np.cumsum, np.cumprod])
@pytest.mark.parametrize("axis", [0, -1])
def test_a_number_is_reduced_along_its_axis_0_as_in_numpy(f: Any, axis: int) -> None:
    """NumPy takes axis=0 and axis=-1 of shape (); the gradient failed: cannot broadcast a non-scalar."""
    x = ad.tensor(1.5)
    y = f(x, axis=axis)
    np.testing.assert_array_equal(y.data, f(np.array(1.5), axis=axis), strict=True)
    y.sum().backward()
    assert x.grad.tolist() == 1.0


@pytest.mark.parametrize(
    "view",
    [np.real, np.imag, lambda z: z.real, lambda z: z.imag, np.squeeze, lambda z: np.einsum("ij->ji", z), np.transpose],
)
def test_a_write_into_what_shows_the_memory_of_a_recorded_value_is_refused(view: Any) -> None:
    """The real part was written, and z did not follow; so were squeeze without an axis to remove, and einsum."""
    z = ad.tensor([[1.0 + 2j, 3j], [1.0, 2.0]]) * 1.0
    shown = view(z)
    assert np.shares_memory(shown.data, z.data)
    with pytest.raises(ad.WriteError, match="would not follow"):
        shown[0] = 5.0


@pytest.mark.parametrize(
    "make", [lambda v: ad.full(2, v), lambda v: ad.full(2, fill_value=v), lambda v: ad.arange(v, 3.0), ad.from_dlpack]
)
def test_a_new_array_made_of_a_recorded_value_is_refused(make: Any) -> None:
    """They gave constants, without a word."""
    with pytest.raises(ad.LeavesGraphError, match=r"ad\.\w+ would cut .* to keep the gradient write"):
        make(ad.tensor(1.0))
    make(ad.tensor(1.0, requires_grad=False))


@pytest.mark.parametrize("places", [[], (), np.zeros(0, int)])
def test_inserting_at_no_place_is_a_copy_as_in_numpy(places: Any) -> None:
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = np.insert(x, places, 9.0, axis=0)
    np.testing.assert_array_equal(y.data, np.insert(x.data, places, 9.0, axis=0))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 2)))


@pytest.mark.parametrize("x", [ad.tensor([1.0, np.inf]), ad.scalar(np.inf), ad.tensor(2.0)])
def test_piecewise_is_recorded_also_where_only_numbers_are_taken(x: Any) -> None:
    """It gave a plain array for some values of x, and 0 * inf."""
    for functions, value in (([lambda v: v * v, 3.0], 3.0), ([lambda v: v * v], 0.0)):
        y = np.piecewise(x, [x < 0], functions)
        assert isinstance(y, ad.Variable) and np.all(y.data == value)
        np.sum(y).backward()
        assert np.all(x.grad == 0.0)


def test_reduceat_refuses_an_index_outside_as_numpy_does() -> None:
    """It gave sums of other rows; and without an index, "zip() argument 2 is longer"."""
    x = ad.tensor(np.arange(6.0).reshape(3, 2))
    for outside in ([0, 7], [-1]):
        with pytest.raises(IndexError, match=r"np.add.reduceat: index -?\d is out of bounds for axis 0 of float64"):
            np.add.reduceat(x, outside)
    assert np.add.reduceat(x, []).shape == (0, 2)


def test_functions_of_real_numbers_alone_refuse_complex_ones_by_name() -> None:
    """Both gave the absolute value."""
    for f in (np.fabs, np.hypot.reduce):
        with pytest.raises(TypeError, match=r"takes real numbers; got complex128 .* Write np\."):
            f(ad.tensor([1j, 2.0]))


def test_a_norm_of_negative_order_of_nothing_is_infinite_as_in_numpy() -> None:
    for f in (lambda x: np.linalg.norm(x, -2, axis=-1), lambda x: np.linalg.vector_norm(x, ord=-1, axis=1)):
        x = np.ones((3, 0))
        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(f(ad.tensor(x)).data, f(x))


def test_an_empty_matrix_has_no_condition_number() -> None:
    for p in (None, 1, "fro", "nuc"):
        with pytest.raises(np.linalg.LinAlgError, match="cond: an empty matrix"):
            np.linalg.cond(ad.tensor(np.ones((2, 0, 0))), p)


def test_polyint_keeps_its_constants_beside_infinite_coefficients_and_without_any() -> None:
    x = ad.tensor([np.inf, 1.0])
    assert np.polyint(x, k=2.0).data.tolist() == [np.inf, 1.0, 2.0]
    assert np.polyint(x[:0], m=2, k=[1.0, 2.0]).data.tolist() == [1.0, 2.0]


def test_members_take_the_arguments_of_numpys() -> None:
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.item(2) == 3.0 and x.item(0, 1) == 2.0 and x.item((1, 1)) == 4.0
    assert x.reshape(-1, copy=False).shape == (4,) and x.reshape((4, 1), copy=True).shape == (4, 1)


@pytest.mark.parametrize("make", [ad.scalar, ad.tensor])
def test_divmod_records_the_quotient_and_the_remainder(make: Any) -> None:
    x = make(7.5)
    for pair, values in ((divmod(x, 2.0), (3.0, 1.5)), (divmod(20.0, x), (2.0, 5.0))):
        assert tuple(y.item() for y in pair) == values
    divmod(20.0, x)[1].backward()
    assert x.grad == -2.0
    with pytest.raises(TypeError, match="divmod"):
        divmod(x, "a")


def test_an_open_mesh_is_recorded() -> None:
    """np.ix_ gave plain arrays: a gradient was lost without a word."""
    x, y = ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0, 5.0])
    a, b, c = np.ix_(x, y, [True, False, True])
    assert [part.shape for part in (a, b, c)] == [(2, 1, 1), (1, 3, 1), (1, 1, 2)] and c.ravel().tolist() == [0, 2]
    (a * b).sum().backward()
    assert x.grad.tolist() == [12.0] * 2 and y.grad.tolist() == [3.0] * 3
    with pytest.raises(ValueError, match=r"ix_ takes sequences, of one axis; got float64 Tensor of shape \(2, 1, 1\)"):
        np.ix_(a)


def test_a_plain_result_is_not_written_into_a_value() -> None:
    x = ad.tensor([1.0, 2.0])
    with pytest.raises(ad.MissingRuleError, match="out"):
        np.isneginf(np.ones(2), out=x)
    assert x.data.tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # np.matrix
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.r_[x, x], "np.r_"),
        (lambda x: np.c_[x, x], "np.c_"),
        (lambda x: np.matrix(x), "np.matrix"),
        (lambda x: np.ma.sum(x), "np.ma"),
    ],
)
def test_classes_of_numpy_that_lose_a_gradient_are_named(call: Any, name: str) -> None:
    """They were np.__getitem__, np.__new__ and np.wrapper."""
    with pytest.raises(ad.LeavesGraphError, match=f"^{name} would cut .* to keep the gradient write "):
        call(ad.tensor([1.0, 2.0]))


def test_statistics_of_a_scalar_without_its_nans_and_copies_of_numbers() -> None:
    """AttributeError: a float has no dtype."""
    x = ad.scalar(2.0)
    assert np.nanvar(x).item() == np.nanstd(x).item() == 0.0
    assert ad.copy(0.37) == 0.37 and ad.copy(np.float32(2)).dtype == np.float32


def test_a_polynomial_at_a_python_number_is_float64_as_numpys() -> None:
    p = np.float32([2.0, 1.0])
    x = ad.tensor(p)
    y = np.polyval(x, 0.5)
    y.backward()
    assert y.dtype == np.polyval(p, 0.5).dtype == np.float64 and x.grad.dtype == np.float32
    assert x.grad.tolist() == [0.5, 1.0]
    assert np.polyval(x, np.float32([0.5])).dtype == np.float32
