"""``act + w * x`` is one node where nobody else holds the product, and no reader of the graph can tell."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from autodiff.backward.product_sums import ProductSum
from autodiff.methods import generated_paths, holders

if not (generated_paths.ON and holders.ALONE):
    pytest.skip("this interpreter does not tell who holds an operand", allow_module_level=True)

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.5, 0.1, 3.0, 1e200, math.inf, math.nan])


def leaves(values: list[float]) -> list[Any]:
    return [ad.scalar(v) for v in values]


def at_once(w: list[Any], x: list[Any], b: Any) -> Any:
    total = b
    for a, c in zip(w, x, strict=True):
        total = total + a * c
    return total


def held(w: list[Any], x: list[Any], b: Any) -> Any:
    total, products = b, []
    for a, c in zip(w, x, strict=True):
        products.append(a * c)
        total = total + products[-1]
    return total


def test_a_sum_takes_over_a_product_that_nobody_holds() -> None:
    w, x, b = leaves([0.5, 2.0]), [3.0, ad.scalar(4.0)], ad.scalar(1.0)
    assert type(at_once(w, x, b).node) is ProductSum and type(held(w, x, b).node) is not ProductSum
    made = [a * b for a in w]
    assert type((b + made[0]).node) is not ProductSum  # a list holds it
    product = w[0] * x[1]
    assert type((b + (lambda: product)()).node) is not ProductSum


@given(st.lists(NUMBERS, min_size=7, max_size=7), st.sampled_from(["relu", "tanh", "square", "exp"]), st.booleans())
def test_gradients_and_pictures_are_those_of_two_nodes(values: list[float], f: str, drawn_before: bool) -> None:
    found = []
    for neuron in (at_once, held):
        w, x, b = leaves(values[:3]), [values[3], *leaves(values[4:6])], ad.scalar(values[6])
        hidden = getattr(ad, f)(neuron(w, x, b))
        y = neuron([hidden, w[0]], [w[1], 2.0], hidden)
        with np.errstate(all="ignore"):
            if drawn_before:
                ad.draw(y).to_dot()
            y.backward()
        found.append(([p.grad for p in (*w, *x[1:], b, hidden, y)], ad.draw(y).to_dot()))
    np.testing.assert_array_equal(*(np.array(gradients) for gradients, _ in found))
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("neuron", [at_once, held])
def test_hooks_and_second_derivatives_see_both_nodes(neuron: Any) -> None:
    w, x, b = leaves([0.5, -2.0]), leaves([3.0, 4.0]), ad.scalar(1.0)
    y = neuron(w, x, b)
    seen: list[float] = []
    y.register_hook(seen.append)
    y.backward()
    assert seen == [1.0] and [p.grad for p in (*w, *x, b)] == [3.0, 4.0, 0.5, -2.0, 1.0]
    # z = y^2 + w y with y = w x + ..., so d2z/dw2 = 2 x^2 + 2 x

    def z(v: Any) -> Any:
        y = neuron([v, -2.0], [3.0, 4.0], 1.0)
        return y * y + v * y

    assert ad.grad(ad.grad(z))(0.5) == 2 * 9.0 + 2 * 3.0


def test_a_product_that_is_in_use_after_all_has_its_gradient_and_its_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the interpreter had miscounted."""
    monkeypatch.setitem(generated_paths._SHARED, "ALONE", mock.ANY)
    w, x, b = leaves([0.5, 2.0, 1.0])
    product = w * x
    y = b + product
    assert type(y.node) is ProductSum
    (y * 3.0).backward()
    assert product.grad == 3.0 and y.node.parents[1] is product.node
    product = w * x
    seen: list[float] = []
    y = b + product
    product.register_hook(seen.append)
    (y * 2.0).backward()
    assert seen == [2.0] and product.grad == 2.0
    product = w * x
    y = b + product
    (y + product * 5.0).backward()
    assert product.grad == 6.0 and y.grad == 1.0
