"""erf and erfc on raw arrays: reference points, symmetry, order, bounds, layouts, dtypes; a search against mpmath. The
selection on bits is `np.where`. Placing at repeated indices is `np.add.at`. Slopes of angles are the same in
large arrays."""

from __future__ import annotations

import math
import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autodiff as ad
from autodiff.ops.index import scatter
from autodiff.ops.kernels import BLOCK, erf, erfc, select

# x, erf(x), erfc(x): mpmath at 50 digits, rounded to 25. Every x is a short binary fraction, exact in float32 too.
REFERENCE = [
    ("0.0000152587890625", "0.00001721769969189359778822002", "0.9999827823003081064022118"),
    ("0.001953125", "0.002203862758376653927827528", "0.9977961372416233460721725"),
    ("0.0625", "0.07043197772238707805059006", "0.9295680222776129219494099"),
    ("0.25", "0.2763263901682369329850683", "0.7236736098317630670149317"),
    ("0.40625", "0.434386911133823865355631", "0.565613088866176134644369"),
    ("0.5", "0.5204998778130465376827467", "0.4795001221869534623172533"),
    ("0.50390625", "0.5239259089957237036826033", "0.4760740910042762963173967"),
    ("0.65625", "0.6466327080067081478018178", "0.3533672919932918521981822"),
    ("0.84375", "0.7672256612323416334589782", "0.2327743387676583665410218"),
    ("0.96875", "0.8293191505933151273904116", "0.1706808494066848726095884"),
    ("1", "0.8427007929497148693412206", "0.1572992070502851306587794"),
    ("1.0078125", "0.8459185503576276539666521", "0.1540814496423723460333479"),
    ("1.25", "0.9229001282564582301365235", "0.07709987174354176986347652"),
    ("1.5", "0.9661051464753107270669763", "0.03389485352468927293302374"),
    ("1.75", "0.9866716712191824437722111", "0.0133283287808175562277889"),
    ("2", "0.9953222650189527341620693", "0.004677734981047265837930744"),
    ("2.5", "0.9995930479825550410604358", "0.0004069520174449589395642157"),
    ("2.859375", "0.9999474007853637380737339", "0.00005259921463626192626611687"),
    ("3", "0.9999779095030014145586272", "0.00002209049699858544137277613"),
    ("3.5", "0.9999992569016276585872545", "0.0000007430983723414127455236838"),
    ("3.90625", "0.9999999669144919152604111", "3.308550808473958890912874e-8"),
    ("4", "0.9999999845827420997199811", "1.541725790028001885215967e-8"),
    ("5", "0.999999999998462540205572", "1.537459794428034850188343e-12"),
    ("5.75", "0.9999999999999995767863383", "4.23213661742573762594672e-16"),
    ("5.9375", "0.9999999999999999541552656", "4.584473436234396569992195e-17"),
    ("6", "0.9999999999999999784802633", "2.151973671249891311659335e-17"),
    ("8", "1.0", "1.122429717298292707996789e-29"),
    ("9.9375", "1.0", "7.306336335618897083523349e-45"),
]
ERF_ULP, ERFC_ULP = 1.5, 6  # the largest errors found are 1.1 and 4.2; the rest is room for another exp
finite = st.floats(-30, 30)


def ulps(got: np.ndarray, exact: list[float]) -> np.ndarray:
    """The distance from the correctly rounded value, in units of its last place."""
    exact = np.array(exact, got.dtype)
    return np.abs(got.astype(np.float64) - exact) / np.spacing(np.abs(exact))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_reference_points_are_met_to_the_stated_error(dtype, sign):
    x = sign * np.array([float(row[0]) for row in REFERENCE], dtype)
    # The reference itself is rounded to float64 (float32), so half a unit is added to the bound.
    assert ulps(erf(x), [sign * float(row[1]) for row in REFERENCE]).max() <= ERF_ULP + 0.5
    wanted = [float(row[2]) if sign > 0 else 1 + float(row[1]) for row in REFERENCE]
    assert ulps(erfc(x), wanted).max() <= ERFC_ULP + 0.5


def test_special_values_are_exact():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 6.0, -6.0, 28.0, -28.0])
    for dtype in (np.float16, np.float32, np.float64):
        np.testing.assert_array_equal(erf(x.astype(dtype)), np.array([0, -0.0, 1, -1, np.nan, 1, -1, 1, -1], dtype))
        signs = np.signbit(erf(np.array([0.0, -0.0], dtype)))
        assert signs.tolist() == [False, True]
        exact = np.array([1, 1, 0, 2, np.nan, float(erfc(dtype(6))), 2, 0, 2], dtype)
        np.testing.assert_array_equal(erfc(x.astype(dtype)), exact)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_tiny_and_subnormal_numbers_keep_their_slope(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = smallest * np.array([1, 2, 3, 1000], dtype)
    # float64 adds a rounded x * 0.128 to x: two roundings of at most half the smallest number; the others round once
    error = np.abs(erf(x).astype(np.float64) / smallest - np.array([1, 2, 3, 1000]) * (2 / math.sqrt(math.pi)))
    assert error.max() <= 1
    np.testing.assert_array_equal(erfc(x), np.ones(4, dtype))


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_any_numbers_at_all_give_results_within_bounds_and_no_warning(x):
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        y, c = erf(x), erfc(x)
    known = ~np.isnan(x)
    assert (np.isnan(y) == ~known).all()
    assert (np.isnan(c) == ~known).all()
    assert (np.abs(y[known]) <= 1).all()
    assert ((c[known] >= 0) & (c[known] <= 2)).all()
    np.testing.assert_array_equal(erf(-x), -y)
    np.testing.assert_array_equal(np.signbit(y[known]), np.signbit(x[known]))


@given(x=finite, dtype=st.sampled_from([np.float32, np.float64]))
def test_neighbours_keep_their_order_to_within_the_error(x, dtype):
    x = dtype(x)
    above = np.nextafter(x, dtype(np.inf))
    assert erf(above) >= erf(x) - 2 * ERF_ULP * np.spacing(np.abs(erf(x)))
    assert erfc(above) <= erfc(x) + 2 * ERFC_ULP * np.spacing(erfc(x))


@given(finite)
def test_erf_and_erfc_add_to_one(x):
    # each is at most 2 and errs by its bound at most; far out the larger of them is exact
    assert abs(erf(x) + erfc(x) - 1) <= (ERF_ULP + ERFC_ULP) * np.spacing(1.0)


@given(x=finite)
def test_the_results_agree_with_the_standard_library(x):
    # the C library's own error (at most 1 ulp in glibc) is added to ours
    assert abs(erf(x) - math.erf(x)) <= (ERF_ULP + 1) * np.spacing(abs(math.erf(x)))
    assert abs(erfc(x) - math.erfc(x)) <= (ERFC_ULP + 1) * np.spacing(math.erfc(x))


@pytest.mark.parametrize("function", [erf, erfc])
@given(dtype=st.sampled_from([np.float16, np.float32, np.float64]), data=st.data())
def test_layout_company_and_length_make_no_difference(function, dtype, data):
    """An element's result does not depend on what else is in the array, nor on how the array lies in memory."""
    shapes = hnp.array_shapes(min_dims=1, max_dims=3)
    x = data.draw(hnp.arrays(dtype, shapes, elements={"min_value": -8, "max_value": 8}))
    expected = np.array([function(v) for v in x.ravel()]).reshape(x.shape)
    assert expected.dtype == dtype
    backwards = (slice(None, None, -1),) * x.ndim
    for same in (x, np.asfortranarray(x), x[backwards].copy()[backwards], x.astype(x.dtype.newbyteorder())):
        np.testing.assert_array_equal(function(same), expected)
    np.testing.assert_array_equal(function(np.broadcast_to(x, (2, *x.shape)))[1], expected)


def test_blocks_join_without_a_seam():
    x = np.linspace(-7, 7, 2 * BLOCK + 3)
    for function in (erf, erfc):
        parts = [function(x[:BLOCK]), function(x[BLOCK : 2 * BLOCK]), function(x[2 * BLOCK :])]
        np.testing.assert_array_equal(function(x), np.concatenate(parts))


def test_scalars_integers_and_empty_arrays_behave_as_with_a_ufunc():
    assert type(erf(0.5)) is np.float64
    assert type(erf(np.float32(0.5))) is np.float32
    assert erf(np.array(1)) == erf(1.0) == erf(True)
    assert erf(np.zeros((0, 3), np.float32)).shape == (0, 3)
    x = np.array([0.5, 1.5])
    erf(x), erfc(x)
    assert x.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("x", [1j, np.longdouble(1), "text", np.array([None])])
def test_other_dtypes_are_refused_by_name(x):
    for function, name in ((erf, "erf"), (erfc, "erfc")):
        with pytest.raises(TypeError, match=rf"^{name}: dtype .* is not supported"):
            function(x)


regimes = st.one_of(st.floats(-1, 1), st.floats(0.4, 1.6), st.floats(1, 6), st.floats(-6, 27.2), st.floats(-1e-300, 1))


@given(x=regimes, dtype=st.sampled_from([np.float32, np.float64]))
def test_the_error_against_mpmath_is_within_the_bound(x, dtype):
    x = dtype(x)
    with mpmath.workprec(200):
        for function, exact, bound in ((erf, mpmath.erf, ERF_ULP), (erfc, mpmath.erfc, ERFC_ULP)):
            got, want = function(x), exact(mpmath.mpf(float(x)))
            assert abs(mpmath.mpf(float(got)) - want) <= bound * mpmath.mpf(float(np.spacing(np.abs(dtype(want)))))


layouts = {
    "C": lambda x: x,
    "transposed": lambda x: x.T,
    "channels last": lambda x: x.reshape(16, 32, -1).transpose(0, 2, 1),
    "strided": lambda x: x[:, ::2],
    "reversed": lambda x: x[::-1],
    "read only": lambda x: np.broadcast_to(x[:1], x.shape),
}
branches = st.sampled_from(["array", "other order", "float32", 0.0, -0.0, 1, math.nan, math.inf, np.float64(2.0)])


@given(
    st.sampled_from(list(layouts)),
    st.sampled_from("fde"),
    branches,
    branches,
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_select_is_where_bit_for_bit(layout: str, kind: str, a: object, b: object, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    holds = layouts[layout](rng.random((32, 1024)) < share)
    special = np.array([math.nan, -math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-40, 3.0, -2.5])

    def made(branch: object) -> object:
        x = rng.choice(special, (32, 1024)).astype(kind)
        if branch == "array":
            return layouts[layout](x)
        if branch == "other order":
            return np.resize(x, holds.shape)
        return rng.choice(special, holds.shape).astype("f") if isinstance(branch, str) else branch

    x, y = made(a), made(b)
    got, want = select(holds, x, y), np.where(holds, x, y)
    assert got.dtype == want.dtype and got.shape == want.shape
    assert np.array_equal(got.view(f"u{got.itemsize}"), want.view(f"u{want.itemsize}"))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("most", [1, 3, 4, 5])  # up to 4 times the same place goes in rounds
def test_wide_rows_at_repeated_places_are_added_as_numpy_adds_them(axis: int, most: int) -> None:
    """In the same order, therefore to the same bits."""
    rng = np.random.default_rng(most)
    places = rng.permutation(np.repeat([0, 2, -1, 7, -4], [most, 1, 2, 1, most]))
    shape = (40, 2000) if axis == 0 else (2000, 40)
    index = (slice(None),) * axis + (places,) if axis else places
    x = rng.normal(size=(places.size, 2000) if axis == 0 else (2000, places.size)).astype(np.float32)
    expected = np.zeros(shape, np.float32)
    np.add.at(expected, index, x)
    np.testing.assert_array_equal(scatter(x, index=index, shape=shape, dtype=np.float32), expected)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.uint8])
@pytest.mark.parametrize("width", [3, 200, 900])
def test_small_integers_as_an_index_do_not_overflow_in_the_gradient(kind: type, width: int) -> None:
    """An int8 index 100 of rows of 3 numbers is the flat place 300, which was taken for 44."""
    x, index = np.zeros((120, width)), np.array([100, 119, 100, 3], kind)
    expected = np.zeros_like(x)
    np.add.at(expected, index, 1.0)
    np.testing.assert_array_equal(ad.grad(lambda x: x[index].sum())(x), expected)
    many = np.resize(index, (40, 50))
    np.testing.assert_array_equal(ad.grad(lambda x: x[many].sum())(x), 500 * expected)


@pytest.mark.parametrize("special", [None, 0.0, np.nan, 1e200, 1e-200])
def test_the_slope_of_an_angle_is_that_of_few_elements_in_a_large_array_too(special: float | None) -> None:
    """Large arrays of moderate numbers have a formula of their own; one number out of range, and none has it."""
    a, b = np.random.default_rng(0).normal(size=(2, 100, 100))
    if special is not None:
        a[3, 4] = b[3, 4] = special
    for slope in (ad.grad(_angles, argnums=(0, 1)), ad.compile(ad.grad(_angles, argnums=(0, 1)))):
        for large, row in zip(slope(a, b), slope(a[3], b[3]), strict=True):
            np.testing.assert_allclose(large[3], row, rtol=8 * np.finfo(float).eps)  # two formulas of few operations
    if special is None:
        curved = ad.grad(lambda a, b: ad.grad(_angles)(a, b).sum())
        np.testing.assert_allclose(curved(a, b)[3], curved(a[3], b[3]), rtol=1e-13)


def _angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    angles: np.ndarray = np.arctan2(a, b).sum()
    return angles
