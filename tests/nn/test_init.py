"""Initial values: variances as published, seeds, orthogonality."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn import init

RANDOM = ["xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"]
VARIANCE = {
    "xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}
weight_shapes = st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple)


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("shape", [(300, 200), (50, 40, 5, 5)])
def test_variance_is_the_published_one(name, shape):
    values = getattr(init, name)(shape, rng=0, dtype=np.float64)
    fan_in, fan_out = init.fans(shape)
    expected = VARIANCE[name.split("_")[0]](fan_in, fan_out)
    # The relative standard error of a variance estimate of n normal draws is sqrt(2/n); six of them.
    assert values.var() == pytest.approx(expected, rel=6 * math.sqrt(2 / values.size))
    assert abs(values.mean()) < 6 * math.sqrt(expected / values.size)


@pytest.mark.parametrize("name", [*RANDOM, "orthogonal", "normal", "uniform"])
@given(shape=weight_shapes, seed=st.integers(0, 2**32))
def test_same_seed_same_values_and_dtype_as_asked(name, shape, seed):
    make = getattr(init, name)
    for dtype in (np.float32, np.float64):
        a, b = make(shape, rng=seed, dtype=dtype), make(shape, rng=seed, dtype=dtype)
        assert a.dtype == dtype and a.shape == shape
        np.testing.assert_array_equal(a, b)


@given(shape=weight_shapes, seed=st.integers(0, 2**32), gain=st.floats(0.1, 3))
def test_orthogonal_rows_or_columns_are_orthonormal_times_the_gain(shape, seed, gain):
    matrix = init.orthogonal(shape, gain=gain, rng=seed, dtype=np.float64).reshape(shape[0], -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, gain**2 * np.eye(len(small)), atol=1e-12)  # QR of matrices of norm ~10


def test_orthogonal_matrices_are_spread_over_both_signs():
    diagonals = [init.orthogonal((2, 2), rng=seed, dtype=float)[0, 0] for seed in range(50)]
    assert min(diagonals) < 0 < max(diagonals)


def test_zeros_and_ones_need_no_randomness():
    assert not init.zeros((3, 2)).any() and init.ones(4).all()
    assert init.zeros(3).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: init.orthogonal(3, rng=0), "at least two axes"),
        (lambda: init.fans(()), "no fan_in"),
        (lambda: init.normal(3, rng="seed"), "rng must be"),
        (lambda: init.normal(3, rng=True), "rng must be"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()
