"""Initial values: variances as published, seeds, orthogonality."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
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


def test_every_function_of_pytorch_writes_into_a_parameter_and_returns_it() -> None:
    torch = pytest.importorskip("torch")
    names = [n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_") and n != "sparse_"]
    assert len(names) >= 13
    for name in names:
        p = nn.Parameter(np.full((6, 6, 3) if name == "dirac_" else (6, 6), np.nan))
        held = p.data
        arguments = {"constant_": (0.5,)}.get(name, ())
        rng = {"rng": 0} if "rng" in inspect.signature(getattr(init, name)).parameters else {}
        assert getattr(init, name)(p, *arguments, **rng) is p and p.data is held and p.data.dtype == np.float32
        theirs = getattr(torch.nn.init, name)(torch.empty(p.shape), *arguments).numpy()
        if not rng:
            np.testing.assert_array_equal(p.data, theirs)
        else:  # drawn; of 36 numbers the root mean square varies by 12 %
            assert 0.5 < np.sqrt(np.mean(p.data**2) / np.mean(theirs**2)) < 2
    with pytest.raises(TypeError, match=r"nn\.init\.ones_ writes into a Parameter .*, got tuple; nn\.init\.ones makes"):
        init.ones_((2, 3))


@pytest.mark.parametrize("nonlinearity", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_gains_and_the_variances_of_kaiming_are_pytorchs(nonlinearity: str, mode: str) -> None:
    torch = pytest.importorskip("torch")
    gain = torch.nn.init.calculate_gain(nonlinearity)
    assert init.calculate_gain(nonlinearity) == pytest.approx(gain, rel=1e-15)
    bound = torch.nn.init.calculate_gain(nonlinearity, 0.3) * (3 / {"fan_in": 300, "fan_out": 100}[mode]) ** 0.5
    p = init.kaiming_uniform_(nn.Linear(300, 100).weight, 0.3, mode, nonlinearity, rng=0)
    assert 0.99 * bound < abs(p.data).max() <= bound * (1 + 1e-6)
    assert init.dirac((4, 2, 3), 2)[2, 0, 1] == 1 and init.dirac((4, 2, 3))[2].sum() == 0
    with pytest.raises(ValueError, match="nonlinearity must be one of linear"):
        init.calculate_gain("swish")


def test_truncated_draws_stay_within_their_bounds_and_an_empty_range_is_refused() -> None:
    drawn = init.trunc_normal(2000, mean=1.0, std=2.0, a=0.0, b=1.5, rng=0)
    assert drawn.min() >= 0 and drawn.max() <= 1.5 and 0.7 < drawn.mean() < 0.85  # 0.77 by the formula
    with pytest.raises(ValueError, match=r"nothing of N\(0.0, 1.0\) between a=9.0 and b=10.0"):
        init.trunc_normal(3, a=9.0, b=10.0)
