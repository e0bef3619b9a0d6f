"""checkpoint is a pure transform: the derivatives are those of the plain function, or the backward pass refuses."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import extend

Wrap = Callable[[Any], Any]
plain: Wrap = lambda f: f


def gradients(run: Callable[[Wrap], Any], wrap: Wrap, *values: Any) -> list[Any]:
    """The gradients that ``run(wrap)().backward()`` leaves in the values it makes."""
    made, out = run(wrap)
    out.backward()
    return [None if v.grad is None else np.asarray(v.grad).copy() for v in made]


# ---- what is argument and captured at once (it lost the captured share)
def argument_and_captured(wrap: Wrap) -> Any:
    x = ad.tensor([3.0])
    return [x], wrap(lambda a: a * x)(x).sum()


def interior_value(wrap: Wrap) -> Any:
    x = ad.tensor([3.0, 4.0])
    h = x * x
    return [x], wrap(lambda a: np.sin(a) * h)(h).sum()


def keyword(wrap: Wrap) -> Any:
    x = ad.tensor([3.0])
    return [x], wrap(lambda a, b=None: a * b * x)(x, b=x).sum()


def inside_lists(wrap: Wrap) -> Any:
    x, y = ad.tensor([3.0]), ad.tensor([5.0])
    return [x, y], wrap(lambda pair: pair["a"][0] * pair["b"] * x)({"a": [x], "b": y}).sum()


def twice_the_same(wrap: Wrap) -> Any:
    x = ad.tensor([3.0])
    return [x], wrap(lambda a, b: a * b**2 * x)(x, x).sum()


def scalars(wrap: Wrap) -> Any:
    s = ad.scalar(3.0)
    out = wrap(lambda a: (a * s).tanh())(s)
    assert isinstance(out, ad.Scalar)
    return [s], out


def scalars_and_tensors(wrap: Wrap) -> Any:
    s, t = ad.scalar(3.0), ad.tensor([1.0, 2.0])
    out = wrap(lambda a: a * ad.scalar(t[1]) + s)(s)
    assert isinstance(out, ad.Scalar)
    return [s, t], out


def module(wrap: Wrap) -> Any:
    net = nn.Linear(3, 3, rng=0)
    x = ad.tensor(np.ones((2, 3)), dtype="float32")
    return [x, *net.parameters()], (wrap(net)(x) * net.weight.sum()).sum()


def parameter_as_argument(wrap: Wrap) -> Any:
    net = nn.Linear(3, 3, rng=0)
    return list(net.parameters()), wrap(lambda w: net(w))(net.weight).sum()


def several_outputs(wrap: Wrap) -> Any:
    x = ad.tensor([0.5, 2.0])
    a, (b, c) = wrap(lambda a: (a * x, [a, np.exp(a)]))(x)
    return [x], (a * b * c).sum()


def a_leaf_made_inside(wrap: Wrap) -> Any:
    x, kept = ad.tensor([0.5]), []

    def f(a: Any) -> Any:
        if not kept:
            kept.append(ad.tensor([2.0]))
        return a * kept[0]

    out = wrap(f)(x).sum()
    return [x, kept[0]], out


def a_constant_made_inside(wrap: Wrap) -> Any:
    x = ad.tensor([0.5])

    def f(a: Any) -> Any:
        room = ad.tensor(np.zeros(1), requires_grad=False)
        room[0] = 4.0
        return a * room * ad.tensor([2.0])

    return [x], wrap(f)(x).sum()


def nested(wrap: Wrap) -> Any:
    x, w = ad.tensor([0.5]), ad.tensor([2.0])
    return [x, w], wrap(lambda a: wrap(lambda b: np.sin(b * w))(a) * a * w)(x).sum()


def float32(wrap: Wrap) -> Any:
    x, w = ad.tensor(np.float32([0.5, 1.5])), ad.tensor(np.float32([2.0, 3.0]))
    return [x, w], wrap(lambda a: np.exp(a * w) + x)(x).sum()


def an_argument_that_is_not_used(wrap: Wrap) -> Any:
    x, w = ad.tensor([0.5]), ad.tensor([2.0])
    return [x, w], wrap(lambda a, b: a * 2)(x, w).sum()


PROGRAMS = [
    argument_and_captured, interior_value, keyword, inside_lists, twice_the_same, scalars, scalars_and_tensors, module,
    parameter_as_argument, several_outputs, a_leaf_made_inside, a_constant_made_inside, nested, float32,
    an_argument_that_is_not_used,
]  # fmt: skip


@pytest.mark.parametrize("run", PROGRAMS, ids=lambda f: f.__name__)
def test_a_checkpointed_function_has_the_gradients_of_the_plain_one(run: Any) -> None:
    for found, right in zip(gradients(run, ad.checkpoint), gradients(run, plain), strict=True):
        if right is None:
            assert found is None
        else:
            np.testing.assert_allclose(found, right, rtol=1e-6 if right.dtype == np.float32 else 1e-14)
            assert found.dtype == right.dtype


def test_an_argument_that_is_also_captured_gets_both_shares() -> None:
    x = ad.tensor([3.0])
    ad.checkpoint(lambda a: a * x)(x).sum().backward()
    assert x.grad == 6.0


def test_argument_and_captured_in_forward_mode_and_second_order() -> None:
    def cube(x: Any) -> Any:
        return np.sum(ad.checkpoint(lambda a: a * x * a)(x))

    x, v = np.array([2.0, 3.0]), np.array([1.0, 10.0])
    np.testing.assert_allclose(ad.grad(cube)(x), 3 * x**2, rtol=1e-15)
    np.testing.assert_allclose(ad.jvp(cube, (x,), (v,))[1], np.sum(3 * x**2 * v), rtol=1e-15)
    np.testing.assert_allclose(ad.hvp(cube, (x,), (v,)), 6 * x * v, rtol=1e-15)
    np.testing.assert_allclose(ad.jvp(ad.grad(cube), (x,), (v,))[1], 6 * x * v, rtol=1e-15)
    t = ad.tensor(x)
    cube(t).backward(create_graph=True)
    first = t.grad
    t.grad = None
    (first * v).sum().backward()
    np.testing.assert_allclose(t.grad, 6 * x * v, rtol=1e-15)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_jacobian_of_a_checkpointed_function_stays_in_the_graph_of_a_recorded_argument(mode: str) -> None:
    """Its rows are pulled one by one: the cotangents are plain arrays, the arguments are recorded."""
    x, w = ad.tensor([2.0, 3.0]), ad.tensor([5.0, 7.0])
    rows = ad.jacobian(ad.checkpoint(lambda a: a * a * w), mode=mode)(x)
    (rows * np.array([[1.0, 10.0], [10.0, 100.0]])).sum().backward()
    np.testing.assert_array_equal(x.grad, [10.0, 1400.0])  # the derivative of 2 x w
    np.testing.assert_array_equal(w.grad, [4.0, 600.0])


# ---- hooks
def test_a_hook_of_a_captured_value_runs_once() -> None:
    """It ran in the inner pass and in the outer one: times 100."""
    w, x, calls = ad.tensor([2.0]), ad.tensor([3.0]), []
    w.register_hook(lambda g: (calls.append(1), g * 10)[1])
    ad.checkpoint(lambda a: a * w)(x).sum().backward()
    assert w.grad == 30.0 and x.grad == 2.0 and len(calls) == 1


def test_a_hook_of_a_captured_interior_value_and_of_an_argument_runs_once() -> None:
    w, calls = ad.tensor([2.0]), []
    h = w * 3
    h.register_hook(lambda g: (calls.append(1), g * 10)[1])
    ad.checkpoint(lambda a: a * h)(h).sum().backward()
    assert w.grad == 2 * 6.0 * 10 * 3 and len(calls) == 1


def test_a_hook_inside_runs_once() -> None:
    x, calls = ad.tensor([3.0]), []

    def f(a: Any) -> Any:
        y = a * a
        y.register_hook(lambda g: (calls.append(1), g * 10)[1])
        return y * 2

    ad.checkpoint(f)(x).sum().backward()
    assert x.grad == 120.0 and len(calls) == 1


@pytest.mark.parametrize("wrap", [plain, ad.checkpoint])
def test_the_gradient_of_something_else_runs_no_captured_hook(wrap: Wrap) -> None:
    w, calls = ad.tensor([2.0]), []
    w.register_hook(lambda g: calls.append(1))
    assert ad.grad(lambda x: wrap(lambda a: a * w)(x).sum())(np.array([3.0])).data == 2.0
    assert not calls


# ---- whatever cannot be reproduced is refused
def refuses(y: Any, x: Any) -> None:
    with pytest.raises(ad.StaleValueError):
        y.sum().backward()
    assert x.grad is None


def test_a_constant_that_was_overwritten_is_noticed() -> None:
    """The second run was never compared with the first: 600 instead of 12."""
    x, c = ad.tensor([3.0]), ad.tensor([2.0], requires_grad=False)
    y = ad.checkpoint(lambda a: a * a * c)(x)
    c.data = [100.0]
    with pytest.raises(ad.StaleValueError, match=r"did other than at first: multiply .* differs"):
        y.sum().backward()
    assert x.grad is None


def test_what_a_derivative_reads_is_compared_also_where_the_output_is_the_same() -> None:
    x, c = ad.tensor([0.0]), np.array([2.0])
    y = ad.checkpoint(lambda a: a * c)(x)  # 0 whatever c is
    c[:] = 100.0
    refuses(y, x)


def test_what_no_derivative_reads_may_change() -> None:
    x, c = ad.tensor([3.0]), np.array([2.0])
    y = ad.checkpoint(lambda a: a * a)(x) + c
    c[:] = 100.0
    y.sum().backward()
    assert x.grad == 6.0


def test_a_written_argument_and_a_written_parameter_are_noticed() -> None:
    x, w = ad.tensor([3.0]), ad.tensor([2.0])
    f = ad.checkpoint(lambda a: a * a * w)
    for changed in (x, w):
        y = f(x)
        changed.data = [7.0]
        refuses(y, x)
    s, t = ad.scalar(3.0), ad.tensor([1.0])
    y = ad.checkpoint(lambda a: a * s)(t)
    s.data = 4.0
    refuses(y, t)


def test_another_mode_of_a_module_is_noticed() -> None:
    net = nn.Sequential(nn.Linear(4, 4, rng=0), nn.Dropout(0.5, rng=1))
    x = ad.tensor(np.ones((2, 4)), dtype="float32")
    y = ad.checkpoint(lambda a: net(a))(x)
    net.eval()
    refuses(y, x)
    net.train()
    y = ad.checkpoint(net)(x)
    net.freeze()
    refuses(y, x)


def test_a_branch_that_goes_the_other_way_is_noticed() -> None:
    x, flags = ad.tensor([3.0]), [True]
    y = ad.checkpoint(lambda a: a * 2 if flags[0] else a * a)(x)
    flags[0] = False
    refuses(y, x)


def test_a_generator_that_is_not_found_is_noticed() -> None:
    class Hidden:
        def __init__(self) -> None:
            self.deep = {"rng": np.random.default_rng(0)}

    hidden, x = Hidden(), ad.tensor(np.ones(8))
    y = ad.checkpoint(lambda a: a * hidden.deep["rng"].random(8))(x)
    refuses(y, x)


GLOBAL = np.random.default_rng(5)


def sources() -> dict[str, Callable[[], Callable[[Any], Any]]]:
    def closure() -> Any:
        rng = np.random.default_rng(1)
        return lambda a: a * rng.random(8)

    def inner_function() -> Any:
        rng = np.random.default_rng(1)
        mask = lambda: rng.random(8)
        return lambda a: a * mask()

    def default() -> Any:
        return lambda a, rng=np.random.default_rng(2): a * rng.random(8)  # noqa: B008

    def a_partial() -> Any:
        return functools.partial(lambda r, a: a * r.random(8), np.random.default_rng(3))

    def a_method() -> Any:
        class Noise:
            def __init__(self) -> None:
                self.rng = np.random.default_rng(4)

            def apply(self, a: Any) -> Any:
                return a * self.rng.random(8)

            def __call__(self, a: Any) -> Any:
                return self.apply(a)

        return Noise().apply

    def a_list() -> Any:
        rngs = [np.random.default_rng(1), np.random.RandomState(2)]
        return lambda a: a * rngs[0].random(8) * rngs[1].rand(8)

    return {
        "closure": closure,
        "inner_function": inner_function,
        "default": default,
        "partial": a_partial,
        "method": a_method,
        "list": a_list,
        "global": lambda: lambda a: a * GLOBAL.random(8),
        "numpy": lambda: lambda a: a * np.random.rand(8),  # noqa: NPY002
        "python": lambda: lambda a: a * random.random(),
        "own_random": lambda: (lambda r: lambda a: a * r.random())(random.Random(3)),
        "module": lambda: nn.Dropout(0.5),
        "captured_module": lambda: (lambda net: lambda a: net(a))(nn.Dropout(0.5)),
    }


@pytest.mark.parametrize("source", list(sources()))
def test_generators_are_replayed_wherever_they_come_from(source: str) -> None:
    nn.seed(0)
    f, x = sources()[source](), ad.tensor(np.ones(8))
    y = ad.checkpoint(f)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)


def test_a_function_that_writes_is_refused_at_once() -> None:
    x, total = ad.tensor([3.0]), ad.tensor([0.0], requires_grad=False)

    def counts(a: Any) -> Any:
        total.data = total.data + 1
        return a * 2

    def adds(a: Any) -> Any:
        a += 1
        return a

    def appends(pair: Any) -> Any:
        pair.append(pair[0] * 2)
        return pair[0]

    with pytest.raises(ad.GraphError, match="counts writes into a value"):
        ad.checkpoint(counts)(x)
    with pytest.raises(ad.GraphError, match="adds changes an argument"):
        ad.checkpoint(adds)(x * 1)
    with pytest.raises(ad.GraphError, match="appends changes an argument"):
        ad.checkpoint(appends)([x])


def test_the_second_run_has_the_modes_of_the_first() -> None:
    x, w, seen = ad.tensor([3.0]), ad.tensor([2.0]), []

    def f(a: Any) -> Any:
        seen.append((extend.current_scope().path, ad.is_recording()))
        return a * w

    with ad.scope("block"):
        y = ad.checkpoint(f)(x)
    total = y.sum()
    with ad.no_grad(), ad.scope("elsewhere"):
        total.backward()
    assert seen == [("block", True)] * 2 and x.grad == 2.0 and w.grad == 3.0
    with ad.no_grad():  # w is a constant there
        np.testing.assert_array_equal(ad.grad(lambda v: ad.checkpoint(lambda a: a * w)(v).sum())(np.ones(1)), [2.0])


def test_a_strided_argument_is_run_again_on_the_same_memory() -> None:
    """A copy has other strides, and sums in another order: the second run would be refused for its last bits."""
    x = ad.tensor(np.random.default_rng(0).normal(size=(64, 48)))
    t = x.T[::2]
    ad.checkpoint(lambda a: np.exp(a @ np.ones(64)) * a.sum())(t).sum().backward()
    assert np.isfinite(x.grad).all()


def test_an_output_of_nothing_and_an_argument_handed_through_stay_what_they_are() -> None:
    x, w = ad.tensor([3.0]), ad.tensor([2.0])
    a, b, c, d = ad.checkpoint(lambda a: (a, w, "text", np.ones(2)))(x)
    assert a is x and b is w and c == "text" and type(d) is np.ndarray
    with pytest.raises(TypeError, match="needs a function"):
        ad.checkpoint(x)


@pytest.mark.parametrize("value", [[0.0], [1.0], [1.0, 2.0]])
def test_a_function_that_writes_into_a_value_is_refused_whatever_it_writes(value):
    """Zero was let through, and two elements were a question of their truth."""
    held = ad.tensor(np.full(len(value), 5.0), requires_grad=False)

    def f(a):
        held.data = value
        return a * 2

    with pytest.raises(ad.GraphError, match="writes into a value"):
        ad.checkpoint(f)(ad.tensor([1.0]))
