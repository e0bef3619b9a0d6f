"""Writes are recorded, or refused, or noticed: nothing that backward needs changes unseen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn


# ---- writes into recorded values
def test_item_assignment_is_recorded() -> None:
    x, v = ad.tensor([1.0, 2.0, 3.0]), ad.tensor(5.0)
    y = x * 1.0
    y[1] = v * 2.0
    assert y.tolist() == [1.0, 10.0, 3.0]
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 6.0] and v.grad == 40.0


@pytest.mark.parametrize(
    "index",
    [0, slice(0, 2), [0, 2], np.array([True, False, True]), (Ellipsis, 1), -1],
    ids=["int", "slice", "list", "mask", "ellipsis", "negative"],
)
def test_item_assignment_takes_every_index_and_broadcasts(index: Any) -> None:
    plain = np.array([1.0, 2.0, 3.0])
    x = ad.tensor(plain)
    y = x * 1.0
    y[index] = 7.0
    plain[index] = 7.0
    np.testing.assert_array_equal(y.data, plain)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, plain != 7.0)


def test_functions_that_write_into_their_argument_are_recorded_as_numpy_means_them() -> None:
    """ad.put_along_axis and ad.fill_diagonal returned a new value and left the argument: code that takes them from the
    namespace of a value, such as scipy.stats.false_discovery_control, was silently wrong."""
    x, plain, where = ad.tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]])
    y = x * 1.0
    for xp, z in ((ad, y), (np, y), (np, plain)):
        assert xp.put_along_axis(z, where, np.array([[9.0], [8.0]]), axis=1) is None
        assert xp.fill_diagonal(z, 5.0) is None
    np.testing.assert_array_equal(y.data, plain)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, 0.0)
    assert ad.put_along_axis(x, where, 9.0, axis=1, inplace=False).tolist() == [[1.0, 9.0], [9.0, 4.0]]


def test_every_name_of_the_handle_sees_the_write() -> None:
    x = ad.tensor([1.0, 2.0])
    y = z = x * 1.0
    y += 10.0
    assert z is y and z.tolist() == [11.0, 12.0]
    (z * z).sum().backward()
    assert x.grad.tolist() == [22.0, 24.0]


@pytest.mark.parametrize(
    ("write", "slope"),
    [
        (lambda y: y.__iadd__(2.0), 1.0),
        (lambda y: y.__isub__(2.0), 1.0),
        (lambda y: y.__imul__(3.0), 3.0),
        (lambda y: y.__itruediv__(4.0), 0.25),
        (lambda y: y.__ipow__(2.0), 4.0),
    ],
    ids=["+=", "-=", "*=", "/=", "**="],
)
def test_in_place_operators_on_recorded_values_are_recorded(write: Any, slope: float) -> None:
    x = ad.tensor([2.0, 2.0])
    y = x * 1.0
    same = write(y)
    assert same is y
    y.sum().backward()
    assert x.grad.tolist() == [slope, slope]


def test_in_place_operator_keeps_shape_and_dtype() -> None:
    y = ad.tensor(np.float32([1.0, 2.0])) * 1
    y += np.float64(1.0)
    y += np.ones(2)
    assert y.dtype == np.float32
    for other in (np.ones((3, 2)), ad.tensor(np.ones((2, 2)))):
        with pytest.raises(ValueError, match=r"does not fit into float32 Tensor of shape \(2,\); write y = x \+ v"):
            y += other


def test_in_place_operator_on_a_scalar_makes_a_new_scalar() -> None:
    a = ad.scalar(2.0)
    b = a
    b += 1.0
    assert a.data == 2.0 and b.data == 3.0 and b is not a
    (b * b).backward()
    assert a.grad == 6.0


def test_values_made_before_a_write_keep_what_they_read() -> None:
    x = ad.tensor([1.0, 2.0])
    y = x * 1.0
    before = y * y
    y[0] = 100.0
    (before.sum() + y.sum()).backward()
    assert x.grad.tolist() == [2.0, 5.0]


# ---- views
def test_a_view_taken_before_a_write_refuses_further_use() -> None:
    y = ad.tensor([1.0, 2.0, 3.0]) * 1.0
    view = y[1:]
    y[0] = 10.0
    for use in (
        lambda: view + 1,
        lambda: view.sum(),
        lambda: view.data,
        lambda: np.tanh(view),
        lambda: view[0],
        lambda: float(view[0]),
    ):
        with pytest.raises(ad.StaleValueError, match="overwritten"):
            use()
    assert "overwritten" in repr(view)
    assert y[1:].tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    "take",
    [
        np.squeeze,
        lambda z: z.squeeze(),
        np.diagonal,
        lambda z: z.diagonal(),
        np.diag,
        lambda z: np.diagonal(z, 1),
        lambda z: np.astype(z, float, copy=False),
        lambda z: np.lib.stride_tricks.sliding_window_view(z, 2, axis=1),
        lambda z: np.squeeze(z)[0],
    ],
)
def test_whatever_numpy_gives_as_a_view_refuses_use_after_a_write(take: Any) -> None:
    """NumPy's squeeze gives the array itself where there is nothing to remove; some of ours are copies."""
    z = ad.tensor([[1.0, 2.0], [3.0, 4.0]]) * 1
    view = take(z)
    z[0] = 7.0
    with pytest.raises(ad.StaleValueError, match="take the view again"):
        view * 1
    assert take(z).size  # taken again, it shows the new value


def test_writing_into_a_view_of_a_recorded_value_is_refused() -> None:
    x = ad.tensor([1.0, 2.0, 3.0])
    y = x * 1.0
    view = y[1:]
    for write in (
        lambda: view.__setitem__(0, 10.0),
        lambda: y.reshape(3, 1).T.__setitem__((0, 0), 5.0),
    ):
        with pytest.raises(ad.WriteError, match="view"):
            write()
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


# ---- leaves
@pytest.mark.parametrize(
    "write",
    [lambda x: x.__setitem__(0, 5.0), lambda x: x.__iadd__(1.0), lambda x: x.__imul__(2.0)],
    ids=["[ ]=", "+=", "*="],
)
def test_writing_into_a_leaf_is_refused_and_names_both_ways_out(write: Any) -> None:
    x = ad.tensor([1.0, 2.0])
    with pytest.raises(ad.WriteError, match=r"leaf.*recorded.*no_grad"):
        write(x)
    assert x.tolist() == [1.0, 2.0]


def test_a_leaf_is_written_under_no_grad() -> None:
    x = ad.tensor([1.0, 2.0])
    data = x.data
    with ad.no_grad():
        x += 1.0
        x[0] = 7.0
        x *= 2.0
    assert x.is_leaf and x.requires_grad and x.data is data and x.tolist() == [14.0, 6.0]
    (x * x).sum().backward()
    assert x.grad.tolist() == [28.0, 12.0]


def test_constants_are_written_like_arrays() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=False)
    x[0] = 5.0
    x += 1.0
    assert x.tolist() == [6.0, 3.0]
    x[1] = ad.tensor(4.0) * 2  # a recorded value makes it one
    assert x.requires_grad and x.tolist() == [6.0, 8.0]


def test_setting_data_checks_and_copies() -> None:
    x, new = ad.tensor(np.float32([1.0, 2.0])), np.float32([3.0, 4.0])
    mine = x.data
    x.data = new
    assert x.data is mine and x.tolist() == [3.0, 4.0] and not np.shares_memory(x.data, new)
    x.data = np.float64([5.0, 6.0])
    assert x.dtype == np.float32 and x.tolist() == [5.0, 6.0]
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        x.data = np.zeros(3)
    with pytest.raises(TypeError, match="complex"):
        x.data = np.zeros(2, complex)
    with pytest.raises(ad.WriteError, match="recorded"):
        (x * 2).data = new


def test_setting_data_of_a_scalar() -> None:
    a = ad.scalar(2.0)
    before = a * a
    a.data = 5.0
    (a * a).backward()
    assert a.grad == 10.0
    with pytest.raises(ad.StaleValueError, match="a Scalar of value 2"):
        before.backward()  # its gradient would have reached nobody
    assert a.data == 5.0 and a.grad == 10.0


@pytest.mark.parametrize(
    ("index", "shape"),
    [([0, 0, 1], (3,)), ([0, -3, 0], ()), (([0, 0], [1, 1]), (2,)), (np.array([[0, 1], [1, 1]]), (2, 2, 3))],
)
def test_of_values_written_into_one_place_the_last_gets_the_gradient(index: Any, shape: tuple[int, ...]) -> None:
    """All of them got it, though NumPy keeps one."""
    x = ad.tensor(np.zeros((3, 3) if np.size(index) != 3 else 3))
    v = ad.tensor(np.random.default_rng(0).normal(size=shape))
    y = x * 1.0
    y[index] = v
    w = np.arange(1.0, y.size + 1).reshape(y.shape)
    (y * w).sum().backward()

    def written(v: Any) -> Any:  # linear in v: each unit shows where its own weight lands
        plain = np.zeros(y.shape)
        plain[index] = v
        return np.sum(plain * w)

    units = np.eye(v.size).reshape(v.size, *shape)
    np.testing.assert_array_equal(v.grad, np.reshape([written(u) for u in units], shape))
    assert ad.jvp(lambda v: (lambda y: (y.__setitem__(index, v), np.sum(y * w))[1])(x * 1.0), (v.data,), (v.data,))[
        1
    ] == pytest.approx(written(v.data), rel=1e-13)


def test_requires_grad_freezes_and_thaws_leaves_only() -> None:
    x = ad.tensor([1.0])
    x.requires_grad = False
    assert not (x * 2).requires_grad
    x.requires_grad = True
    assert (x * 2).requires_grad
    with pytest.raises(ad.GraphError, match="detach"):
        (x * 2).requires_grad = False
    with pytest.raises(TypeError, match="int64"):
        ad.tensor([1], requires_grad=False).requires_grad = True


def test_grad_can_be_set_on_leaves_and_keeps_their_shape() -> None:
    x = ad.tensor([1.0, 2.0])
    x.grad = np.array([1.0, 1.0])
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    x.grad = None
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        x.grad = np.zeros(3)
    with pytest.raises(ad.GraphError):
        (x * 2).grad = np.zeros(2)


# ---- stamps: a saved value that was overwritten
WRITES = {
    "data": lambda x: setattr(x, "data", np.zeros(2)),
    "no_grad +=": lambda x: add_under_no_grad(x),
    "mark_written": lambda x: (x.data.__setitem__(0, 9.0), ad.extend.mark_written(x)),
}


def add_under_no_grad(x: Any) -> None:
    with ad.no_grad():
        x += 1.0


@pytest.mark.parametrize("name", WRITES)
def test_backward_refuses_a_saved_value_overwritten_through_the_library(name: str) -> None:
    x = ad.tensor([1.0, 2.0])
    with ad.scope("block"):
        y = (x * x).sum()
    WRITES[name](x)
    with pytest.raises(
        ad.StaleValueError, match=r"leaf of shape \(2,\) was overwritten.*multiply.*block.*compute again"
    ):
        y.backward()
    assert x.grad is None
    (x * x).sum().backward()
    assert x.grad is not None


def test_stale_error_names_both_lines_under_record() -> None:
    with ad.record():
        x = ad.tensor([1.0, 2.0])
        y = (x * x).sum()
        x.data = np.zeros(2)
        with pytest.raises(ad.StaleValueError) as caught:
            y.backward()
    assert str(caught.value).count("test_writes.py:") == 2


def test_a_write_that_no_rule_reads_is_no_error() -> None:
    x = ad.tensor([1.0, 2.0])
    y = (x * 3.0).sum()
    x.data = np.zeros(2)
    y.backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_write_is_noticed_through_views_that_were_saved() -> None:
    w = ad.tensor(np.ones((2, 3)))
    x = ad.tensor(np.ones((1, 3)))
    y = (x @ w.T).sum()
    w.data = np.zeros((2, 3))
    with pytest.raises(ad.StaleValueError):
        y.backward()


def test_writes_between_steps_are_fine() -> None:
    x = ad.tensor([1.0, 2.0])
    for _ in range(3):
        (x * x).sum().backward()
        x.data = x.data - 0.1 * x.grad
        x.grad = None
    # f' = 2x, so each step multiplies by 0.8
    np.testing.assert_allclose(x.data, np.array([1.0, 2.0]) * 0.8**3, rtol=1e-15)


def test_transforms_refuse_overwritten_values_too() -> None:
    x = np.array([1.0, 2.0])
    w = ad.tensor([3.0, 4.0])
    _, pullback = ad.vjp(lambda x: (w * x * x).sum(), x)
    w.data = np.zeros(2)
    with pytest.raises(ad.StaleValueError):
        pullback(1.0)


# ---- strict: raw arrays
def test_strict_notices_a_raw_write_into_a_constant() -> None:
    x, c = ad.tensor([1.0, 2.0]), np.array([3.0, 4.0])
    with ad.strict():
        y = (x * c).sum()
        c[0] = 100.0
        with pytest.raises(ad.StaleValueError, match="changed since"):
            y.backward()
    assert x.grad is None


def test_strict_lets_unchanged_arrays_pass() -> None:
    x, c = ad.tensor([1.0, 2.0]), np.array([3.0, 4.0])
    with ad.strict():
        (np.concatenate([x * c, x]) @ np.ones(4)).backward()
    assert x.grad.tolist() == [4.0, 5.0]


def test_strict_sees_arrays_inside_tuples() -> None:
    x, c = ad.tensor([1.0, 2.0]), np.array([[3.0], [4.0]])
    with ad.strict():
        y = np.einsum("i,ij->", x, c)
        c[0] = 100.0
        with pytest.raises(ad.StaleValueError):
            y.backward()


def test_the_callers_array_is_not_ours() -> None:
    a = np.array([1.0, 2.0])
    x = ad.tensor(a)
    y = (x * x).sum()
    _, pullback = ad.vjp(lambda t: (t * t).sum(), a)
    a[:] = 100.0
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0] and pullback(1.0)[0].tolist() == [2.0, 4.0]


def test_flatten_is_a_copy_as_in_numpy() -> None:
    """It was a view: writing into it was refused, and so was its use after a write into what it came from."""
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1.0
    for flat in (y.flatten(), np.reshape(y, (4,), copy=True) if np.__version__ >= "2.1" else y.flatten()):
        flat[0] = 9.0
        assert flat.data.tolist() == [9, 2, 3, 4] and y.data[0, 0] == 1.0
    flat = y.flatten()
    y[0, 0] = 7.0
    (flat * [1.0, 10.0, 100.0, 1000.0]).sum().backward()
    assert x.grad.tolist() == [[1, 10], [100, 1000]]


# ---- what the check costs
def test_the_check_for_stale_values_looks_at_each_array_once_however_many_were_written(monkeypatch: Any) -> None:
    """200 written arrays and 2,000 nodes were compared pair by pair: 445 ms instead of 7."""
    x = ad.tensor(np.ones(3))
    y = x
    others = [ad.tensor(np.ones(3)) for _ in range(50)]
    for _ in range(300):
        y = np.sin(y)
    for o in others:
        o.data = np.zeros(3)
    compared = []
    real = np.may_share_memory
    monkeypatch.setattr(np, "may_share_memory", lambda a, b: (compared.append(1), real(a, b))[1])
    y.sum().backward()
    assert len(compared) <= 300 and x.grad is not None


def test_a_write_is_noticed_through_views_and_through_memory_that_another_object_owns() -> None:
    memory = bytearray(8 * 6)
    whole, part = np.frombuffer(memory, float), np.frombuffer(memory, float)[2:4]
    x = ad.tensor(np.ones(2))
    y = (x * part).sum()
    ad.tensor(whole, requires_grad=False, copy=False).data = np.ones(6)
    with pytest.raises(ad.StaleValueError):
        y.backward()
    base = np.zeros(8)
    y = (x * base.reshape(2, 4)[0, 1:3]).sum()
    ad.tensor(base[::2], requires_grad=False, copy=False).data = np.ones(4)
    with pytest.raises(ad.StaleValueError):
        y.backward()
    assert x.grad is None


# ---- freezing between forward and backward
def freeze(x: Any) -> None:
    x.requires_grad = False
    x.requires_grad = True


def test_a_leaf_that_was_frozen_and_thawed_gets_the_gradient_of_an_older_graph() -> None:
    """It was delivered to nobody."""
    for x, right in ((ad.tensor([3.0]), 6.0), (ad.scalar(3.0), 6.0), (nn.Parameter([3.0]), 6.0)):
        y = np.sum(x * x)
        freeze(x)
        y.backward()
        assert x.grad == right
        z = np.sum(x * 2)
        z.backward()
        assert x.grad == right + 2
    x = ad.tensor([3.0])
    y = (x * x).sum()
    x.requires_grad = False
    y.backward()
    assert x.grad is None and not x.requires_grad
    x.requires_grad = True
    assert x.grad == 6.0


def test_a_module_that_was_frozen_and_thawed_gets_the_gradients_of_an_older_graph() -> None:
    net = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1))
    x = np.ones((3, 2), np.float32)
    net(x).sum().backward()
    right = [p.grad.copy() for p in net.parameters()]
    net.zero_grad()
    y = net(x).sum()
    net.freeze()
    net.requires_grad_(True)
    y.backward()
    for p, g in zip(net.parameters(), right, strict=True):
        np.testing.assert_array_equal(p.grad, g)


def test_a_value_written_while_it_is_frozen_is_noticed() -> None:
    for x, new in ((ad.tensor([3.0]), [4.0]), (ad.scalar(3.0), 4.0)):
        y = np.sum(x * x)
        x.requires_grad = False
        x.data = new
        x.requires_grad = True
        with pytest.raises(ad.StaleValueError):
            y.backward()
        assert x.grad is None
        np.sum(x * x).backward()
        assert x.grad == 8.0


def test_freezing_forgets_the_gradient() -> None:
    x = ad.tensor([3.0])
    (x * x).sum().backward()
    freeze(x)
    assert x.grad is None


# ---- writing through an index in place, and into plain arrays
def test_an_in_place_operator_on_an_index_is_the_write_it_stands_for() -> None:
    """z[1:] += 1 was refused as a write into a view."""
    x = ad.tensor([1.5, 2.5])
    z = x * 2
    other, same = z * 1.0, z
    z[1:] += 1
    z[:1] *= x[0]
    z[0] -= 0.5
    assert z.data.tolist() == [4.0, 6.0] and same is z and other.data.tolist() == [3.0, 5.0]
    z.sum().backward()
    assert x.grad.tolist() == [6.0, 2.0]
    c = ad.tensor(np.zeros(3), requires_grad=False)
    c[1:] += x
    assert c.data.tolist() == [0.0, 1.5, 2.5]


def test_an_in_place_operator_on_a_view_alone_makes_both_refuse_every_use() -> None:
    x = ad.tensor([1.5, 2.5])
    z = x * 2
    view = z[1:]
    view += 1
    uses = [lambda: view * 1, lambda: view.sum(), lambda: np.sin(view), lambda: view.data, lambda: view.item()]
    for use in (*uses, lambda: z.sum(), lambda: z * 1):
        with pytest.raises(ad.WriteError, match="on a view"):
            use()
    w = x * 2
    with pytest.raises(ad.WriteError, match="on a view"):
        w[1:][0] += 1
    assert w.data.tolist() == [3.0, 5.0]
    with pytest.raises(ad.WriteError, match="on a leaf"):
        x[1:] += 1
    assert x.data.tolist() == [1.5, 2.5]


def test_storing_into_a_plain_array_names_the_array_that_records() -> None:
    """NumPy puts its own error on top for one element; ours is its cause."""
    t, recipe = ad.tensor([1.5, 2.5]), r"ad\.tensor\(np\.zeros\(n\), requires_grad=False\)"
    z = np.zeros(4)
    with pytest.raises(ValueError, match="setting an array element") as error:
        z[0] = t[0]
    assert isinstance(error.value.__cause__, ad.LeavesGraphError)
    with pytest.raises(ad.LeavesGraphError, match=recipe):
        raise error.value.__cause__
    with pytest.raises(ad.LeavesGraphError, match=recipe):
        z[:2] = t
    with pytest.raises(ad.LeavesGraphError, match=recipe):
        z[0] = ad.scalar(1.0)
    made = ad.tensor(np.zeros(4), requires_grad=False)
    made[0] = t[0] * 2
    made.sum().backward()
    assert t.grad.tolist() == [2.0, 0.0]
