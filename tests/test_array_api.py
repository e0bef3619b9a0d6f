"""The package is a namespace of the Array API standard: names, new arrays, dtypes, exchange, and other libraries."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from tests.support.standard_calls import KINDS, calls

CONSTANTS = "e inf nan newaxis pi"
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
FUNCTIONS = """__array_namespace_info__ arange asarray empty empty_like eye from_dlpack full full_like linspace
meshgrid ones ones_like tril triu zeros zeros_like astype can_cast finfo iinfo isdtype result_type abs acos acosh
add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or bitwise_right_shift
bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor floor_divide greater greater_equal hypot
imag isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and logical_not logical_or
logical_xor maximum minimum multiply negative nextafter not_equal positive pow real reciprocal remainder round sign
signbit sin sinh square sqrt subtract tan tanh trunc take take_along_axis matmul matrix_transpose tensordot vecdot
broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile
unstack argmax argmin count_nonzero nonzero searchsorted where unique_all unique_counts unique_inverse
unique_values argsort sort cumulative_prod cumulative_sum max mean min prod std sum var all any diff"""
LINALG = """cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank matrix_transpose
outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm"""
FFT = "fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift ifftshift"


@pytest.mark.parametrize(
    ("namespace", "names"),
    [(ad, CONSTANTS), (ad, DTYPES), (ad, FUNCTIONS), (ad.linalg, LINALG), (ad.fft, FFT)],
    ids=["constants", "dtypes", "functions", "linalg", "fft"],
)
def test_every_name_of_the_standard_is_there(namespace: Any, names: str) -> None:
    assert not [name for name in names.split() if not hasattr(namespace, name)]


@pytest.mark.parametrize("names", [FUNCTIONS, LINALG, FFT], ids=["functions", "linalg", "fft"])
def test_functions_have_the_signatures_of_the_standard(names: str) -> None:
    """Every keyword exists; every other parameter is at its place, of its kind, and under its name if it has one."""
    strict = pytest.importorskip("array_api_strict")
    part = {LINALG: "linalg", FFT: "fft"}.get(names)
    theirs, ours = (getattr(package, part) if part else package for package in (strict, ad))
    wrong = {}
    for name in names.split():
        wanted = inspect.signature(getattr(theirs, name)).parameters.values()
        found = inspect.signature(getattr(ours, name)).parameters
        missing = [p.name for p in wanted if p.kind is p.KEYWORD_ONLY and p.name not in found]
        for want, have in zip([p for p in wanted if p.kind is not p.KEYWORD_ONLY], found.values()):
            named = want.kind is want.POSITIONAL_OR_KEYWORD
            if have.kind is have.KEYWORD_ONLY or (named and (have.name, have.kind) != (want.name, want.kind)):
                missing.append(want.name)
        if missing:
            wrong[name] = missing
    assert wrong == ({"clip": ["min", "max"]} if part is None else {})  # as in NumPy: a_min and a_max come before


MEMBERS = """T mT device dtype ndim shape size to_device __abs__ __add__ __and__ __array_namespace__ __bool__
__complex__ __dlpack__ __dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__
__invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__ __rshift__
__setitem__ __sub__ __truediv__ __xor__"""


def test_a_tensor_has_every_member_of_the_standards_array() -> None:
    assert not [name for name in MEMBERS.split() if not hasattr(ad.Tensor, name)]
    exchange = inspect.signature(ad.Tensor.__dlpack__).parameters
    assert [name for name, p in exchange.items() if p.kind is p.KEYWORD_ONLY] == [
        "stream",
        "max_version",
        "dl_device",
        "copy",
    ]
    np.testing.assert_array_equal(np.from_dlpack(ad.ones(2)), [1.0, 1.0])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")  # NumPy's, of infinities
def test_functions_give_shapes_dtypes_and_values_of_the_strict_implementation(kind: str) -> None:
    strict = pytest.importorskip("array_api_strict")

    def run(package: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        def given(v: Any) -> Any:
            if isinstance(v, list | tuple):
                return type(v)(map(given, v))
            return package.asarray(v) if isinstance(v, np.ndarray) else getattr(package, v) if v in KINDS else v

        place, _, function = name.rpartition(".")
        f = getattr(getattr(package, place) if place else package, function)
        return f(*map(given, args), **{k: given(v) for k, v in kwargs.items()})

    def values(y: Any) -> list[Any]:
        parts = y if isinstance(y, list | tuple) else [y]
        return [np.asarray(getattr(v, "_array", ad.plain(v)) if hasattr(v, "shape") else v) for v in parts]

    compared = 0
    for seed, other in enumerate(KINDS):
        for name, args, kwargs in calls(kind, other, np.random.default_rng(seed)):
            try:
                wanted = run(strict, name, args, kwargs)
            except Exception:
                continue  # not in the standard
            found = run(ad, name, args, kwargs)
            if name == "result_type":
                assert found == wanted._np_dtype
                continue
            for a, b in zip(values(found), values(wanted), strict=True):
                message = f"{name} of {[getattr(v, 'dtype', v) for v in args]}, {kwargs}"
                assert (a.shape, a.dtype) == (b.shape, b.dtype), message
                eps = np.finfo(b.dtype).eps if b.dtype.kind in "fc" else 0.0  # other orders of additions
                np.testing.assert_allclose(a, b, rtol=500 * eps, atol=500 * eps, err_msg=message)
            compared += 1
    assert compared > 2000 if kind != "bool" else compared > 500


def test_a_tensor_names_its_namespace_and_its_device() -> None:
    t = ad.tensor([1.0, 2.0])
    assert t.__array_namespace__() is ad is t.__array_namespace__(api_version="2024.12")
    assert t.device == "cpu" and t.to_device("cpu") is t
    with pytest.raises(ValueError, match=r"2024\.12; got '2030\.01'"):
        t.__array_namespace__(api_version="2030.01")
    with pytest.raises(ValueError, match=r"is on the device 'cpu'; got to_device\('cuda'"):
        t.to_device("cuda")


def test_new_arrays_of_floats_are_constants_into_which_recorded_values_may_be_written() -> None:
    x = ad.tensor([1.0, 2.0, 3.0])
    out = ad.zeros(3)
    assert isinstance(out, ad.Tensor) and out.is_leaf and not out.requires_grad
    out[1:] = x[:2] ** 2
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0, 0.0])


@given(st.sampled_from("ones zeros empty".split()), st.sampled_from(["float32", "complex128", "int16", "bool", None]))
def test_new_arrays_have_the_dtype_that_was_asked_for(name: str, dtype: str | None) -> None:
    made = getattr(ad, name)((2, 3), dtype=None if dtype is None else getattr(ad, dtype))
    assert (made.shape, made.dtype.name) == ((2, 3), dtype or "float64")
    like = getattr(ad, f"{name}_like")(made)
    assert (like.shape, like.dtype) == (made.shape, made.dtype)


def test_new_arrays_have_numpys_values() -> None:
    np.testing.assert_array_equal(ad.plain(ad.arange(2.0, 5.0, 0.5)), np.arange(2.0, 5.0, 0.5))
    np.testing.assert_array_equal(ad.plain(ad.eye(2, 3, k=1)), np.eye(2, 3, 1))
    np.testing.assert_array_equal(ad.plain(ad.full((2,), 7)), [7, 7])
    assert ad.arange(3).dtype == np.int64
    assert ad.asarray(2.5).dtype == np.float64 and isinstance(ad.asarray(np.ones(2)), ad.Tensor)


def test_asarray_shares_memory_copies_or_refuses_as_it_is_told() -> None:
    a = np.ones(3)
    assert np.shares_memory(ad.asarray(a).data, a) and not np.shares_memory(ad.asarray(a, copy=True).data, a)
    t = ad.tensor(a)
    assert ad.asarray(t, copy=False) is t
    copied = ad.asarray(t, copy=True)
    copied.sum().backward()
    np.testing.assert_array_equal(t.grad, 1.0)
    with pytest.raises(ValueError, match="need a copy"):
        ad.asarray([t[0], 1.0], copy=False)
    with pytest.raises(ValueError, match="the only device is 'cpu'; got 'gpu'"):
        ad.asarray(a, device="gpu")


def log_sum_exp(x: Any, axis: int) -> Any:
    """Written against the standard: it asks the value for its namespace."""
    xp = x.__array_namespace__()
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.squeeze(top, axis=axis) + xp.log(xp.sum(xp.exp(x - top), axis=axis))


def whitened(x: Any) -> Any:
    """Linear algebra of the standard."""
    xp = x.__array_namespace__()
    centred = x - xp.mean(x, axis=0, keepdims=True)
    spread = xp.matmul(xp.matrix_transpose(centred), centred) / x.shape[0] + xp.eye(x.shape[1], dtype=x.dtype)
    return xp.linalg.solve(xp.linalg.cholesky(spread), xp.matrix_transpose(centred))


def spectrum(x: Any) -> Any:
    xp = x.__array_namespace__()
    return xp.real(xp.fft.fftn(x) * xp.conj(xp.fft.fftn(x)))


def placed(x: Any) -> Any:
    """Shapes, joins and writes of the standard."""
    xp = x.__array_namespace__()
    out = xp.zeros((x.shape[0] + 1, x.shape[1]), dtype=x.dtype)
    out[1:, :] = xp.cumulative_sum(x, axis=0)
    return xp.concat([xp.permute_dims(out, (1, 0)), xp.expand_dims(xp.ones(out.shape[0]), axis=0)], axis=0) ** 2


NEWER = pytest.mark.skipif(not hasattr(np, "cumulative_sum"), reason="NumPy 2.0 has no cumulative_sum to compare with")


@pytest.mark.parametrize("f", [lambda x: log_sum_exp(x, 1), whitened, spectrum, pytest.param(placed, marks=NEWER)])
@given(st.integers(0, 100))
def test_code_written_against_the_standard_gives_numpys_numbers_and_is_differentiated(f: Any, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(4, 3))
    t = ad.tensor(x)
    y = f(t)
    np.testing.assert_allclose(y.data, f(x), rtol=1e-12, atol=1e-12)  # the same NumPy functions
    u = np.random.default_rng(seed + 1).normal(size=y.shape)
    (y * u).sum().backward()
    d = np.random.default_rng(seed + 2).normal(size=x.shape)
    h = 1e-6  # a central difference is right to h^2 and 1e-16 / h
    slope = ((f(x + h * d) - f(x - h * d)) * u).sum() / (2 * h)
    assert (t.grad * d).sum() == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_nextafter_takes_constants_and_refuses_recorded_values() -> None:
    assert ad.nextafter(ad.asarray([1.0]), 2.0) == np.nextafter(1.0, 2.0)
    with pytest.raises(ad.MissingRuleError, match=r"np\.nextafter is a step of one rounding"):
        ad.nextafter(ad.tensor([1.0]), 2.0)


def test_integers_keep_numpys_dtypes_in_products() -> None:
    """cumprod of int8 stayed int8, and 100 * 2 became -56; vecdot of int8 became int64."""
    small = np.array([100, 2], np.int8)
    np.testing.assert_array_equal(ad.cumprod(small), [100, 200])
    assert ad.cumprod(small).dtype == np.cumprod(small).dtype and ad.vecdot(small, small).dtype == np.int8


def test_dlpack_gives_constants_without_a_copy_and_refuses_recorded_values() -> None:
    a = np.arange(3.0)
    assert np.shares_memory(ad.from_dlpack(a).data, a)
    constant = ad.ones(3)
    assert np.shares_memory(np.from_dlpack(constant), constant.data)
    with pytest.raises(ad.LeavesGraphError, match=r"from_dlpack\(\)"):
        np.from_dlpack(ad.tensor(a))


@pytest.mark.parametrize("module", ["torch", "jax.numpy"])
def test_dlpack_shares_memory_with_another_library(module: str) -> None:
    other = pytest.importorskip(module)
    theirs = other.ones(3)
    ours = ad.from_dlpack(theirs)
    assert isinstance(ours, ad.Tensor) and ours.dtype == np.float32
    if module == "torch":  # JAX's arrays are read-only
        theirs[0] = 5.0
        assert ours.data[0] == 5.0 == other.from_dlpack(ours)[0]
    else:
        assert np.asarray(other.from_dlpack(ad.ones(3))).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [(complex, r"complex\(\)"), (lambda t: [1, 2, 3][t], "an index or a length"), (range, "an index or a length")],
)
def test_python_numbers_of_recorded_values_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ad.LeavesGraphError, match=message):
        call(ad.tensor(1.0))


def test_constants_become_python_numbers() -> None:
    assert complex(ad.zeros(())) == 0j
    assert [1, 2, 3][ad.tensor(np.array(1), requires_grad=False)] == 2


IN_SCIPY = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, scipy.special, scipy.stats, scipy.signal, scipy.fft, scipy.integrate, autodiff as ad
x = np.random.default_rng(0).uniform(1.0, 2.0, (3, 8))
v = x[0]
calls = {
    "logsumexp": lambda x: scipy.special.logsumexp(x, axis=1), "softmax": lambda x: scipy.special.softmax(x, axis=1),
    "log_softmax": lambda x: scipy.special.log_softmax(x, axis=1), "zscore": scipy.stats.zscore,
    "skew": scipy.stats.skew, "kurtosis": scipy.stats.kurtosis, "moment": lambda x: scipy.stats.moment(x, 3),
    "gmean": scipy.stats.gmean, "hmean": scipy.stats.hmean, "pmean": lambda x: scipy.stats.pmean(x, 2.5),
    "sem": scipy.stats.sem, "entropy": scipy.stats.entropy, "trim_mean": lambda x: scipy.stats.trim_mean(x, 0.2),
    "ttest": lambda x: scipy.stats.ttest_1samp(x, 1.0).statistic,
    "fftconvolve": lambda x: scipy.signal.fftconvolve(x, x), "hilbert": lambda x: abs(scipy.signal.hilbert(x)),
    "rfft": lambda x: abs(scipy.fft.rfft(x)),
    "false_discovery_control": lambda x: scipy.stats.false_discovery_control(x / 10),
    "trapezoid": scipy.integrate.trapezoid, "cumulative": scipy.integrate.cumulative_trapezoid,
}
told = {}
for name, f in calls.items():
    t = ad.tensor(x)
    y = f(t)
    u = np.random.default_rng(1).normal(size=y.shape)
    (y * u).sum().backward()
    d, h = np.random.default_rng(2).normal(size=x.shape), 1e-6
    slope = float(((f(x + h * d) - f(x - h * d)) * u).sum() / (2 * h))
    told[name] = [float(np.max(np.abs(y.data - f(x)))), float((t.grad * d).sum()), slope]
print(json.dumps(told))
"""


def test_scipys_array_api_functions_record() -> None:
    pytest.importorskip("scipy")
    where = {**os.environ, "SCIPY_ARRAY_API": "1"}  # SciPy reads it once, when it is imported
    done = subprocess.run([sys.executable, "-c", IN_SCIPY], env=where, capture_output=True, text=True, check=True)
    for name, (off, derivative, slope) in json.loads(done.stdout).items():
        assert off < 1e-12, name
        assert derivative == pytest.approx(slope, rel=1e-5, abs=1e-5), name  # a difference with h = 1e-6


def test_scikit_learns_array_api_functions_record() -> None:
    sklearn = pytest.importorskip("sklearn")
    pytest.importorskip("array_api_compat")
    from sklearn.decomposition import PCA
    from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel
    from sklearn.preprocessing import MinMaxScaler

    os.environ.setdefault("SCIPY_ARRAY_API", "1")
    x = np.random.default_rng(0).normal(size=(6, 3))
    calls = [rbf_kernel, cosine_similarity, MinMaxScaler().fit_transform, PCA(2, svd_solver="full").fit_transform]
    try:
        with sklearn.config_context(array_api_dispatch=True):
            for f in calls:
                t = ad.tensor(x)
                y = f(t)
                (y**3).sum().backward()
                d, h = np.random.default_rng(2).normal(size=x.shape), 1e-6
                slope = ((f(x + h * d) ** 3).sum() - (f(x - h * d) ** 3).sum()) / (2 * h)
                assert (t.grad * d).sum() == pytest.approx(slope, rel=1e-5, abs=1e-5)
    except RuntimeError as error:
        pytest.skip(str(error))  # scikit-learn wants SCIPY_ARRAY_API before SciPy is imported


def test_einops_works_on_tensors() -> None:
    einops = pytest.importorskip("einops.array_api")
    t = ad.tensor(np.arange(12.0).reshape(2, 6))
    y = einops.rearrange(t, "a (b c) -> c a b", c=2)
    (y[0] ** 2).sum().backward()
    np.testing.assert_array_equal(t.grad, [[0, 0, 4, 0, 8, 0], [12, 0, 16, 0, 20, 0]])
    np.testing.assert_array_equal(einops.reduce(t, "a b -> a", "mean").data, [2.5, 8.5])
    doubled = ad.compile(lambda x: einops.rearrange(x, "a b -> b a") * 2.0)  # takes the namespace of a traced array
    np.testing.assert_array_equal(doubled(t.data), 2.0 * t.data.T)


def test_sort_goes_down_as_well_as_up() -> None:
    x = ad.tensor([2.0, 3.0, 1.0])
    y = ad.sort(x, descending=True)
    (y * np.array([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(y.data, [3.0, 2.0, 1.0])
    np.testing.assert_array_equal(x.grad, [10.0, 1.0, 100.0])
    np.testing.assert_array_equal(ad.argsort(y, descending=True), [0, 1, 2])
    np.testing.assert_array_equal(ad.argsort([1.0, 2.0, 2.0], descending=True), [1, 2, 0])


def test_xarray_keeps_recorded_values_under_its_names() -> None:
    xarray = pytest.importorskip("xarray")
    t = ad.tensor(np.arange(6.0).reshape(2, 3))
    y = (xarray.DataArray(t, dims=("time", "place")) ** 2).mean("time").data
    y.sum().backward()
    np.testing.assert_array_equal(t.grad, t.data)


def test_a_copy_that_xarray_makes_of_a_leaf_stays_connected_to_it() -> None:
    """``sortby`` and ``copy`` made a new leaf by ``copy.deepcopy``: the gradient of the first one was None."""
    xarray = pytest.importorskip("xarray")
    t = ad.tensor(np.arange(6.0).reshape(2, 3))
    table = xarray.DataArray(t, dims=("time", "place"), coords={"place": [3, 1, 2]})
    (table.sortby("place").copy().data * np.array([10.0, 1.0, 0.0])).sum().backward()
    np.testing.assert_array_equal(t.grad, [[0.0, 10.0, 1.0]] * 2)
