"""Gradients that are watched as they arrive: when, and what a pass that fails does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad


class Diary:
    """Notes what it is told, and answers with gradients of its own when it has some."""

    def __init__(self, log: list[Any], answers: list[Any] | None = None) -> None:
        self.log, self.answers = log, answers or []

    def begin(self, reached: list[int], recorded: bool) -> None:
        self.log.append(("begin", reached))

    def arrived(self, position: int, gradient: Any) -> None:
        self.log.append((position, gradient.tolist()))

    def finish(self) -> list[Any]:
        self.log.append("finish")
        return self.answers

    def fail(self, error: BaseException) -> None:
        self.log.append(f"fail: {error}")


def two_layers() -> tuple[ad.Tensor, ad.Tensor, ad.Tensor, ad.Tensor]:
    """Leaves a, b and an unused one, and a value between them."""
    a, b, unused = ad.tensor([2.0]), ad.tensor([3.0]), ad.tensor([1.0])
    return a, b, unused, a * b


def test_a_gradient_arrives_once_its_last_reader_is_done_and_before_the_pass_goes_on() -> None:
    a, b, unused, product = two_layers()
    log: list[Any] = []
    diary = Diary(log)
    ad.extend.watch_gradients([a, unused, b], diary)
    c = ad.tensor([5.0])
    ad.extend.watch_gradients([c], last := Diary(log))
    product.register_hook(lambda g: log.append("the pass comes to a * b"))
    (product * c + c).sum().backward()
    assert sorted(log[:2]) == [("begin", [0]), ("begin", [0, 2])]
    assert log[2:] == [(0, [7.0]), "the pass comes to a * b", (0, [15.0]), (2, [10.0]), "finish", "finish"]
    assert last is not diary and a.grad == 15.0 and unused.grad is None


def test_what_finish_returns_is_delivered_also_to_leaves_that_the_pass_did_not_reach() -> None:
    a, b, unused, product = two_layers()
    diary = Diary([], [(a, np.array([0.5])), (unused, np.array([0.25]))])
    ad.extend.watch_gradients([a, b, unused], diary)
    product.sum().backward()
    assert (a.grad, b.grad, unused.grad) == (0.5, 2.0, 0.25)


def test_a_pass_that_fails_tells_its_watchers_and_changes_no_gradient() -> None:
    a, b, _, product = two_layers()
    diary = Diary(log := [])
    c = ad.tensor([5.0])
    ad.extend.watch_gradients([c, a, b], diary)

    def refuse(g: Any) -> None:
        raise ZeroDivisionError("no")

    product.register_hook(refuse)
    with pytest.raises(ZeroDivisionError):
        (product * c).sum().backward()
    assert log == [("begin", [0, 1, 2]), (0, [6.0]), "fail: no"]
    assert a.grad is b.grad is c.grad is None


def test_a_watched_leaf_refuses_later_hooks_and_outlives_its_watcher() -> None:
    a, _, _, product = two_layers()
    diary = Diary(log := [])
    ad.extend.watch_gradients([a], diary)
    remove = a.register_hook(lambda g: g * 2)
    with pytest.raises(ad.GraphError, match="register hooks before"):
        product.sum().backward(retain_graph=True)
    remove()
    del diary
    log.clear()
    product.sum().backward()
    assert log == [] and a.grad == 3.0


def test_a_watched_leaf_that_is_the_root_arrives_too() -> None:
    a = ad.tensor([2.0])
    diary = Diary(log := [])
    ad.extend.watch_gradients([a], diary)
    a.backward()
    assert log == [("begin", [0]), (0, [1.0]), "finish"]


UNARY = (np.sin, np.exp, ad.relu, np.sqrt, lambda v: v[::-1], lambda v: np.where(v.data > 0, v, 0.0))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, len(UNARY) - 1)), min_size=1, max_size=8)
)
def test_watched_gradients_are_those_of_an_ordinary_pass_and_each_arrives_once(program: list[Any]) -> None:
    """Square roots of 0 and below, selected away or not: also where a pass must run again carefully."""

    def loss_of(leaves: list[Any]) -> Any:
        values = list(leaves)
        for i, j, f in program:
            values.append(UNARY[f](values[i % len(values)]) * values[j % len(values)])
        return values[-1].sum()

    start = [np.array([0.5, 0.0, -1.0]), np.array([2.0, 0.0, 0.25]), np.array([-0.5, 1.0, 0.0])]
    plain, watched = ([ad.tensor(x) for x in start] for _ in range(2))
    diary = Diary(log := [])
    ad.extend.watch_gradients(watched, diary)
    with np.errstate(all="ignore"):
        loss_of(plain).backward()
        loss_of(watched).backward()
    arrived = dict(log[1:-1])
    assert len(arrived) == len(log) - 2
    for i, (a, b) in enumerate(zip(plain, watched, strict=True)):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            np.testing.assert_array_equal(a.grad, b.grad)
        if i in arrived:
            np.testing.assert_array_equal(arrived[i], b.grad)
