"""Guards: each lets a clean block pass and says clearly what an unclean one did."""

from __future__ import annotations

import gc
import os
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.testing import assert_deterministic, assert_unmutated, graph_leak_check
from autodiff.testing.side_effects.graph_leaks import left_behind


def train_a_little() -> Any:
    x, s = ad.tensor([1.0, 2.0]), ad.scalar(0.5)
    y = np.tanh(x * s)
    y[0] = 3.0
    y.sum().backward()
    return x.grad


def test_a_clean_block_leaves_nothing_and_restores_the_collector() -> None:
    assert gc.isenabled()
    with graph_leak_check():
        train_a_little()
    assert gc.isenabled()


def test_a_result_that_is_returned_may_stay() -> None:
    @graph_leak_check()
    def make() -> Any:
        return {"pull": ad.vjp(np.sin, ad.tensor([1.0]))[1]}

    assert make()["pull"](np.array([1.0]))[0].shape == (1,)


def test_a_cycle_is_named_with_its_way() -> None:
    def tie() -> None:
        holder: dict[str, Any] = {"y": ad.tensor([1.0]) * 2}
        holder["y"].register_hook(lambda g: holder and None)

    with pytest.raises(AssertionError, match=r"result of multiply.*cycle \(Tensor -> \w*Node.*dict -> Tensor\)"):
        with graph_leak_check():
            tie()
    gc.collect()


def test_a_global_container_is_named() -> None:
    kept = []
    with pytest.raises(AssertionError, match=r"2 graph values.*\n.*multiply, shape \(1,\), held by a list of 1"):
        with graph_leak_check():
            kept.append(ad.tensor([1.0]) * 2)
    with graph_leak_check(kept):
        kept.append(ad.tensor([1.0]) * 3)


def test_a_closure_is_named() -> None:
    made = []

    def build() -> None:
        inner = ad.tensor([1.0])
        made.append(lambda: inner)

    with pytest.raises(AssertionError, match=r"a leaf, shape.*closure test_a_closure_is_named.*build.*lambda"):
        with graph_leak_check():
            build()


def test_a_written_scalar_is_no_leak() -> None:
    s = ad.scalar(1.0)
    with graph_leak_check():
        s.data = 2.0
    assert s.data == 2.0


def test_an_exception_passes_through_and_a_collection_is_refused() -> None:
    kept = []
    with pytest.raises(ZeroDivisionError), graph_leak_check():
        kept.append(1 / (len(kept) * ad.tensor([1.0]).size))
    with pytest.raises(RuntimeError, match="cyclic collector ran"), graph_leak_check():
        gc.collect()
    assert gc.isenabled()


def test_left_behind_counts_nodes() -> None:
    kept: list[Any] = []
    assert left_behind(train_a_little) == 0
    assert left_behind(lambda: kept.append(np.exp(ad.tensor([1.0])))) == 2


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # NumPy 2.5
def test_writes_are_noticed_in_bytes_and_in_flags() -> None:
    x, t = np.array([[0.0, 1.0]]), ad.tensor([1.0, 2.0])
    with assert_unmutated(x, [t], {"w": np.float32([1.0])}):
        (t * x).sum().backward()
    with pytest.raises(AssertionError, match=r"array 0 .*element \(0, 0\) was 0.0 and is -0.0"), assert_unmutated(x):
        x[0, 0] = -0.0  # equal, but not the same bytes
    with pytest.raises(AssertionError, match=r"array 1\['a'\]\[0\] .*flag WRITEABLE changed .* True to False"):
        with assert_unmutated(np.ones(2), {"a": [x]}):
            x.flags.writeable = False
    with pytest.raises(AssertionError, match="shape changed"), assert_unmutated(t):
        t.data.shape = (2, 1)
    with pytest.raises(TypeError, match="array 0 is a str"):
        assert_unmutated("x")


def seeded(rng: np.random.Generator, x: Any) -> Any:
    return {"noise": [rng.random(3)], "y": np.sin(x)}


def test_equal_calls_give_equal_results() -> None:
    assert_deterministic(seeded, np.random.default_rng(0), ad.tensor([1.0]), processes=False)
    assert_deterministic(np.cumsum, np.array([0.1, 0.2, np.nan]), processes=True)


def test_a_difference_between_calls_or_processes_is_placed() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match=r"two calls in one process differ: the result\['noise'\]\[0\] at \(0,\)"):
        assert_deterministic(lambda: {"noise": [rng.random(3)]})
    with pytest.raises(AssertionError, match="getpid is not deterministic: a fresh process with"):
        assert_deterministic(os.getpid, processes=True)
    with pytest.raises(ValueError, match="no other process can import it"):
        assert_deterministic(lambda: 1, processes=True)
    with pytest.raises(ValueError, match="cannot be pickled"):
        assert_deterministic(np.shape, [lambda: 1], processes=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["a"].append(np.ones(2)),
        lambda d: d["a"].reverse(),
        lambda d: d["a"].__setitem__(0, 2 * d["a"][0]),
        lambda d: d["a"].append("text"),
        lambda d: d.pop("b"),
        lambda d: d["b"].__iadd__(1.0),
    ],
)
def test_a_container_that_holds_other_arrays_afterwards_was_changed(change: Any) -> None:
    """Each array was as before, and the list held another one."""
    held = {"a": [np.ones(2), np.zeros(2)], "b": ad.tensor([1.0]) * 2.0}
    with assert_unmutated(held):
        held["a"][0].sum()
    with pytest.raises(AssertionError, match="in this block"), assert_unmutated(held):
        change(held)
