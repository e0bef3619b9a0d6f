"""Arguments in NumPy's own signature: what NumPy refuses is refused here, what it accepts means the same, and what
cannot be recorded is an error; nothing is ignored silently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from autodiff.registry import DISPATCH, Op

A = np.arange(6.0).reshape(2, 3) + 1


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.trace(x, dtype=np.float32),
        lambda x: np.gradient(x.astype(np.float32), [0.0, 1.0, 3.0], axis=1),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2)),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 1)),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, axis=-1),
    ],
)
def test_values_and_dtypes_are_numpys(call: Any) -> None:
    expected, got = call(A), call(ad.tensor(A))
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.data, expected)
    assert ad.grad(lambda x: np.sum(call(x)))(A).shape == A.shape


def test_a_step_function_has_the_derivative_zero_and_does_not_refuse_backward() -> None:
    """heaviside(x, h) had no derivative in x, where sign and floor have zero."""
    x = ad.tensor([-1.0, 0.0, 2.0])
    np.heaviside(x, 0.5).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.take(x, [0], axis=7),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (3, 4)),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2),
        lambda x: np.take(x, [9], 1, None),
        lambda x: np.take(x, [0], mode="nearest"),
        lambda x: np.take_along_axis(x, np.array([[0]]), 5),
        lambda x: np.take_along_axis(x, np.array([[True], [False]]), 1),
        lambda x: np.moveaxis(x, 5, 0),
        lambda x: np.moveaxis(x, (0, 0), (0, 1)),
        lambda x: np.diff(x, axis=5),
        lambda x: np.diff(x, -1),
        lambda x: np.diff(x[0, 0]),
        lambda x: np.diagonal(x, 0, 3, 4),
        lambda x: np.diagonal(x, 0, 1, 1),
        lambda x: np.trace(x, axis1=2),
        lambda x: np.cumprod(x, axis=9),
        lambda x: np.tensordot(x, A.T, axes=((0, 1), (0, 1))),
        lambda x: np.tensordot(np.ones(6) * x.sum(), A, axes=((0,), (0, 1))),
        lambda x: np.tensordot(x, A, axes=((9,), (9,))),
        lambda x: np.tensordot(x, A, axes=5),
        lambda x: np.vecdot(x, np.ones(1)),
        lambda x: np.einsum("...i->i", x),
        lambda x: np.linalg.norm(x[0], "fro"),
        lambda x: np.linalg.norm(np.stack([x, x]), axis=(0, 1, 2)),
        lambda x: np.pad(x, -1),
        lambda x: np.pad(x, 1.5),
        lambda x: np.clip(x, 0, 1, min=2),
        lambda x: np.sort(x, order="a"),
        lambda x: np.average(x, axis=1, weights=[1.0]),
        lambda x: np.average(x, weights=np.zeros((2, 3))),
    ],
)
def test_what_numpy_refuses_is_refused(call: Any) -> None:
    errors = (ValueError, TypeError, IndexError, ZeroDivisionError)  # AxisError is both of the first and the third
    with pytest.raises(errors):
        call(A)
    with pytest.raises(errors):
        call(ad.tensor(A))


@pytest.mark.parametrize("f", [np.dot, np.outer, np.ptp, np.take, np.sum, np.round, np.clip, np.concatenate])
def test_an_out_array_is_refused_and_not_left_unwritten(f: Any) -> None:
    operands = {np.ptp: 1, np.sum: 1, np.round: 1, np.concatenate: 1, np.clip: 3}.get(f, 2)
    args = [ad.tensor([1.0, 2.0]), [0, 1], [1, 1]][:operands]
    if f is np.concatenate:
        args = [args]
    with pytest.raises(ad.MissingRuleError, match="out"):
        f(*args, out=np.zeros(2))


def test_constants_of_pad_are_before_and_after() -> None:
    x = np.ones((1, 2))
    for constants in ((5.0, 6.0), ((5.0, 6.0), (7.0, 8.0)), 0, np.array([[1.0, 2.0]])):
        widths = ((1, 1), (0, 1))
        right = np.pad(x, widths, constant_values=constants)  # type: ignore[arg-type]
        np.testing.assert_array_equal(np.pad(ad.tensor(x), widths, constant_values=constants).data, right)  # type: ignore


def test_a_recorded_constant_of_pad_has_a_gradient() -> None:
    c = ad.tensor(3.0)
    y = np.pad(ad.tensor(np.ones((1, 2))), 1, constant_values=c)  # type: ignore[call-overload]
    y.sum().backward()
    assert y.data[0, 0] == 3.0 and c.grad == 10.0


def test_vector_norm_flattens_and_norm_of_two_axes_is_a_matrix_norm() -> None:
    x = ad.tensor(A)
    assert np.linalg.vector_norm(x, ord=1).item() == 21.0 == np.linalg.vector_norm(x, axis=(0, 1), ord=1).item()
    assert np.linalg.norm(x, 1).item() == 9.0
    np.testing.assert_allclose(np.linalg.vector_norm(x, ord=2).item(), np.linalg.norm(A), rtol=1e-15)
    assert np.linalg.vector_norm(x, axis=(0, 1), keepdims=True, ord=3).shape == (1, 1)


@pytest.mark.parametrize("p", [1, 1.5, 3, 7])
def test_a_norm_of_any_order_has_slope_zero_at_the_origin(p: float) -> None:
    x = ad.tensor([[0.0, 0.0], [0.0, 3.0]])
    np.linalg.norm(x, p, axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0.0, 0.0], [0.0, 1.0]], rtol=1e-15)  # two powers of 3 may round
    assert not x.grad[0].any()


@pytest.mark.parametrize("n", [2, 3])
def test_a_stack_of_systems_with_one_vector_on_the_right(n: int) -> None:
    """NumPy 2 solves each system for the one vector; read as a matrix, it gave wrong slopes where the sizes fit."""
    rng = np.random.default_rng(n)
    a, b, w = rng.normal(size=(n, n, n)) + 4 * np.eye(n), rng.normal(size=n), rng.normal(size=(n, n))
    found = ad.grad(lambda a, b: np.sum(np.linalg.solve(a, b) * w), (0, 1))(a, b)
    right = ad.grad(lambda a, b: sum(np.linalg.solve(a[i], b) @ w[i] for i in range(n)), (0, 1))(a, b)
    for f, r in zip(found, right, strict=True):
        np.testing.assert_allclose(f, r, rtol=1e-12)  # well-conditioned: a few hundred roundings


def test_copy_keeps_the_dtype_and_makes_an_array_of_its_own() -> None:
    counts = ad.tensor([1, 2], requires_grad=False)
    assert np.copy(counts).dtype == np.int64 and counts.copy().dtype == np.int64
    x = ad.tensor([1.0, 2.0])
    y = np.copy(x)
    assert y.requires_grad and not np.shares_memory(y.data, x.data)
    assert isinstance(np.copy(ad.scalar(2.0)), ad.Scalar)


def test_float_power_is_float64() -> None:
    x = ad.tensor(np.array([3.0], np.float32))
    y = np.float_power(x, 2)
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [6.0]
    assert np.float_power(ad.scalar(3.0), 2).data == 9.0


def test_ldexp_takes_scalars_with_whole_exponents() -> None:
    s = ad.scalar(1.5)
    y = np.ldexp(s, 3)
    y.backward()
    assert (y.data, s.grad) == (12.0, 8.0)
    with pytest.raises(TypeError):
        np.ldexp(s, 2.5)


@pytest.mark.parametrize("f", [np.remainder, np.fmod])
def test_the_slope_of_a_remainder_counts_the_divisors_that_fit(f: Any) -> None:
    """1 / 0.1 rounds up to 10, but 0.1 is a little more than a tenth and fits in nine times."""
    _, slope = ad.grad(f, (0, 1))(1.0, 0.1)
    assert slope == -9.0 == np.round((f(1.0, 0.1) - 1.0) / 0.1)


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_logaddexp_keeps_the_digits_of_a_small_share(f: Any) -> None:
    base = 2.0 if f is np.logaddexp2 else np.e
    small, large = ad.grad(f, (0, 1))(-60.0, 0.0)
    np.testing.assert_allclose(small, base**-60.0, rtol=1e-13)  # 60 roundings of the exponent
    assert large == 1.0
    assert ad.grad(f, (0, 1))(-2000.0, 0.0) == (0.0, 1.0)


def test_ufuncs_of_two_results_record_the_one_that_has_a_derivative() -> None:
    x = ad.tensor([7.5, -7.5])
    quotient, rest = np.divmod(x, 2.0)
    fraction, whole = np.modf(x)
    mantissa, exponent = np.frexp(x)
    for found, right in ((quotient, [3, -4]), (rest, [1.5, 0.5]), (fraction, [0.5, -0.5]), (whole, [7, -7])):
        np.testing.assert_array_equal(found.data, right)
    assert exponent.tolist() == [3, 3] and (mantissa.data * 8).tolist() == [7.5, -7.5]
    (rest + fraction + mantissa + np.conjugate(x)).sum().backward()
    assert x.grad.tolist() == [3.125, 3.125]
    f, _ = np.modf(ad.tensor([np.inf, -np.inf]))
    assert f.data.tolist() == [0.0, 0.0] and np.signbit(f.data).tolist() == [False, True]


@pytest.mark.parametrize("kind", [np.ma.MaskedArray, np.matrix])
def test_matrices_and_masked_arrays_are_refused_on_every_way_in(kind: Any) -> None:
    x, other = ad.tensor(A) * 1.0, np.asarray(A).view(kind)
    for call in (
        lambda: x * other,
        lambda: other * x,
        lambda: np.add(other, x),
        lambda: np.where(A > 3, other, x),
        lambda: np.stack([x, other]),
        lambda: ad.tensor(other),
        lambda: ad.grad(np.sum)(other),
    ):
        with pytest.raises(TypeError):
            call()
    assert (x * A.view(np.memmap)).data.tolist() == (A * A).tolist()  # a subclass of equal arithmetic is an array


def test_masked_functions_cannot_take_the_value_out_of_the_graph() -> None:
    """numpy.ma reads the attribute ``_data`` of anything it is given."""
    x = ad.tensor(A) * 1.0
    for f in (np.ma.multiply, np.ma.add, np.ma.exp):
        with pytest.raises(ad.LeavesGraphError, match=r"\.data"):
            f(*[x] * (1 if f is np.ma.exp else 2))


@pytest.mark.parametrize(
    "call", [lambda x: x.astype(object), lambda x: x.astype(str), lambda x: x + np.array([1], object)]
)
def test_a_recorded_value_does_not_leave_as_objects_or_text(call: Any) -> None:
    with pytest.raises(ad.MissingRuleError, match="no derivative can flow"):
        call(ad.tensor(A))


@pytest.mark.parametrize("factor", [1j, np.complex64(1j), np.complex128(1j), np.array(1j)])
def test_complex_factors_of_a_real_tensor_are_recorded(factor: Any) -> None:
    for product in (lambda x: x * factor, lambda x: factor * x, lambda x: np.multiply(x, factor)):
        y = product(ad.tensor(A))
        assert isinstance(y, ad.Tensor) and y.requires_grad
        np.testing.assert_array_equal(y.data, A * factor)


UFUNCS = {f.__name__: row for f, row in DISPATCH.items() if getattr(f, "signature", 0) is None and isinstance(row, Op)}


@pytest.mark.parametrize("name", UFUNCS)
@given(data=st.data())
def test_plain_numbers_get_numpys_answer(name: str, data: st.DataObject) -> None:
    """power(-0.75, -0.75) of Python's floats was complex, where NumPy says NaN."""
    row, ufunc = UFUNCS[name], getattr(np, name)
    numbers = st.floats(-3, 3) | st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan])
    x = [data.draw(numbers) for _ in range(ufunc.nin)]
    if name == "ldexp":
        x[1] = data.draw(st.integers(-5, 5))
    with np.errstate(all="ignore"):
        got, right = row(*x), ufunc(*x)
    assert type(got) is type(right)
    np.testing.assert_allclose(got, right, rtol=1e-15)


M = np.array([[True, False, True], [False, True, True]])
SELDOM = [
    lambda x: np.sum(x, axis=1, where=M, initial=2.0),
    lambda x: np.sum(x, where=M, keepdims=True),
    lambda x: np.prod(x, axis=0, where=M, initial=3.0),
    lambda x: np.max(x, axis=1, where=M, initial=2.5),
    lambda x: np.min(x, initial=0.5),
    lambda x: np.mean(x, axis=1, where=M),
    lambda x: np.var(x, axis=1, where=M, ddof=1),
    lambda x: np.var(x, axis=1, mean=np.ones((2, 1)), keepdims=True),
    lambda x: np.std(x, axis=0, correction=1),
    lambda x: np.std(x, where=M),
    lambda x: np.nanmean(x, axis=1, where=M),
    lambda x: np.nanvar(x, axis=1, where=M, mean=np.ones((2, 1))),
    lambda x: np.add.reduce(x, axis=1, where=M, initial=1.0),
    lambda x: x.sum(axis=0, where=M),
    lambda x: np.average(x, axis=(1, 0), weights=np.arange(1.0, 7.0).reshape(3, 2)),
    lambda x: np.average(x, axis=1, weights=[1.0, 2.0, 3.0], returned=True)[1] * np.sum(x),
    lambda x: np.average(x, axis=1, returned=True)[1] * np.sum(x),
    lambda x: np.einsum(x, [0, 1], A.T, [1, 2], [2, 0]),
    lambda x: np.einsum(x, [0, 1], x, [0, 1]),
    lambda x: np.einsum(x, [Ellipsis, 1], [1, Ellipsis]),
    lambda x: np.einsum("ij->i", x, dtype=np.float64, casting="safe"),
    lambda x: np.vstack([x, A], dtype=np.float32, casting="same_kind"),
    lambda x: np.hstack([x, A], dtype=np.float64),
    lambda x: np.concatenate([x, A], axis=None, dtype=np.float32),
    lambda x: np.stack([x, A], axis=1, dtype=np.float32),
    lambda x: np.ravel(x, order="K"),
    lambda x: np.ravel(x.T, order="K"),
    lambda x: np.quantile(x, 0.4, method="inverted_cdf", weights=A),
    lambda x: np.diff(x, append=A[:, :1], prepend=0.0, axis=-1),
]
if np.__version__ >= "2.2":  # NumPy's own pad takes no dict before
    SELDOM.append(lambda x: np.pad(x, {-1: (1, 2)}, mode="edge"))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("call", SELDOM)
def test_arguments_that_few_calls_have_mean_what_they_mean_in_numpy(call: Any, dtype: Any) -> None:
    x = np.array([[1.5, -0.5, 2.0], [3.0, 0.25, -2.0]], dtype)
    y, expected = call(ad.tensor(x)), np.asarray(call(x))
    assert isinstance(y, ad.Tensor) and y.dtype == expected.dtype and y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-13 if dtype is np.float64 else 1e-6)
    if dtype is np.float64 and y.dtype == np.float64:
        g = ad.grad(lambda x: np.sum(call(x) * np.arange(1.0, y.size + 1).reshape(y.shape)))(x)
        v = np.cos(np.arange(6.0)).reshape(2, 3)
        ends = [np.sum(call(x + s * v) * np.arange(1.0, y.size + 1).reshape(y.shape)) for s in (1e-6, -1e-6)]
        # central differences of functions of size one to a hundred: the square of the step, and roundings over it
        np.testing.assert_allclose(np.sum(g * v), (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-7)


def test_initial_and_mean_may_be_recorded() -> None:
    x, start, mean = np.array([1.0, 3.0]), ad.tensor(2.0), ad.tensor(1.0)
    np.sum(ad.tensor(x), initial=start).backward()
    np.max(ad.tensor(x), initial=5.0 * start).backward()
    np.var(ad.tensor(x), mean=mean).backward()
    assert start.grad == 6.0 and mean.grad == -2.0


def test_a_largest_of_a_mask_needs_an_answer_for_nothing() -> None:
    with pytest.raises(ValueError, match="initial="):
        np.max(ad.tensor([1.0, 2.0]), where=[True, False])
    assert np.max(ad.tensor(np.zeros((0, 2))), axis=0, initial=3.0).data.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("call", "args"),
    [
        (lambda a: np.linspace(a, 2.0, 3), (np.float32([1.0]),)),  # a Python number made float64 of it
        (lambda a: np.linspace(1, a, 3), (np.array(2.0, np.float16),)),
        (lambda a: np.float_power(a, 2), (np.complex64([1 + 2j]),)),  # complex64 stayed what it was
        # weights in float32 were added up in float32
        (lambda a: np.average(a, weights=np.float32([0.1, 0.7, 1.3])), (np.array([1.0, 2.0, 4.0]),)),
        (lambda a: np.geomspace(a, [8.0, 16.0], 4), (np.array([1.0, 2.0]),)),  # a list could not be read
    ],
)
def test_dtypes_and_values_of_these_are_numpys(call: Any, args: tuple[Any, ...]) -> None:
    expected, got = call(*args), call(*map(ad.tensor, args))
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.data, expected, rtol=1e-6 if got.dtype.itemsize < 8 else 1e-14)
    assert ad.grad(lambda a: np.sum(np.abs(call(a))))(*args).dtype == args[0].dtype


@pytest.mark.parametrize(
    ("call", "shape", "value"),
    [
        (lambda x: np.linalg.norm(x, np.inf, axis=1), (3, 0), [0.0, 0.0, 0.0]),
        (lambda x: np.linalg.norm(x, 2, axis=(-2, -1)), (1, 0, 1), [0.0]),
        (lambda x: np.linalg.norm(x, 1), (2, 0), 0.0),
        (lambda x: np.logaddexp.reduce(x, axis=0), (0, 2), [-np.inf, -np.inf]),
        (lambda x: np.logaddexp2.reduce(x, axis=0), (0, 2), [-np.inf, -np.inf]),
    ],
)
def test_what_no_elements_add_up_to(call: Any, shape: tuple[int, ...], value: Any) -> None:
    x = ad.tensor(np.zeros(shape))
    y = call(x)
    np.testing.assert_array_equal(y.data, value)
    np.sum(y).backward()
    assert x.grad.shape == shape


def test_the_deviation_of_one_element_is_constant() -> None:
    """It is 0 whatever the element is; ``where=`` and nanstd made the second derivative NaN of that."""
    x, mask = np.array([[1.0, 2.0], [5.0, 3.0]]), np.array([[True, True], [False, True]])
    f = lambda x: np.std(x, axis=0, where=mask)[0]
    assert not ad.grad(f)(x).any() and not ad.hessian(f)(x).any()
    assert not ad.hessian(np.nanstd)(np.array([np.nan, 2.0])).any()
    assert np.isnan(ad.hessian(lambda x: np.std(x, where=[True, True, False]))(np.array([2.0, 2.0, 1.0]))[0, 0])
    assert np.isnan(np.std(ad.tensor([np.nan, 1.0]), where=[True, False]).item())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: np.prod(z, dtype=np.float64), "prod: dtype=float64 would drop imaginary parts"),
        (lambda z: np.var(z, dtype=np.float64), "var: dtype=float64 would drop"),  # its gradient was another one
        (lambda z: np.std(z, dtype=np.float32, where=[True, False]), "std: dtype=float32 would drop"),
        (lambda z: np.interp(z, [0.0, 1.0], [0.0, 1.0]), "interp: x and xp must be real"),  # by real parts, silently
        (lambda z: np.bincount([0, 1], weights=z), "bincount: weights must be real"),
    ],
)
def test_imaginary_parts_are_not_dropped_in_silence(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(ad.tensor([1.0 + 2.0j, 3.0 - 1.0j]))
