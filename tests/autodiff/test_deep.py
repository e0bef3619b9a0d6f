"""Deep graphs, and freeing by reference counts alone."""

from __future__ import annotations

import gc
import math
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.methods import generated_paths


@pytest.fixture
def no_collector() -> Iterator[None]:
    """The cyclic collector stays off: what dies here died by reference counting."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_chain_of_a_million_operations_builds_differentiates_and_is_freed() -> None:
    limit = sys.getrecursionlimit()
    x = ad.scalar(1.0)
    y = x
    for _ in range(1_000_000):
        y = y * 1.000001
    y.backward()
    # (1 + 1e-6)^1e6 = e (1 - 5e-7); a million roundings of 1e-16 stay below 1e-9
    assert abs(x.grad - y.data) < 1e-9 and abs(y.data - 2.718280469) < 1e-8
    node = weakref.ref(y.node)
    del y
    assert node() is None and sys.getrecursionlimit() == limit


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_wide_and_deep_graph_of_scalars_is_freed(mirrored: bool) -> None:
    """Both operands lead far down: a tree of 2^15 leaves, and under it a chain in which every value is used twice."""
    x = ad.scalar(1.0)
    chain = x
    for _ in range(50_000):
        chain = (chain + chain * 1e-6) if mirrored else (1e-6 * chain + chain)
    level = [chain * 1.0 for _ in range(2**15)]
    while len(level) > 1:
        level = [a + b for a, b in zip(level[::2], level[1::2], strict=True)]
    (y,) = level
    y.backward()
    assert abs(x.grad / (2**15 * 1.000001**50_000) - 1) < 1e-9
    node = weakref.ref(y.node)
    del y, level, chain
    assert node() is None


@pytest.mark.skipif(not generated_paths.ON, reason="counts what the generated paths leave")
def test_an_operation_on_scalars_leaves_the_collector_one_object() -> None:
    a, y, gap = ad.scalar(1.01), ad.scalar(1.0), 1_000
    y = (a * y + 2.0 - y / a).tanh()  # what is compiled or adapted at the first use is there now
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(gap):
        y = a * y + 2.0
    assert len(gc.get_objects()) - before <= 2 * gap + 20


@pytest.mark.parametrize(
    ("make", "parents", "saved"),
    [
        (lambda a, b: a * b, "ab", (3.0, 2.0)),
        (lambda a, b: a - 5.0, ("a", 5.0), (1.0, 0.0)),
        (lambda a, b: 5.0 - a, (5.0, "a"), (0.0, -1.0)),
        (lambda a, b: a / b, "ab", (1 / 3, -2 / 9)),
        (lambda a, b: -a, "a", (-1.0,)),
        (lambda a, b: np.exp(a), "a", (math.exp(2.0),)),
        (lambda a, b: ad.scalar(7.0, requires_grad=False) + b, (7.0, "b"), (0.0, 1.0)),
        (lambda a, b: ad.weighted_sum([a], [b], 1.0), ("a", "b", 1.0), (3.0, 2.0, 1.0)),
    ],
)
def test_a_node_of_floats_shows_its_operands_and_local_derivatives(make: Any, parents: Any, saved: Any) -> None:
    a, b = ad.scalar(2.0), ad.scalar(3.0)
    node = make(a, b).node
    assert node.parents == tuple({"a": a.node, "b": b.node}.get(p, p) for p in parents)
    np.testing.assert_allclose(node.saved, saved, rtol=1e-15)
    assert node.is_float_operation and node.shape is None and node.value == make(a, b).data


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("differentiate", [True, False], ids=["after backward", "never differentiated"])
def test_a_deep_chain_of_tensors_is_freed(differentiate: bool) -> None:
    x = ad.tensor([1.0, 2.0])
    y = x
    for _ in range(50_000):
        y = y + x * 1e-5
    if differentiate:
        y.sum().backward()
        np.testing.assert_allclose(x.grad, 1.5, rtol=1e-9)
    node = weakref.ref(y.node)
    del y
    assert node() is None


@pytest.mark.usefixtures("no_collector")
def test_a_deep_chain_differentiates_twice_and_forward() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(5_000):
            y = y * 1.0001 + 0.0 * x
        return y * y

    # y = c x, so f'' = 2 c^2
    c = 1.0001**5_000
    assert abs(ad.grad(ad.grad(f))(1.0) - 2 * c * c) < 1e-9
    assert abs(ad.jvp(f, (1.0,), (1.0,))[1] - 2 * c * c) < 1e-9


def arrays_of(build: Any) -> list[Any]:
    """Weak references to the arrays that a forward pass makes."""
    return [weakref.ref(a) for a in build]


@pytest.mark.usefixtures("no_collector")
def test_a_graph_that_nobody_holds_is_gone_at_once() -> None:
    x = ad.tensor(np.ones(4))
    a = np.exp(x)
    b = np.tanh(a * a)
    held = [weakref.ref(t.data) for t in (a, b)] + [weakref.ref(t.node) for t in (a, b)]
    del a, b
    assert [r() for r in held] == [None] * 4


@pytest.mark.usefixtures("no_collector")
def test_values_that_no_rule_reads_are_not_kept() -> None:
    x = ad.tensor(np.ones(4))
    sums, shapes = x + 1.0, np.reshape(x * 2.0, (2, 2))
    held = [weakref.ref(sums.data)]
    y = sums * 3.0 + shapes.sum()
    del sums
    assert held[0]() is None
    y.sum().backward()


@pytest.mark.usefixtures("no_collector")
def test_a_constant_operand_is_not_kept_for_its_own_derivative() -> None:
    x = ad.tensor(np.ones(4))
    c = np.ones(4)
    y = x + c
    held = weakref.ref(c)
    del c
    assert held() is None
    y.sum().backward()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "work",
    [
        lambda x: (np.tanh(x @ x.T) ** 2).sum().backward(),
        lambda x: ad.grad(lambda t: (t * t).sum())(x),
        lambda x: ad.hvp(lambda t: (t**3).sum(), (x.data,), (x.data,)),
        lambda x: ad.jvp(np.tanh, (x.data,), (x.data,)),
        lambda x: ad.checkpoint(np.tanh)(x).sum().backward(),
        lambda x: (x[0] * x[1]).sum().backward(create_graph=True),
    ],
    ids=["backward", "grad", "hvp", "jvp", "checkpoint", "create_graph"],
)
def test_nothing_is_left_for_the_cyclic_collector(work: Any) -> None:
    x = ad.tensor(np.ones((3, 3)))
    work(x)
    x.grad = None
    gc.collect()
    work(x)
    x.grad = None
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
def test_a_failed_pass_leaves_nothing_behind() -> None:
    x = ad.tensor(np.ones(4))
    h = np.exp(x)
    h.register_hook(lambda g: 1 / 0)
    held = weakref.ref(h.data)
    with pytest.raises(ZeroDivisionError):
        (h * 2).sum().backward()
    del h
    assert held() is None


def test_collector_settings_are_not_touched() -> None:
    before = gc.isenabled(), gc.get_threshold()
    x = ad.tensor([1.0])
    (x * x).sum().backward()
    assert (gc.isenabled(), gc.get_threshold()) == before
