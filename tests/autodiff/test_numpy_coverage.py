"""Nothing of NumPy is forgotten: every public function records, answers plainly, or refuses by name and says what to
write.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.ops.arrays.refusals import REFUSED, refuses
from autodiff.registry import DISPATCH
from autodiff.variable import PLAIN

# They take no array, or ask their argument for its value, which a recorded value refuses (``test_exits``).
WITHOUT_ARRAYS = set(
    """
    arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asmatrix bartlett base_repr
    binary_repr blackman bmat broadcast_shapes datetime_data diag_indices empty eye format_float_positional
    format_float_scientific from_dlpack frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring full
    genfromtxt get_include get_printoptions getbufsize geterr geterrcall hamming hanning identity indices info isdtype
    isfortran issubdtype iterable kaiser load loadtxt mask_indices mintypecode nested_iters ones printoptions
    promote_types require row_stack set_printoptions setbufsize seterr seterrcall show_config show_runtime trapz
    tri tril_indices triu_indices typename zeros in1d safe_eval
    """.split()
)
FFT = {"fftfreq", "rfftfreq"}  # of numbers


def functions(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    for name in sorted(set(vars(module))):
        f = vars(module)[name]
        if not name.startswith("_") and name != "test" and callable(f) and not isinstance(f, type | types.ModuleType):
            yield name, f


def unknown(module: types.ModuleType) -> set[str]:
    return {name for name, f in functions(module) if f not in DISPATCH and f not in PLAIN}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [(np, WITHOUT_ARRAYS), (np.linalg, set()), (np.fft, FFT)],
    ids=["np", "np.linalg", "np.fft"],
)
def test_every_function_of_numpy_records_or_is_plain_or_refuses(module: types.ModuleType, allowed: set[str]) -> None:
    assert unknown(module) - allowed == set(), "add a row, a composite, or a line in ops/arrays/refusals.py"


@pytest.mark.parametrize("name", sorted(name for name in REFUSED if hasattr(np, name)))
def test_a_refusal_names_the_function_and_what_to_write(name: str) -> None:
    x, f = ad.tensor([1.0, 2.0]), getattr(np, name)
    args = (x,) * f.nin if isinstance(f, np.ufunc) else (x,) if not name.startswith("save") else ("file", x)
    while True:
        try:
            f(*args)
        except ad.MissingRuleError as error:
            assert f"np.{name} " in str(error) and "Write " in str(error)
            return
        except TypeError as error:  # one argument more
            assert "argument" in str(error) and len(args) < 5
            args = (*args, x)


def test_functions_of_emath_say_what_to_write() -> None:
    for name in ("sqrt", "log", "log2", "log10", "arccos", "arcsin", "arctanh"):
        with pytest.raises(ad.MissingRuleError, match=rf"np.emath.{name} .* Write np.{name}\(x\), with x.astype"):
            getattr(np.emath, name)(ad.tensor([1.0]))


def test_every_recorded_function_has_its_numpy_name_here() -> None:
    for name, f in functions(np):
        if f in DISPATCH and not refuses(f):
            assert name in ad.__all__, name


UFUNCS = sorted(
    (f for f in DISPATCH if isinstance(f, np.ufunc) and f.nin == 2 and f.signature is None and f.nout == 1), key=str
)
DIFFER = (np.power, np.arctan2, np.ldexp)  # of these NumPy's own reduce drops elements on some machines, or refuses


@pytest.mark.parametrize("method", ["reduce", "accumulate", "outer", "reduceat"])
@pytest.mark.parametrize("ufunc", [f for f in UFUNCS if f not in DIFFER and not refuses(f)], ids=lambda f: f.__name__)
def test_a_method_of_a_ufunc_is_numpys(ufunc: Any, method: str) -> None:
    x, y = np.array([[2.5, 0.5, 1.5], [3.5, 1.25, 0.75]]), np.array([0.5, 1.25])
    calls: list[Any] = {
        "reduce": [lambda a: ufunc.reduce(a), lambda a: ufunc.reduce(a, axis=1, keepdims=True)],
        "accumulate": [lambda a: ufunc.accumulate(a), lambda a: ufunc.accumulate(a, axis=1)],
        "outer": [lambda a: ufunc.outer(a, y), lambda a: ufunc.outer(y, a)],
        "reduceat": [lambda a: ufunc.reduceat(a, [0, 2, 1], axis=1)],
    }[method]
    for call in calls:
        with np.errstate(all="ignore"):
            expected, got = call(x), call(ad.tensor(x))
        assert isinstance(got, ad.Tensor)
        np.testing.assert_allclose(got.data, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "slopes"),
    [
        (lambda x: np.subtract.reduce(x), [1, -1, -1]),
        (lambda x: np.divide.reduce(x), [1 / 6, -1 / 6, -1 / 9]),
        (lambda x: np.maximum.accumulate(x), [1.5, 0.5, 1]),  # the two 2s share the second place
        (lambda x: np.add.reduceat(x, [0, 1]), [1, 1, 1]),
        (lambda x: np.multiply.outer(x, [1.0, 10.0]), [11, 11, 11]),
        (lambda x: np.logaddexp.reduce(x), np.exp([2, 2, 3]) / np.exp([2, 2, 3]).sum()),
        (lambda x: np.hypot.reduce(x), np.array([2, 2, 3]) / 17**0.5),
    ],
)
def test_gradients_of_ufunc_methods(call: Any, slopes: Any) -> None:
    at = np.array([2.0, 2.0, 3.0])
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(call(x)))(at), slopes, rtol=1e-14)


def test_comparisons_have_plain_methods() -> None:
    x = ad.tensor([1.0, 2.0])
    assert np.less.outer(x, x).tolist() == [[False, True], [False, False]]
    assert np.logical_and.reduce(x) is np.True_


def test_at_of_a_ufunc_refuses() -> None:
    with pytest.raises(ad.MissingRuleError, match=r"np\.add\.at writes.*bincount"):
        np.add.at(ad.tensor([1.0]), [0], 1.0)


# ---- ad.array
def test_an_array_of_recorded_values_is_recorded() -> None:
    a, b = ad.scalar(2.0), ad.scalar(3.0)
    m = ad.array([[a, -b], [1, a * b]])
    assert isinstance(m, ad.Tensor) and m.dtype == np.float64
    np.testing.assert_array_equal(m.data, [[2.0, -3.0], [1.0, 6.0]])
    (m * [[1.0, 2.0], [3.0, 4.0]]).sum().backward()
    assert (a.grad, b.grad) == (1.0 + 4 * 3, -2.0 + 4 * 2)


def test_numbers_and_scalars_in_an_array_do_not_make_float64_of_float32() -> None:
    t = ad.tensor([1.0, 2.0], dtype=np.float32)
    assert ad.array([t[0], 2.0, ad.scalar(3.0)]).dtype == np.float32
    assert ad.array([t, t], dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda t: [t, [5.0, 6.0]], (2, 2)),
        (lambda t: [[t, t], [t, np.zeros(2)], [t, [t[0], 1]]], (3, 2, 2)),
        (lambda t: t, (2,)),
        (lambda t: t[0], ()),
        (lambda t: (t[1],), (1,)),
    ],
)
def test_lists_tensors_and_arrays_mix(make: Any, shape: tuple[int, ...]) -> None:
    x = np.array([1.0, 2.0])
    for function in (ad.array, ad.asarray):
        y = function(make(ad.tensor(x)))
        assert isinstance(y, ad.Tensor) and y.shape == shape
        np.testing.assert_array_equal(y.data, np.array(make(x)))
    assert ad.grad(lambda t: np.sum(ad.array(make(t))))(x).sum() > 0


def test_parts_that_do_not_fit_are_named() -> None:
    t = ad.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"different shapes: \(2,\), \(3,\)"):
        ad.array([t, np.ones(3)])
    with pytest.raises(ValueError, match=r"different shapes: \(1,\), \(2,\)"):
        ad.array([[t[0]], [1, 2]])


def test_an_array_of_constants_is_plain_and_a_tensor_is_itself() -> None:
    t = ad.tensor([1.0, 2.0])
    assert isinstance(ad.array([1, 2]), np.ndarray) and ad.asarray(t) is t and ad.array(t) is not t
    assert ad.array([t[0]], ndmin=2).shape == (1, 1)


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (lambda t: np.array([t[0], t[1]]), r"np\.array, .*ad\.array"),
        (np.asarray, r"np\.asarray .*ad\.array"),
        (lambda t: np.vectorize(lambda v: 2 * v)(t), r"np\.vectorize .*ad\.vmap"),
    ],
    ids=["array", "asarray", "vectorize"],
)
def test_numpys_own_array_refuses_and_names_ours(call: Any, instead: str) -> None:
    with pytest.raises(ad.LeavesGraphError, match=instead):
        call(ad.tensor([1.0, 2.0]) * 1.0)


# ---- methods
def test_every_attribute_of_an_ndarray_exists_or_says_what_to_write() -> None:
    x = ad.tensor(np.ones((2, 2)))
    for name in set(dir(np.ndarray)) - {"real", "imag"}:  # of complex numbers
        if not name.startswith("_") and hasattr(x.data, name) and not hasattr(x, name):
            with pytest.raises(AttributeError, match=rf"a Tensor has no \.{name}: .*write "):
                getattr(x, name)


def test_every_function_that_is_no_method_says_how_it_is_called() -> None:
    x = ad.tensor(np.ones((2, 2)))
    with pytest.raises(AttributeError, match=r"a Tensor has no \.roll: write ad\.roll\(x, \.\.\.\)"):
        x.roll
    assert not hasattr(x, "roll") and "roll" not in dir(x)
    assert x.tan().shape == (2, 2) and x.compress([True, False], 0).shape == (1, 2)


# ---- singular points
NAN = float("nan")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("call", "x", "right"),
    [
        (np.sort, [2.0, NAN, 1.0], [1, NAN, 1]),
        (lambda x: np.partition(x, 1), [2.0, NAN, 1.0], [1, NAN, 1]),
        (np.median, [2.0, NAN, 1.0], [NAN, NAN, NAN]),
        (lambda x: np.quantile(x, 0.3, axis=1), [[2.0, NAN], [1.0, 2.0]], [[NAN, NAN], [0.7, 0.3]]),
        (np.nanmedian, [2.0, NAN, 1.0], [0.5, 0, 0.5]),
        (np.nanmax, [2.0, NAN, 2.0], [0.5, 0, 0.5]),
        (np.nanmax, [NAN, NAN], [0, 0]),
        (np.nanmean, [NAN, NAN], [0, 0]),
        (np.nanstd, [2.0, NAN, 2.0], [0, 0, 0]),
        (np.maximum.accumulate, [1.0, NAN, 2.0], [1, NAN, NAN]),
        (np.maximum.accumulate, [2.0, 2.0, 1.0], [1 + 0.5 + 0.5, 0.5 + 0.5, 0]),
        (np.minimum.accumulate, [2.0, 1.0, 1.0, 0.0], [1, 1.5, 0.5, 1]),
        (np.cumprod, [0.0, 3.0, 0.0], [1 + 3 + 0, 0, 0]),
        (np.median, [1.0, 2.0, 2.0, 2.0, 9.0], [0, 1 / 3, 1 / 3, 1 / 3, 0]),
        (np.median, [1.0, 2.0, 2.0, 9.0], [0, 0.5, 0.5, 0]),
        (lambda x: np.quantile(x, 0.25), [3.0, 1.0, 1.0], [0, 0.5, 0.5]),
        (lambda x: np.percentile(x, [0, 100]), [3.0, 1.0, 2.0], [1, 1, 0]),
        (lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]), [-1.0, 0.0, 1.0, 2.0, 3.0], [0, 1, 4, 4, 0]),
        (lambda x: np.piecewise(x, [x > 0], [np.sqrt, 0.0]), [0.0, 4.0], [0, 0.25]),
        (lambda x: np.select([x > 0], [np.log(x)], 0.0), [-1.0, 2.0], [0, 0.5]),
        (np.nan_to_num, [NAN, np.inf, 2.0], [0, 0, 1]),
        (np.vander, [0.0], [0]),
        (lambda x: np.vander(x, 3), [0.0, 1.0], [1, 3]),
    ],
)
def test_singular_points(call: Any, x: Any, right: Any) -> None:
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(call(x)))(np.array(x)), right, rtol=1e-14)


def test_a_second_derivative_of_cumprod_with_zeros() -> None:
    h = ad.hessian(lambda x: np.sum(np.cumprod(x)))(np.array([0.0, 3.0, 0.0]))
    np.testing.assert_array_equal(h, [[0, 1 + 0, 3], [1, 0, 0], [3, 0, 0]])


@pytest.mark.parametrize("call", [np.max, np.min, np.median, np.mean, lambda x: np.sort(x)[0], np.nanmax])
def test_counts_are_not_formed_in_float16(call: Any) -> None:
    """Of 70,000 equal ones the count was infinite in float16, and the gradient zero."""
    g = ad.grad(call)(np.ones(70_000, np.float16))
    assert g.dtype == np.float16
    np.testing.assert_array_equal(g, np.full(70_000, 1 / 70_000, np.float16))


def test_a_quantile_moves_with_q() -> None:
    x = np.array([1.0, 4.0, 9.0])
    assert ad.grad(lambda q: np.quantile(x, q))(0.25) == 6.0
    assert ad.grad(lambda q: np.quantile(x, q))(0.5) == 10.0  # at a knot: to the right
    assert ad.grad(lambda q: np.quantile(x, q))(1.0) == 10.0
    assert ad.grad(lambda q: np.quantile(x, q, method="nearest"))(0.3) == 0.0
    mixed = ad.grad(lambda x, q: ad.grad(lambda q: np.quantile(x, q))(q), 0)(x, 0.25)
    np.testing.assert_array_equal(mixed, [-2.0, 2.0, 0.0])


@pytest.mark.parametrize(
    ("call", "value", "slope"),
    [
        (lambda a: np.piecewise(a, [a > 3, a > 0], [0.0, np.square]), 4.0, 4.0),
        (lambda a: np.cumprod(a)[0], 2.0, 1.0),
        (lambda a: np.insert(np.ones(2), 1, a).sum(), 4.0, 1.0),
        (lambda a: np.diff([1.0, 2.0], append=a).sum(), 1.0, 1.0),
        (lambda a: np.quantile(np.array([1.0, 2.0, 4.0]), a / 4), 2.0, 1.0),
        (lambda a: np.trapezoid([1.0, 2.0, 3.0], dx=a), 8.0, 4.0),
        (lambda a: np.gradient(np.array([1.0, 4.0, 9.0]), a).sum(), 6.0, -3.0),
        (lambda a: np.block([[a, a], [1.0, 2.0]]).sum(), 7.0, 2.0),
        (lambda a: np.linspace(0.0, a, 3).sum(), 3.0, 1.5),
        (lambda a: ad.fill_diagonal(np.ones((2, 2)), a, inplace=False).sum(), 6.0, 2.0),
    ],
)
def test_a_scalar_is_an_operand_of_array_functions(call: Any, value: float, slope: float) -> None:
    a = ad.scalar(2.0)
    y = call(a)
    y.backward()
    assert (y.item(), a.grad) == (value, slope)
