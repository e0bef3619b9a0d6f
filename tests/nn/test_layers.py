"""Layers: shapes, dtypes, errors that say who speaks, dropout's statistics, activations against their functions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
from nn import functional as F
from nn import random as nn_random

ACTIVATIONS = {
    nn.ReLU: "ReLU",
    nn.Sigmoid: "Sigmoid",
    nn.Tanh: "Tanh",
    nn.LeakyReLU: "LeakyReLU",
    nn.ELU: "ELU",
    nn.GELU: "GELU",
    nn.SiLU: "SiLU",
    nn.Softplus: "Softplus",
    nn.Softmax: "Softmax",
    nn.LogSoftmax: "LogSoftmax",
}


@given(
    seed=st.integers(0, 2**32 - 1),
    lead=st.lists(st.integers(0, 3), max_size=3),
    sizes=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    bias=st.booleans(),
)
def test_linear_is_x_times_w_transposed_plus_b(seed, lead, sizes, bias):
    rng = np.random.default_rng(seed)
    layer = nn.Linear(*sizes, bias=bias, dtype=float, rng=rng)
    if bias:
        layer.bias.data = rng.standard_normal(sizes[1])
    x = rng.standard_normal((*lead, sizes[0]))
    y = layer(x)
    expected = x @ layer.weight.data.T + (layer.bias.data if bias else 0)
    assert y.shape == (*lead, sizes[1])
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12)  # float64 sums of at most four products


@pytest.mark.parametrize("rows", [1, 32, 64, 65])
def test_linear_gives_row_ordered_results_by_either_way_to_the_product(rows):
    """Few rows and a large weight take another path through BLAS."""
    rng = np.random.default_rng(0)
    layer, x = nn.Linear(300, 200, dtype=float, rng=0), rng.standard_normal((rows, 300))
    y = layer(x)
    assert y.data.flags.c_contiguous
    np.testing.assert_allclose(y.data, np.einsum("ni,oi->no", x, layer.weight.data), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "x", [np.ones((2, 3)), np.ones((2, 3), np.float16), np.ones((2, 3), np.uint8), [[1, 2, 3], [4, 5, 6]]]
)
def test_a_layer_casts_plain_input_to_the_dtype_of_its_parameters(x):
    assert nn.Linear(3, 2, rng=0)(x).dtype == np.float32
    assert nn.Linear(3, 2, rng=0, dtype=float)(x).dtype == np.float64


def test_a_tensor_promotes_as_numpy_does():
    assert nn.Linear(3, 2, rng=0)(ad.tensor(np.ones((2, 3)))).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: nn.Linear(3, 2, rng=0)(np.ones((4, 5))),
            r"Linear\(in_features=3\) got x with last axis 5: shape \(4, 5\)",
        ),
        (lambda: nn.Linear(3, 2, rng=0)(1.0), r"Linear\(in_features=3\) got x with no axis: shape \(\)"),
        (lambda: nn.Linear(-1, 2), "in_features must be an integer >= 0, got -1"),
        (lambda: nn.Linear(3, 2.5), "out_features must be an integer >= 0, got 2.5"),
        (lambda: nn.Flatten(3)(np.ones((2, 2))), r"flatten from axis 3 to -1 needs those axes; got shape \(2, 2\)"),
        (lambda: nn.Dropout(1.5), r"\[0, 1\], got 1.5"),
        (lambda: nn.GELU("fast"), "'none' or 'tanh', got 'fast'"),
        (lambda: nn.Sequential(nn.ReLU(), [nn.ReLU()]), "layer 1 is a list"),
        (lambda: nn.Neuron(2, "swish"), "activation must be one of linear, relu"),
        (lambda: nn.Neuron(2, rng=0)([1.0]), r"Neuron\(nin=2\) got 1 inputs"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@pytest.mark.parametrize("cls", ACTIVATIONS, ids=ACTIVATIONS.values())
@given(seed=st.integers(0, 2**32 - 1))
def test_activations_equal_pytorchs(cls, seed):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(seed).standard_normal((3, 4)) * 3
    theirs = getattr(torch.nn, ACTIVATIONS[cls])(*([-1] if "Softmax" in ACTIVATIONS[cls] else []))
    a, b = ad.tensor(x), torch.tensor(x, requires_grad=True)
    mine, other = cls()(a), theirs(b)
    np.testing.assert_allclose(mine.data, other.detach().numpy(), rtol=1e-12, atol=1e-14)  # float64, other formulas
    g = np.linspace(-1, 1, 12).reshape(3, 4)
    mine.backward(g)
    other.backward(torch.tensor(g))
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-11, atol=1e-13)
    assert cls()(np.float32(x)).dtype == np.float32


def test_activations_with_arguments():
    x = np.array([-2.0, 3.0])
    np.testing.assert_allclose(nn.LeakyReLU(0.5)(x), [-1.0, 3.0])
    np.testing.assert_allclose(nn.ELU(2.0)(x), [2 * math.expm1(-2.0), 3.0])
    np.testing.assert_allclose(nn.Softmax(0)(np.zeros((2, 3))), 0.5)
    assert repr(nn.GELU("tanh")) == "GELU(approximate='tanh')"


def test_functional_activations_are_autodiffs_own():
    assert F.relu is ad.relu and F.mish is ad.mish


# Dropout.


@given(p=st.floats(0.05, 0.95), seed=st.integers(0, 2**32 - 1))
def test_dropout_keeps_the_mean_and_drops_the_share_it_says(p, seed):
    n = 20_000
    y = nn.Dropout(p, rng=seed)(np.ones(n))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - p), rtol=1e-12)
    # Six standard deviations of a binomial share; a fair generator fails once in 1e9 runs.
    assert abs(kept.mean() - (1 - p)) < 6 * math.sqrt(p * (1 - p) / n)


def test_dropout_passes_gradients_where_it_passed_values():
    x = ad.tensor(np.ones(100))
    y = nn.Dropout(0.5, rng=0)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)


def test_dropout_is_the_identity_in_evaluation_and_at_zero_and_nothing_at_one():
    x = ad.tensor([1.0, 2.0])
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0.0)(x) is x
    np.testing.assert_array_equal(nn.Dropout(1.0)(x).data, [0, 0])


def test_dropout_keeps_float32_and_follows_the_default_generator():
    x = np.ones(50, np.float32)
    nn.seed(3)
    a = nn.Dropout(0.5)(x)
    nn.seed(3)
    b = nn.Dropout(0.5)(x)
    assert a.dtype == np.float32
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(nn.Dropout(0.5)(x), nn.Dropout(0.5)(x))


@pytest.mark.parametrize("rng", [None, 5])
def test_dropout_repeats_itself_inside_a_checkpoint(rng):
    def gradients(through):
        nn.seed(1)
        block = nn.Sequential(
            nn.Linear(4, 30, dtype=float, rng=0), nn.Dropout(0.5, rng=rng), nn.Linear(30, 2, dtype=float, rng=1)
        )
        x = ad.tensor(np.ones((3, 4)))
        y = through(block)(x)
        nn.default_generator().random()  # what comes between the two runs
        y.sum().backward()
        return [x.grad, *(p.grad for p in block.parameters())]

    for plain, replayed in zip(gradients(lambda block: block), gradients(ad.checkpoint), strict=True):
        np.testing.assert_allclose(plain, replayed, rtol=1e-12)  # the same operations, recorded twice


# Containers and randomness.


def test_sequential_is_a_sequence():
    net = nn.Sequential(nn.Linear(2, 3, rng=0), np.tanh, nn.Linear(3, 1, rng=0))
    assert len(net) == 3 and net[-1] is net[2] and list(net)[1] is np.tanh
    assert net(np.ones((4, 2))).shape == (4, 1)
    head = net[:2]
    assert head[0] is net[0] and head(np.ones((4, 2))).shape == (4, 3)
    net[-1] = nn.Linear(3, 5, rng=0)
    assert net.append(nn.ReLU())(np.ones((4, 2))).shape == (4, 5)


def test_same_seed_same_network():
    def network():
        nn.seed(7)
        return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).state_dict()

    for (name, a), b in zip(network().items(), network().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_threads_have_generators_of_their_own():
    from concurrent.futures import ThreadPoolExecutor

    nn.seed(0)
    mine = nn_random.default_generator()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(nn_random.default_generator).result() is not mine
    assert nn_random.default_generator() is mine
