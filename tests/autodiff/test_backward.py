"""The contracts of `backward()`: what accumulates, what is kept, what is released, and what an error leaves behind."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad


# ---- where it starts
def test_backward_needs_one_number_or_a_gradient() -> None:
    x = ad.tensor([[1.0, 2.0]])
    with pytest.raises(ad.GraphError, match=r"shape \(1, 2\).*\.sum\(\)\.backward\(\)"):
        (x * 2).backward()
    (x * 2).backward(np.array([[1.0, 10.0]]))
    assert x.grad.tolist() == [[2.0, 20.0]]


@pytest.mark.parametrize("shape", [(1,), (1, 1), ()])
def test_any_shape_of_one_element_starts_by_itself(shape: tuple[int, ...]) -> None:
    x = ad.tensor(np.full(shape, 3.0))
    (x * x).backward()
    assert x.grad.shape == shape and x.grad.sum() == 6.0


@pytest.mark.parametrize("gradient", [np.ones(3), 1.0, np.ones((2, 1))])
def test_gradient_must_have_the_shape_of_the_value(gradient: Any) -> None:
    with pytest.raises(ad.GraphError, match=r"shape of the value, \(2,\)"):
        (ad.tensor([1.0, 2.0]) * 2).backward(gradient)


def test_gradient_may_be_a_list_or_a_tensor_and_takes_the_values_dtype() -> None:
    x = ad.tensor(np.float32([1.0, 2.0]))
    (x * 2).backward([1.0, 3.0])
    (x * 2).backward(ad.tensor([1.0, 3.0]))
    assert x.grad.tolist() == [4.0, 12.0] and x.grad.dtype == np.float32


def test_a_constant_has_nothing_to_differentiate() -> None:
    with ad.no_grad():
        made = ad.tensor([1.0]) * 2
    for constant in (made, ad.tensor(1.0, requires_grad=False), ad.scalar(1.0).detach()):
        with pytest.raises(ad.GraphError, match=r"nothing here requires a gradient.*no_grad"):
            constant.backward()


def test_a_leaf_is_its_own_root() -> None:
    x, s = ad.tensor(2.0), ad.scalar(2.0)
    x.backward()
    s.backward()
    assert x.grad == 1.0 and s.grad == 1.0


# ---- accumulation
def test_leaf_gradients_start_as_none_and_add_up() -> None:
    x = ad.tensor([1.0, 2.0])
    assert x.grad is None
    for k in (1, 2, 3):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * k, 4.0 * k]


def test_two_roots_over_one_leaf_add_up() -> None:
    x = ad.tensor(3.0)
    (x * x).backward()
    (3 * x * x).backward()
    assert x.grad == 24.0


def test_interior_scalars_show_the_last_pass_and_leaves_the_sum() -> None:
    a = ad.scalar(2.0)
    b = a * 3
    c = b * b
    c.backward(retain_graph=True)
    c.backward(retain_graph=True)
    assert (c.grad, b.grad, a.grad) == (1.0, 12.0, 72.0)


def test_a_leaf_that_does_not_matter_keeps_none() -> None:
    x, y = ad.tensor(1.0), ad.tensor(2.0)
    (x * 2).backward()
    assert y.grad is None


def test_gradients_are_owned_and_writable() -> None:
    x, y = ad.tensor(np.ones((2, 3))), ad.tensor(np.ones((2, 3)))
    seed = np.ones((2, 3))
    (x + y).backward(seed)
    for g in (x.grad, y.grad):
        assert type(g) is np.ndarray and g.flags.writeable and not np.shares_memory(g, seed)
    assert not np.shares_memory(x.grad, y.grad)
    x.grad *= 2.0
    assert y.grad.tolist() == [[1.0] * 3] * 2
    ad.tensor(np.ones(3)).sum().backward()
    z = ad.tensor(np.ones(3))
    z.sum().backward()
    z.grad += 1.0  # a broadcast view would refuse, or write three times into one place
    assert z.grad.tolist() == [2.0, 2.0, 2.0]


@given(st.lists(st.sampled_from(["add", "mul", "reuse", "tanh", "broadcast"]), min_size=1, max_size=12))
def test_sharing_one_value_in_many_places_adds_every_path(steps: list[str]) -> None:
    """A random graph with reuse against the derivative carried forward by hand."""
    x = ad.tensor([0.5, -0.25])
    values, tangents = [x * 1.0], [np.ones(2)]
    for i, step in enumerate(steps):
        a, da = values[-1], tangents[-1]
        b, db = values[i // 2], tangents[i // 2]
        if step == "add":
            y, dy = a + b, da + db
        elif step == "mul":
            y, dy = a * b, da * b.data + a.data * db
        elif step == "reuse":
            y, dy = a - a * 0.5 + a, 1.5 * da
        elif step == "tanh":
            y = np.tanh(a)
            dy = da * (1 - y.data**2)
        else:
            y, dy = np.broadcast_to(a, (3, 2)).sum(axis=0) / 3, da
        values.append(y)
        tangents.append(dy)
    values[-1].sum().backward()
    # a few dozen operations of size one
    np.testing.assert_allclose(x.grad, tangents[-1], rtol=1e-12, atol=1e-12)


def test_both_operands_may_be_the_same_value() -> None:
    for f, slope in [(lambda x: x * x, 6.0), (lambda x: x + x, 2.0), (lambda x: x - x, 0.0), (lambda x: x / x, 0.0)]:
        for make in (ad.tensor, ad.scalar):
            x = make(3.0)
            f(x).backward()
            assert x.grad == slope


# ---- once, or often
def test_a_second_pass_over_a_consumed_graph_is_refused_by_name() -> None:
    x = ad.tensor([1.0, 2.0])
    with ad.scope("net"), ad.scope("loss"):
        y = (x * x).sum()
    y.backward()
    with pytest.raises(ad.GraphError, match=r"already consumed.*in module net\.loss.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_part_of_a_consumed_graph_is_refused_too() -> None:
    x = ad.tensor([1.0, 2.0])
    h = np.tanh(x)
    (h * h).sum().backward()
    with pytest.raises(ad.GraphError, match="consumed"):
        (h * 3.0).sum().backward()


def test_retain_graph_allows_another_pass() -> None:
    x = ad.tensor([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_saved_arrays_are_released_as_they_are_consumed() -> None:
    x = ad.tensor(np.ones(8))
    h = np.exp(x)
    y = (h * h).sum()
    saved = weakref.ref(h.data)
    del h
    assert saved() is not None
    y.backward()
    assert saved() is None
    y2 = (np.exp(x) ** 2).sum()
    y2.backward(retain_graph=True)
    y2.backward()


# ---- all or nothing
class Stop(BaseException):
    pass


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError, Stop])
def test_an_exception_midway_leaves_no_partial_gradient(error: type[BaseException]) -> None:
    x, y = ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0])
    x.grad = np.array([7.0, 7.0])
    a = ad.scalar(2.0)
    middle = x * 2

    def fail(g: Any) -> None:
        raise error("midway")

    middle.register_hook(fail)
    loss = (middle * y).sum() * (a * a)
    with pytest.raises(error, match="midway"):
        loss.backward(retain_graph=True)
    assert x.grad.tolist() == [7.0, 7.0] and y.grad is None and a.grad is None


def test_an_error_in_a_rule_says_which_operation_and_where_to_look() -> None:
    @ad.custom_vjp
    def broken(x: Any) -> Any:
        return x * 2

    broken.defvjp(lambda x: (x * 2, None), lambda residuals, g: (g[5],))
    x = ad.tensor([1.0, 2.0])
    with ad.scope("head"):
        y = broken(x).sum()
    with pytest.raises(IndexError) as caught:
        y.backward()
    assert "in the backward rule of broken" in caught.value.__notes__[0] and "module head" in caught.value.__notes__[0]
    assert "ad.record()" in caught.value.__notes__[0]


# ---- hooks and retained gradients
def test_a_hook_sees_the_complete_gradient_once() -> None:
    x = ad.tensor([1.0, 2.0])
    h = x * 3
    seen: list[Any] = []
    h.register_hook(lambda g: seen.append(np.array(g)))
    (h + h * h).sum().backward()
    assert len(seen) == 1 and seen[0].tolist() == [7.0, 13.0]


def test_a_hook_may_replace_the_gradient_in_the_order_of_registration() -> None:
    x, s = ad.tensor([1.0, 2.0]), ad.scalar(2.0)
    h = x * 3
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: g + 1)
    h.sum().backward()
    assert x.grad.tolist() == [33.0, 33.0]
    t = s * 3
    t.register_hook(lambda g: g * 10)
    t.backward()
    assert s.grad == 30.0


def test_removing_a_hook_twice_leaves_the_same_function_registered_again() -> None:
    x, seen = ad.tensor([1.0]), []
    remove = x.register_hook(seen.append)
    x.register_hook(seen.append)
    remove()
    remove()
    x.sum().backward()
    assert len(seen) == 1


def test_a_hook_on_a_leaf_changes_what_is_accumulated() -> None:
    x = ad.tensor([1.0, 2.0])
    remove = x.register_hook(lambda g: np.clip(g, -1, 1))
    (x * 5).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    remove()
    remove()
    (x * 5).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_hook_must_keep_the_shape() -> None:
    x = ad.tensor([1.0, 2.0])
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match=r"hook.*returned.*shape \(2,\)"):
        (x * 2).sum().backward()
    assert x.grad is None


def test_hooks_are_refused_on_constants() -> None:
    for refuse in (lambda x: x.register_hook(print), lambda x: x.retain_grad()):
        with pytest.raises(ad.GraphError, match="constant"):
            refuse(ad.tensor(1.0, requires_grad=False))


def test_retain_grad_keeps_an_interior_gradient() -> None:
    x = ad.tensor([1.0, 2.0])
    h, other = x * 3, x * 4
    h.retain_grad()
    (h * h + other).sum().backward()
    assert h.grad.tolist() == [6.0, 12.0] and other.grad is None
    assert h.is_leaf is False and x.is_leaf is True


def test_a_retained_gradient_is_that_of_the_last_pass() -> None:
    x = ad.tensor([1.0, 2.0])
    h = x * 3
    h.retain_grad()
    y = h.sum()
    y.backward(retain_graph=True)
    y.backward()
    assert h.grad.tolist() == [1.0, 1.0] and x.grad.tolist() == [6.0, 6.0]


# ---- derivatives of derivatives
def test_create_graph_gives_gradients_that_differentiate_again() -> None:
    x = ad.tensor([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert isinstance(first, ad.Tensor) and first.tolist() == [3.0, 12.0]
    x.grad = None
    first.sum().backward(create_graph=True)
    second = x.grad
    assert second.tolist() == [6.0, 12.0]
    x.grad = None
    second.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_create_graph_works_on_scalars() -> None:
    a = ad.scalar(2.0)
    (a * a * a).backward(create_graph=True)
    first = a.grad
    assert isinstance(first, ad.Scalar) and first.data == 12.0
    a.grad = None
    first.backward()
    assert a.grad == 12.0


def test_create_graph_accumulates_as_a_recorded_sum() -> None:
    x = ad.tensor(3.0)
    (x**2).backward(create_graph=True)
    (x**3).backward(create_graph=True)
    total, x.grad = x.grad, None
    assert total.item() == 6.0 + 27.0
    total.backward()
    assert x.grad == 2.0 + 18.0


def test_gradient_penalty_reaches_the_parameters() -> None:
    w, x = ad.tensor([2.0, 3.0]), ad.tensor([1.0, 1.0])
    (w * x * x).sum().backward(create_graph=True)
    penalty = (x.grad**2).sum()  # sum (2 w x)^2
    w.grad = x.grad = None
    penalty.backward()
    assert w.grad.tolist() == [16.0, 24.0]


def test_create_graph_records_under_no_grad_too() -> None:
    x = ad.tensor(3.0)
    y = x**3
    with ad.no_grad():
        y.backward(create_graph=True)
    assert x.grad.requires_grad


def test_mixed_graphs_carry_gradients_both_ways() -> None:
    a, t = ad.scalar(2.0), ad.tensor(np.float32([1.0, 2.0]))
    y = (a * t).sum() * a
    assert y.dtype == np.float32
    y.backward()
    assert a.grad == 12.0 and type(a.grad) is float
    assert t.grad.tolist() == [4.0, 4.0] and t.grad.dtype == np.float32


def test_the_walk_of_a_picture_touches_nothing() -> None:
    x = ad.tensor([1.0, 2.0])
    h = x * x
    y = h.sum()
    found = ad.extend.gradients_of_graph(y)
    assert x.grad is None and found[x.node].tolist() == [2.0, 4.0] and found[h.node].tolist() == [1.0, 1.0]
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_warns_about_nothing_numerical() -> None:
    with np.errstate(all="raise"):
        x = ad.tensor([0.0, 4.0])
        np.sqrt(x).sum().backward()
    assert x.grad.tolist() == [np.inf, 0.25]


def test_gradients_of_0d_values_are_arrays_wherever_they_are_seen() -> None:
    x = ad.tensor(2.0)
    h = x * 1.0
    h.retain_grad()
    seen: list[Any] = []
    h.register_hook(seen.append)
    x.register_hook(seen.append)
    (h * h + h).backward()
    assert [type(g) for g in (*seen, h.grad, x.grad)] == [np.ndarray] * 4


# ---- reading elements in a loop
READS = {
    "elements": lambda x: [x[i] for i in range(60)],
    "rows": lambda x: [x[t] for t in range(60)],
    "iteration": lambda x: list(x),
    "slices": lambda x: [x[i : i + 2] for i in range(0, 60, 2)],
    "index arrays": lambda x: [x[[i, i, -1]] for i in range(60)],
    "masks": lambda x: [x[np.arange(60) == i] for i in range(60)],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize(
    "derive", [lambda f, x: ad.grad(f)(x), lambda f, x: ad.vjp(f, x)[1](1.0)[0]], ids=["grad", "vjp"]
)
@pytest.mark.parametrize("interior", [False, True])
def test_reading_in_a_loop_writes_each_element_once(
    read: Any, derive: Any, interior: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read used to make an array of zeros of the whole size: n reads cost n times the size."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=60) if read is READS["elements"] else rng.normal(size=(60, 3))
    written = []
    place = ad.ops.OPS["scatter"].fn
    monkeypatch.setattr(ad.ops.OPS["scatter"], "fn", lambda *a, **k: written.append(k["shape"]) or place(*a, **k))

    def loss(x: Any) -> Any:
        total = 0.0
        for k, part in enumerate(read(np.sin(x) if interior else x)):
            total = total + np.sum(part**2) * (k + 1)
        return total

    found = derive(loss, x)
    assert written == [x.shape]
    monkeypatch.undo()
    weights = np.zeros(x.shape)
    for k, part in enumerate(read(np.arange(60) if x.ndim == 1 else np.broadcast_to(np.arange(60)[:, None], (60, 3)))):
        np.add.at(weights, part if x.ndim == 1 else part[..., 0], float(k + 1))
    y, slope = (np.sin(x), np.cos(x)) if interior else (x, 1.0)
    np.testing.assert_allclose(found, 2 * weights * y * slope, rtol=1e-13)


def test_a_read_adds_into_no_array_that_another_node_holds() -> None:
    x, c = ad.tensor([1.0, 2.0, 3.0]), ad.tensor([1.0, 1.0, 1.0])
    y = x * 1.0
    part = y[0]
    total = (y + c).sum() + 10.0 * part + y[1] * 100.0  # the sum hands one array to y and c
    total.backward()
    np.testing.assert_array_equal(x.grad, [11.0, 101.0, 1.0])
    np.testing.assert_array_equal(c.grad, [1.0, 1.0, 1.0])
    seed = np.ones(3)
    z = ad.tensor([1.0, 2.0, 3.0])
    np.stack([z[0], z[0] * 2, z[2]]).backward(seed)
    np.testing.assert_array_equal(z.grad, [3.0, 0.0, 1.0])
    np.testing.assert_array_equal(seed, np.ones(3))
