"""What a program found outside is looked at again before it runs: nothing that may change is frozen in it."""

from __future__ import annotations

import functools
import math
import os
import sys
import threading
import types
from array import array
from collections import UserDict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.compiling.tracing import surroundings

X = np.array([0.5, -1.0, 2.0])
RATE = [2.0]


def rated(x: Any) -> Any:
    return x * RATE[0]


class Config:
    k = 2.0

    @property
    def twice(self) -> float:
        return 2 * self.k


class Scaled:
    @staticmethod
    def by_rate(x: Any) -> Any:
        return x * 2.0

    @classmethod
    def twice(cls, x: Any) -> Any:
        return cls.by_rate(x) * 2


class Slotted:
    __slots__ = ("k",)


class Named(nn.Module):
    def forward(self, x: Any) -> Any:
        return rated(x)


def _setting(name: str) -> tuple[Callable[..., Any], Callable[[float], Any]]:
    """A function of x that multiplies by a number which stands somewhere outside, and what changes that number."""
    config, slotted, space, module = Config(), Slotted(), types.SimpleNamespace(k=2.0), types.ModuleType("settings")
    slotted.k = module.k = 2.0
    tree: Any = {"a": [2.0]}
    members, array, big = {2.0}, np.full(3, 2.0), np.full(20_000, 2.0)
    k = 2.0

    def set_k(value: float) -> None:
        nonlocal k
        k = value

    def inner(x: Any) -> Any:
        return x * k

    def defaults(x: Any, rate: float = 2.0) -> Any:
        return x * rate

    def own(x: Any) -> Any:
        return x * own.k  # type: ignore[attr-defined]

    def imports(x: Any) -> Any:
        from imported_inside import k  # type: ignore[import-not-found]

        return x * k

    user = UserDict(k=2.0)
    own.k = 2.0  # type: ignore[attr-defined]
    rule = ad.custom_vjp(lambda x: x)
    rule.defvjp(lambda x: (x, None), lambda _, g: (g * k,))
    return {
        "a list of a helper": (lambda x: rated(x), lambda v: RATE.__setitem__(0, v)),
        "the closure of a helper": (lambda x: inner(x), set_k),
        "the closure of a wrapped function": (ad.vmap(inner), set_k),
        "an attribute": (lambda x: x * config.k, lambda v: setattr(config, "k", v)),
        "an attribute by name": (lambda x: x * getattr(config, "k" + ""), lambda v: setattr(config, "k", v)),
        "a property": (lambda x: x * config.twice / 2, lambda v: setattr(config, "k", v)),
        "a slot": (lambda x: x * slotted.k, lambda v: setattr(slotted, "k", v)),
        "a namespace": (lambda x: x * space.k, lambda v: setattr(space, "k", v)),
        "a module of Python": (lambda x: x * module.k, lambda v: setattr(module, "k", v)),
        "a nested container": (lambda x: x * tree["a"][0], lambda v: tree["a"].__setitem__(0, v)),
        "a set": (lambda x: x * sum(members), lambda v: (members.clear(), members.add(v))),
        "a default argument": (defaults, lambda v: setattr(defaults, "__defaults__", (v,))),
        "an attribute of the function": (own, lambda v: setattr(own, "k", v)),
        "a partial": (functools.partial(lambda t, x: x * t["a"][0], tree), lambda v: tree["a"].__setitem__(0, v)),
        "an element of an array": (lambda x: x * array[0], lambda v: array.__setitem__(0, v)),
        "a sum of an array": (lambda x: x * (array.sum() / 3), lambda v: array.fill(v)),
        "a branch on an array": (lambda x: x * (2.0 if array[0] < 3 else 3.0), lambda v: array.fill(v)),
        "a mean of a large array": (lambda x: x * big[0] + 0 * big[:3] + (big.mean() - big[0]), lambda v: big.fill(v)),
        "a custom rule": (ad.grad(lambda x: (rule(x) * x**0).sum()), set_k),
        "the forward method of a module": (Named(), lambda v: RATE.__setitem__(0, v)),
        "a static method behind a class method": (
            lambda x: Scaled.twice(x) / 2,
            lambda v: setattr(Scaled, "by_rate", staticmethod(lambda x: x * v)),
        ),
        "a dict of a user": (lambda x: x * user["k"], lambda v: user.update(k=v)),
        "a module that is imported inside": (imports, lambda v: setattr(sys.modules["imported_inside"], "k", v)),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "a list of a helper",
        "the closure of a helper",
        "the closure of a wrapped function",
        "an attribute",
        "an attribute by name",
        "a property",
        "a slot",
        "a namespace",
        "a module of Python",
        "a nested container",
        "a set",
        "a default argument",
        "an attribute of the function",
        "a partial",
        "an element of an array",
        "a sum of an array",
        "a branch on an array",
        "a mean of a large array",
        "a custom rule",
        "the forward method of a module",
        "a static method behind a class method",
        "a dict of a user",
        "a module that is imported inside",
    ],
)
def test_a_number_that_changes_outside_is_read_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "RATE", [2.0])
    monkeypatch.setitem(sys.modules, "imported_inside", types.ModuleType("imported_inside"))
    f, change = _setting(name)
    fast = ad.compile(f)
    for value in (2.0, 3.0, 2.0):
        change(value)
        for _ in range(2):
            np.testing.assert_array_equal(fast(X), f(X))


def test_an_object_that_is_an_argument_or_the_owner_of_a_method_may_change() -> None:
    class Model:
        k = 2.0

        @ad.compile
        def run(self, x: Any) -> Any:
            return x * self.k

    model, fast = Model(), ad.compile(lambda x, options: x * options.k)
    for k in (2.0, 3.0):
        model.k = k
        np.testing.assert_array_equal(model.run(X), X * k)
        np.testing.assert_array_equal(fast(X, model), X * k)


def test_an_attribute_that_the_code_does_not_name_traces_nothing_again() -> None:
    config: Any = Config()
    fast = ad.compile(lambda x: x * config.k)
    for k in range(3):
        config.steps = k
        fast(X)
    assert len(fast.programs) == 1


def test_an_equal_scalar_in_the_place_of_another_is_read() -> None:
    numbers = [ad.scalar(1.0), ad.scalar(1.0)]
    fast = ad.compile(lambda x: x * numbers[0].data)
    assert fast(2.0) == 2.0
    numbers[0] = ad.scalar(1.0)
    assert fast(2.0) == 2.0
    numbers[0].data = 3.0
    assert fast(2.0) == 6.0


def test_a_method_that_is_replaced_in_a_class_or_a_base_is_called() -> None:
    class Base:
        def scale(self, x: Any) -> Any:
            return x * 2

    class Other:
        def scale(self, x: Any) -> Any:
            return x * 3

    class Model(Base):
        pass

    model = Model()
    fast = ad.compile(lambda x: model.scale(x))
    np.testing.assert_array_equal(fast(X), X * 2)
    Model.__bases__ = (Other,)
    np.testing.assert_array_equal(fast(X), X * 3)
    Model.scale = lambda self, x: x * 4  # type: ignore[method-assign]
    np.testing.assert_array_equal(fast(X), X * 4)


def test_minus_zero_is_another_number() -> None:
    k = 0.0
    fast = ad.compile(lambda x: x * k)
    fast(X)
    k = -0.0
    np.testing.assert_array_equal(np.signbit(fast(X)), np.signbit(X * -0.0))


def test_a_loss_of_a_user_is_looked_at_in_compiled_training() -> None:
    x, y = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    found = []
    for compiled in (False, True):
        scale = [1.0]
        net = nn.Linear(3, 2, rng=0)
        nn.fit(
            net,
            x,
            y,
            loss=lambda p, t, s=scale: s[0] * ((p - t) ** 2).mean(),
            epochs=3,
            optimizer=nn.SGD(net.parameters(), lr=0.1),
            callbacks=[lambda *_, s=scale: s.__setitem__(0, s[0] * 2)],
            compiled=compiled,
            progress=False,
        )
        found.append([p.data for p in net.parameters()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- arguments
def test_a_value_that_is_given_twice_is_one_value() -> None:
    fast = ad.compile(lambda x, y: x * 2 if x is y else x * 3)
    np.testing.assert_array_equal(fast(X, X.copy()), X * 3)
    np.testing.assert_array_equal(fast(X, X), X * 2)

    step, t = ad.compile(lambda a, b: (a * b * b).sum().backward()), ad.tensor(X)
    step(t, t)
    np.testing.assert_array_equal(t.grad, X * X + X * X + X * X)


def test_a_state_that_is_also_an_argument_is_refused_when_it_is_written() -> None:
    w = ad.tensor(X, requires_grad=False)

    def f(t: Any) -> Any:
        w.data = w.data + 1
        return t * 1

    with pytest.raises(ad.TraceError, match="both an argument and captured"):
        ad.compile(f)(w)


def test_inputs_have_the_names_of_the_parameters_of_a_wrapped_function() -> None:
    def loss(weights: Any, batch: Any = 1.0) -> Any:
        return (weights * batch).sum()

    fast = ad.compile(ad.value_and_grad(loss))
    fast(X, batch=X + 1)
    assert "def program(weights, batch" in fast.source or "(weights, batch" in fast.source


# ---- errors and text
def test_a_caught_error_of_numpy_is_refused_with_its_line() -> None:
    def f(x: Any) -> Any:
        try:
            return np.linalg.inv(x)
        except np.linalg.LinAlgError:
            return x * 0

    fast = ad.compile(f)
    np.testing.assert_array_equal(fast(np.eye(2)), np.eye(2))
    with pytest.raises(ad.TraceError, match=r"catches an error of NumPy \(Singular matrix\).*test_surroundings.py:\d+"):
        fast(np.zeros((2, 2)))


def test_warnings_made_errors_are_refused() -> None:
    def f(x: Any) -> Any:
        with np.errstate(all="raise"):
            return np.log(x)

    with pytest.raises(ad.TraceError, match="makes errors of warnings"):
        ad.compile(f)(X)


def test_text_of_a_traced_value_is_refused() -> None:
    for f in (lambda x: f"{x.sum()}", lambda x: str(x), lambda x: np.array2string(x), lambda x: repr(ad.tensor(x))):
        with pytest.raises(ad.TraceError, match="text"):
            ad.compile(f)(X)
    with pytest.raises(ad.TraceError, match=r"reads it at .*test_surroundings\.py:\d+"):
        ad.compile(lambda x: float(str(x.sum())) * x)(X)


def test_an_object_whose_getattr_raises_another_error_is_looked_at() -> None:
    class Settings:
        values = {"rate": 2.0}

        def __getattr__(self, name: str) -> Any:
            return Settings.values[name]

    settings = Settings()
    fast = ad.compile(lambda x: x * settings.rate)
    np.testing.assert_array_equal(fast(X), X * 2)
    settings.values["rate"] = 3.0
    np.testing.assert_array_equal(fast(X), X * 3)


def test_a_program_that_fails_for_values_of_another_branch_is_traced_again() -> None:
    def largest(x: Any) -> Any:
        return x[x == x.max()][:2].sum() if (x == x.max()).sum() > 1 else x[np.flatnonzero(x > 1.5)[0]]

    fast = ad.compile(ad.grad(lambda x: np.max(x) + 0 * largest(x)))
    for x in (X, np.ones(3), X[::-1].copy(), np.array([2.0, 1.0, 2.0])):
        np.testing.assert_array_equal(fast(x), ad.grad(lambda x: np.max(x) + 0 * largest(x))(x))


def test_what_was_written_before_an_error_stays_as_without_compile() -> None:
    w = ad.tensor(X, requires_grad=False)

    def f(x: Any) -> Any:
        w.data = w.data + 1
        if x[0] > 100:
            raise ValueError("large")
        return x

    fast = ad.compile(f)
    fast(X)
    with pytest.raises(ValueError, match="large"):
        fast(X + 1000)
    np.testing.assert_array_equal(w.data, X + 2)


def test_a_set_that_is_returned_belongs_to_the_caller() -> None:
    fast = ad.compile(lambda x: (x, {1}))
    fast(X)[1].add(2)
    assert fast(X)[1] == {1}


def test_another_thread_that_meets_a_value_of_a_trace_is_refused() -> None:
    w, found = ad.tensor(X), []

    def meet() -> None:
        try:
            found.append((w * 2).sum())
        except ad.TraceError as error:
            found.append(error)

    def f(x: Any) -> Any:
        y = w * x
        thread = threading.Thread(target=meet)
        thread.start()
        thread.join()
        return y

    np.testing.assert_array_equal(ad.compile(f)(X).data, X * X)
    assert all(isinstance(x, ad.TraceError) for x in found)


LARGE = 20_000  # elements: an array that is read at every call, and compared only where Python may look into it


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: x * w * float(w[0]),
        lambda x, w: x * w if w[0] > 2 else x - w,
        lambda x, w: x * w * math.exp(w[0]),
        lambda x, w: x * w * w.item(0),
        lambda x, w: x * w * (0.0 in w),
        lambda x, w: x * w * round(w[0]),
    ],
    ids=["float", "if", "math", "item", "in", "round"],
)
def test_a_python_number_read_from_a_large_captured_array_is_not_frozen(function: Any) -> None:
    w = np.ones(LARGE)
    fast = ad.compile(lambda x: function(x, w))
    x = np.linspace(-1, 1, LARGE)
    for k in range(4):
        w[0] = k
        np.testing.assert_array_equal(fast(x), function(x, w))


def test_what_only_computes_with_a_large_captured_array_does_not_compare_it() -> None:
    w = np.ones(LARGE)
    fast = ad.compile(lambda x: (x * w).sum())
    for k in range(3):
        w[0] = k
        assert fast(np.ones(LARGE)) == w.sum()
    assert len(fast.programs) == 1


@pytest.mark.parametrize("fact", ["flags", "strides", "base"])
def test_what_an_argument_is_in_memory_is_refused_with_the_line(fact: str) -> None:
    def f(x: Any) -> Any:
        return x * 2 if getattr(x, fact) is None else x * 3

    with pytest.raises(ad.TraceError, match=rf"\.{fact} of a value from outside.* at .*test_surroundings\.py:\d+"):
        ad.compile(f)(np.ones(3))
    ad.compile(lambda x: x * 2 if (x + 1).flags.c_contiguous else x)(np.ones(3))  # made inside: always the same


def test_whether_arguments_share_memory_is_refused_with_the_line() -> None:
    whole = np.ones(4)
    for share in (np.may_share_memory, np.shares_memory):
        with pytest.raises(ad.TraceError, match=r"share memory is not the same.* at .*test_surroundings\.py:\d+"):
            ad.compile(lambda x, y, share=share: x * 2 if share(x, y) else x * 3)(whole[1:], whole[:3])
        fast = ad.compile(lambda x, share=share: x * 2 if share(x, x[1:]) and not share(x, x + 1) else x * 3)
        np.testing.assert_array_equal(fast(whole), 2 * whole)


def test_an_argument_that_is_captured_too_is_refused_where_the_function_asks_with_is() -> None:
    table, handles = np.ones(3), [ad.tensor(np.ones(3))]

    def of_array(x: Any) -> Any:
        return x * 2 if x is table else x * 3

    def of_handle(x: Any) -> Any:
        return ad.plain(x * 2 if any(x is handle for handle in handles) else x * 3)

    for f, captured in ((of_array, table), (of_handle, handles[0])):
        fast = ad.compile(f)
        np.testing.assert_array_equal(fast(np.ones(3)), 3 * np.ones(3))
        for compiled in (fast, ad.compile(f)):
            with pytest.raises(
                ad.TraceError, match=r"captured, too, and compares with `is` at .*test_surroundings\.py:\d+"
            ):
                compiled(captured)


def test_a_class_or_none_after_is_asks_nothing_of_arrays() -> None:
    table = np.ones(3)

    def f(x: Any, y: Any = None) -> Any:
        return x * table if y is None and type(x) is not list and type(x) is not np.matrix else x

    np.testing.assert_array_equal(ad.compile(f)(table), table)


@pytest.mark.parametrize("other", ["argument", "state", "array"])
def test_memory_that_a_written_state_shares_later_is_refused(other: str) -> None:
    s, r, c = (ad.tensor(np.ones(3), requires_grad=False) for _ in range(3))
    table = np.ones(3)

    def f(x: Any) -> Any:
        s.data = s.data * 0.5
        return x + s.data + r.data + c.data * table

    fast = ad.compile(f)
    np.testing.assert_array_equal(fast(np.ones(3)), 3.5 * np.ones(3))
    if other == "state":
        r._data = s.data[::-1]
    elif other == "array":
        s._data = table[:]
    with pytest.raises(ad.TraceError, match="whose memory another value"):
        fast(s.data[:] if other == "argument" else np.ones(3))


def test_a_captured_array_that_nobody_can_write_to_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed, other = np.ones(LARGE), np.ones(LARGE)
    fixed.flags.writeable = False
    compared: list[int] = []
    equal = surroundings._equal_words
    monkeypatch.setattr(surroundings, "_equal_words", lambda a, saved: compared.append(id(a)) or equal(a, saved))
    fast = ad.compile(lambda x: x * fixed if other[0] > 0 else x)
    for _ in range(2):
        np.testing.assert_array_equal(fast(other), other)
    assert id(fixed) not in compared and id(other) in compared
    other[0] = 0
    np.testing.assert_array_equal(fast(other), other)
    assert len(fast.programs) == 2


def test_whether_a_captured_array_is_writeable_is_looked_at() -> None:
    w = np.ones(3)
    fast = ad.compile(lambda x: x * (2 if w.flags.writeable else 3))
    assert fast(np.ones(1)) == 2
    w.flags.writeable = False
    assert fast(np.ones(1)) == 3


def test_environment_variables_context_variables_and_buffers_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    number, raw, packed = ContextVar("number", default=1.0), bytearray(b"\x01"), array("d", [1.0])
    view = memoryview(raw)

    def f(x: Any) -> Any:
        return x * float(os.environ["BACKFLOW_A_NUMBER"]) * number.get() * raw[0] * packed[0] * view[0]

    monkeypatch.setenv("BACKFLOW_A_NUMBER", "1")
    fast = ad.compile(f)
    assert fast(np.ones(1)) == 1
    monkeypatch.setenv("BACKFLOW_A_NUMBER", "2")
    assert fast(np.ones(1)) == 2
    number.set(3.0)
    assert fast(np.ones(1)) == 6
    raw[0], packed[0] = 2, 5.0
    assert fast(np.ones(1)) == 120


def test_settings_of_numpy_are_refused() -> None:
    with pytest.raises(ad.TraceError, match="geterr"):
        ad.compile(lambda x: x * 2 if np.geterr()["divide"] == "warn" else x)(np.ones(3))


def test_the_exact_class_of_an_array_is_refused() -> None:
    with pytest.raises(ad.TraceError, match="isinstance"):
        ad.compile(lambda x: x * 2 if type(x) is np.ndarray else x * 3)(np.ones(3))


def test_a_recorded_argument_is_no_leaf_in_a_trace() -> None:
    fast = ad.compile(lambda x: x * 2 if x.is_leaf else x * 3)
    leaf = ad.tensor([1.0])
    assert (fast(leaf).data, fast(leaf * 1).data) == (2.0, 3.0)


def test_an_argument_list_that_the_function_changes_is_refused() -> None:
    def f(x: Any, out: list[Any]) -> Any:
        out.append(1)
        return x * len(out)

    with pytest.raises(ad.TraceError, match="changes a list"):
        ad.compile(f)(np.ones(3), [])
