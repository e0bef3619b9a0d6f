"""A gradient costs at most four times its function, counted in operations, and cost grows linearly with the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.testing import assert_cheap_gradient

X = np.linspace(0.1, 1.0, 12)


def nested(x: Any, times: int) -> Any:
    for _ in range(times):
        x = np.tanh(x)
    return x.sum()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[0],
        lambda x: nested(x, 20),
        lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
        lambda x: np.linalg.solve(np.outer(x, x) + np.eye(12), x).sum(),
        lambda x: np.where(x > 0.5, x, np.cumsum(x)).prod(),
        lambda x: np.linalg.norm(x) + ad.special.logsumexp(x),
    ],
)
def test_a_gradient_costs_at_most_four_times_its_function(f: Any) -> None:
    assert 1.0 < assert_cheap_gradient(f, X) <= 4.0


@pytest.mark.parametrize("kind", ["dense", "convolution", "lstm"])
def test_the_gradient_of_a_network_by_its_parameters_is_cheap(kind: str) -> None:
    models: dict[str, Any] = {
        "dense": nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3)),
        "convolution": nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.Flatten()),
        "lstm": nn.LSTM(6, 4),
    }
    model = models[kind]
    x = np.ones({"dense": (5, 6), "convolution": (2, 2, 6, 6), "lstm": (4, 2, 6)}[kind], np.float32)

    def loss(parameters: Any) -> Any:
        y = nn.functional_call(model, parameters, x)
        return ((y[0] if isinstance(y, tuple) else y) ** 2).sum()

    assert_cheap_gradient(loss, {name: p.data for name, p in model.named_parameters()})


def test_reading_elements_in_a_loop_costs_the_size_of_the_array_in_all() -> None:
    def squares(x: Any) -> Any:
        return sum(x[k] * x[k] for k in range(len(x)))

    costs = [assert_cheap_gradient(squares, np.ones(n)) for n in (10, 40)]
    assert costs[1] < 1.2 * costs[0]  # a scatter of the whole array for each element would make it 4 times


def test_a_gradient_computed_column_by_column_is_named() -> None:
    @ad.custom_vjp
    def square(x: Any) -> Any:
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, g: (sum(np.eye(12)[k] * 2 * x[k] * g[k] for k in range(12)),))
    with pytest.raises(AssertionError, match=r"gradient of <lambda> take .* times the .*np\.multiply"):
        assert_cheap_gradient(lambda x: square(x).sum(), X)


def test_python_numbers_are_inputs_and_the_bound_is_the_callers() -> None:
    def f(a: Any, b: Any, n: int) -> Any:
        return (a * b + n) * b

    found = assert_cheap_gradient(f, 0.3, 0.4, 2, argnums=(0, 1))
    with pytest.raises(AssertionError, match=r"1\.0 times are allowed"):
        assert_cheap_gradient(f, 0.3, 0.4, 2, argnums=(0, 1), at_most=1.0)
    assert found == assert_cheap_gradient(f, ad.scalar(0.3), ad.scalar(0.4), 2, argnums=(0, 1))
