"""Memory: gradients are written where the last ones were, and never where somebody still looks."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
from autodiff.gradient_buffers import _COUNTED, WORTH, GradientBuffer, spare_buffer
from autodiff.methods.generated_paths import ON

counted = pytest.mark.skipif(not _COUNTED, reason="reference counts say nothing here: no memory is used again")
generated = pytest.mark.skipif(not ON, reason="only the generated paths use memory again; the answers are the same")
SHAPE = (64, 128)  # 64 KiB of float64, beyond WORTH


def weight() -> ad.Tensor:
    return ad.tensor(np.random.default_rng(0).normal(size=SHAPE))


def run(w: ad.Tensor, k: float, through: str = "linear") -> np.ndarray:
    """One backward pass whose gradient of w is known: k in every place."""
    if through == "linear":
        ad.linear(np.full((2, SHAPE[1]), k / 2), w).sum().backward()
    elif through == "one row":
        ad.linear(np.full((1, SHAPE[1]), k), w).sum().backward()
    elif through == "matmul":
        (np.full((2, SHAPE[0]), k / 2) @ w).sum().backward()
    elif through == "stack":
        (np.full((2, 2, SHAPE[0]), k / 4) @ w).sum().backward()
    else:
        (w * k).sum().backward()
    return w.grad


THROUGH = ["linear", "one row", "matmul", "stack", "multiply"]


def address(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


@counted
@generated
@pytest.mark.parametrize("through", THROUGH[:4])
def test_the_next_gradient_is_written_where_the_last_one_was(through):
    w = weight()
    first = address(run(w, 1.0, through))
    w.grad = None
    assert address(run(w, 2.0, through)) == first
    assert (w.grad == 2.0).all() and w.grad.flags.c_contiguous and w.grad.flags.writeable
    assert first % 64 == 0


@counted
@generated
def test_an_optimizer_gives_the_memory_back():
    model = nn.Linear(256, 64, rng=0)
    optimizer, seen = nn.Adam(model.parameters()), set()
    for _ in range(4):
        optimizer.zero_grad()
        model(np.ones((8, 256))).sum().backward()
        optimizer.step()
        seen.add(address(model.weight.grad))
    assert len(seen) == 1


HOLDERS = {
    "the array": lambda g: g,
    "a view": lambda g: g[3:5, ::2],
    "a view of a view": lambda g: g.reshape(-1)[5:].T,
    "another dtype's view": lambda g: g.view(np.int64),
    "a memoryview": memoryview,
    "its memory": lambda g: g.base,
    "a list": lambda g: [g],
    "DLPack": lambda g: np.from_dlpack(g),
    "np.asarray": np.asarray,
    "an iterator": lambda g: np.nditer(g),
    "ctypes": lambda g: g.ctypes,
    "a bound method": lambda g: g.sum,
    "a graph that saved it": lambda g: ad.tensor(np.ones(SHAPE)) * g,
    "a Tensor": lambda g: ad.tensor(g, copy=False),
    "another leaf's gradient": lambda g: _with_gradient(g),
}


def _with_gradient(g: np.ndarray) -> ad.Tensor:
    other = weight()
    other.grad = g
    return other


@pytest.mark.parametrize("through", THROUGH)
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_gradient_that_somebody_sees_is_never_written_again(holder, through):
    w = weight()
    run(w, 1.0, through)
    first = address(w.grad)
    held = HOLDERS[holder](w.grad)
    w.grad = None
    assert address(run(w, 2.0, through)) != first or held is None  # only a room shows its memory
    w.grad = None
    run(w, 3.0, through)
    assert (w.grad == 3.0).all()
    del held


def read_only(g: np.ndarray) -> None:
    g.flags.writeable = False


def reshaped(g: np.ndarray) -> None:
    g.shape = (-1,)


def another_dtype(g: np.ndarray) -> None:
    g.dtype = np.int64


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("change", [read_only, reshaped, another_dtype])
def test_an_array_whose_looks_were_changed_is_not_used_again(change):
    w = weight()
    change(run(w, 1.0))
    w.grad = None
    assert run(w, 2.0).shape == SHAPE and (w.grad == 2.0).all()


def test_hooks_may_keep_what_they_are_given():
    w, seen = weight(), []
    w.register_hook(lambda g: seen.append(g))
    for k in (1.0, 2.0, 3.0):
        run(w, k)
        w.grad = None
    assert [float(g[0, 0]) for g in seen] == [1.0, 2.0, 3.0]


@st.composite
def lives(draw):
    holders = ["the array", "a view", "a view of a view", "a list", "a Tensor"]
    act = st.one_of(
        st.tuples(st.just("backward"), st.integers(1, 9), st.sampled_from(THROUGH)),
        st.tuples(st.just("forget")),
        st.tuples(st.just("hold"), st.sampled_from(holders)),
        st.tuples(st.just("drop"), st.integers(0, 5)),
        st.tuples(st.just("grad"), st.integers(1, 9)),
        st.tuples(st.just("set"), st.integers(1, 9)),
        st.tuples(st.just("write"), st.integers(1, 9)),
    )
    return draw(st.lists(act, max_size=14))


@given(lives())
def test_whatever_is_held_keeps_its_values(life):
    w, model, held = weight(), None, []  # model: the number in every place of w.grad
    for act, *given_ in life:
        if act == "backward":
            run(w, float(given_[0]), given_[1])
            model = (model or 0.0) + given_[0]
        elif act == "forget":
            w.grad = None
            model = None
        elif act == "grad":  # a transform: its answer is the caller's
            row = np.full((1, SHAPE[1]), float(given_[0]))
            held.append((ad.grad(lambda v, row=row: ad.linear(row, v).sum())(w), given_))
        elif act == "set":
            w.grad = np.full(SHAPE, float(given_[0]))
            model = given_[0]
        elif act == "drop" and held:
            held.pop(given_[0] % len(held))
        elif act == "hold" and w.grad is not None:
            made = HOLDERS[given_[0]](w.grad)
            held.append((made, [model]))
        elif act == "write" and w.grad is not None and not held:
            w.grad[...] = given_[0]
            model = given_[0]
        assert (w.grad is None) == (model is None)
        assert model is None or (w.grad == model).all()
        for made, (number,) in held:
            values = made[0] if isinstance(made, list) else made.data if isinstance(made, ad.Tensor) else made
            assert (values == number).all()


def test_threads_that_share_a_leaf_are_given_different_rooms():
    w, found, start = weight(), [], threading.Barrier(8)
    run(w, 1.0)
    w.grad = None

    def take():
        start.wait()
        for _ in range(50):
            found.append(spare_buffer(w.node))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({address(a) for a in found}) == len(found) == 400


def test_small_gradients_have_no_room_and_rooms_fit():
    assert spare_buffer(ad.tensor(np.ones(4)).node) is None
    for dtype in ("f2", "f4", "f8"):
        leaf = ad.tensor(np.ones((WORTH, 2), dtype)).node
        buffer = spare_buffer(leaf)
        assert buffer.shape == leaf.shape and buffer.dtype == leaf.dtype and isinstance(buffer.base, GradientBuffer)
        assert address(buffer) % 64 == 0


def test_a_gradient_of_another_dtype_is_cast_into_its_leaf():
    w = ad.tensor(np.ones(SHAPE, np.float32))
    for _ in range(2):
        w.grad = None
        ad.linear(np.full((2, SHAPE[1]), 0.1), w).sum().backward()  # float64 inputs
        assert w.grad.dtype == np.float32
        np.testing.assert_array_equal(w.grad, np.full(SHAPE, np.float32(0.2)))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="needs reference counts")
@generated
def test_a_gradient_dies_with_its_leaf():
    w = weight()
    memory = run(w, 1.0).base
    count = sys.getrefcount(memory)
    w.grad = None
    del w
    assert sys.getrefcount(memory) == count - 1


@pytest.mark.parametrize("shape", [(), 3, np.int64(3), (2, 5), (0, 4)])
@pytest.mark.parametrize("dtype", ["f4", np.float64, np.dtype("i2")])
def test_zeros_on_cache_lines(shape, dtype):
    a = ad.extend.zeros_on_cache_lines(shape, dtype)
    np.testing.assert_array_equal(a, np.zeros(shape, dtype))
    assert a.dtype == dtype and a.flags.writeable and a.flags.c_contiguous
    assert a.size == 0 or address(a) % 64 == 0
