"""What a compiled function does beside computing: guards, state, randomness, errors, and its place in a graph."""

from __future__ import annotations

import gc
import re
import warnings
from collections import OrderedDict, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.compiling.tracing.traced_array import TracedArray


def same(a: Any, b: Any) -> None:
    """Equal bit for bit, in kind and dtype."""
    assert type(a) is type(b)
    a, b = ad.plain(a), ad.plain(b)
    assert np.asarray(a).dtype == np.asarray(b).dtype
    np.testing.assert_array_equal(a, b)


X = np.array([0.5, -1.0, 2.0])


# ---- guards
def test_a_branch_that_goes_the_other_way_is_traced_again_and_both_programs_stay() -> None:
    def f(x: Any) -> Any:
        return x * 2.0 if x.sum() > 0 else -x

    fast = ad.compile(f)
    for x in (X, -X, X, -X):
        same(fast(x), f(x))
    assert len(fast.programs) == 2


def test_verbose_says_why_a_function_is_traced(capsys: pytest.CaptureFixture[str]) -> None:
    fast = ad.compile(lambda x: x if x[0] > 0 else -x, verbose=True)
    fast(X), fast(-X)
    said = capsys.readouterr().out
    assert "the first call" in said and "a guard has failed: False where it was True" in said
    assert "test_compile.py:" in said


def test_a_number_that_python_reads_at_every_call_runs_uncompiled_in_the_end() -> None:
    fast = ad.compile(lambda x: x * x[0].item())
    for k in range(16):
        same(fast(X + k), (X + k) * (X + k)[0])
    with pytest.warns(RuntimeWarning, match="run uncompiled"):
        same(fast(X - 1), (X - 1) * (X - 1)[0])
    with warnings.catch_warnings():  # the reason is another at every call, and was printed at each
        warnings.simplefilter("error")
        same(fast(X - 2), (X - 2) * (X - 2)[0])


def test_a_number_that_is_passed_anew_at_every_call_runs_uncompiled_in_the_end(monkeypatch: Any) -> None:
    monkeypatch.setattr("autodiff.compiling.compiled.NUMBERS", 3)
    fast = ad.compile(lambda x, step: x * step)
    with pytest.warns(RuntimeWarning, match=r"3 programs .* Pass .* as an array") as warned:
        results = [fast(X, step) for step in range(6)]
    for step, got in enumerate(results):
        same(got, X * step)
    assert len(fast.programs) == 3 and len(warned) == 1
    same(fast(X[:2], 2.5), X[:2] * 2.5)  # other shapes, and other kinds of numbers, have programs of their own
    same(fast(X, np.asarray(9)), X * 9)
    assert len(fast.programs) == 5


def test_loops_that_end_on_a_value_follow_it() -> None:
    def f(x: Any) -> Any:
        while abs(x).max() > 0.1:
            x = x / 2
        return x

    fast = ad.compile(f)
    for k in (1.0, 8.0, 1.5, 0.01):
        same(fast(X * k), f(X * k))


def test_shapes_that_depend_on_values_are_guarded() -> None:
    def f(x: Any) -> Any:
        return x[x > 0] * len(x[x > 0])

    fast = ad.compile(f)
    for x in (X, -X, X[::-1].copy()):
        same(fast(x), f(x))


def test_fixed_arguments_and_shapes_and_dtypes_have_programs_of_their_own() -> None:
    fast = ad.compile(lambda x, k: x * k)
    same(fast(X, 2.0), X * 2.0)
    same(fast(X, 3.0), X * 3.0)
    same(fast(X, 0.0), X * 0.0)
    same(fast(X, -0.0), X * -0.0)
    same(fast(X, True), X * True)
    same(fast(X[:2], 2.0), X[:2] * 2.0)
    same(fast(X.astype(np.float32), 2.0), X.astype(np.float32) * 2.0)
    assert len(fast.programs) == 7


# ---- values that would be frozen by a trace that sees recorded rows alone
def test_comparisons_masks_and_indices_made_of_values_are_part_of_the_program() -> None:
    def f(t: Any) -> Any:
        mask = t > 0
        best = np.argmax(t.data)
        order = np.argsort(t.data)
        return np.where(mask, t, 0.0).sum() + t.data[best] * mask.sum() + t[order][0]

    fast = ad.compile(f)
    for x in (X, -X, X[::-1].copy()):
        same(fast(ad.tensor(x)), f(ad.tensor(x)))
    assert len(fast.programs) == 2  # forward and backward: nothing was asked


def test_writes_into_arrays_and_their_views_are_followed() -> None:
    def f(x: Any) -> Any:
        a = np.zeros((2, 3))
        row = a[1]
        a[0] = x
        row += 2 * x
        a.T[0, 0] = 7.0
        np.multiply(x, x, out=a[0, ::-1])
        a[1][a[1] > 1] = -1
        np.add.at(a, (0, [0, 0]), 1.0)
        return a, row, a.reshape(-1)[1:3]

    fast = ad.compile(f)
    for x in (X, -X):
        for got, want in zip(fast(x), f(x), strict=True):
            same(got, want)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x, out: np.sum(x, axis=0, out=out), (7,)),
        (lambda x, out: np.sum(x, 0, None, out), (7,)),
        (lambda x, out: x.mean(axis=0, out=out), (7,)),
        (lambda x, out: np.add.reduce(x, axis=0, out=out), (7,)),
        (lambda x, out: np.cumsum(x, axis=1, out=out), (33, 7)),
        (lambda x, out: np.var(x, axis=0, out=out), (7,)),
        (lambda x, out: np.matmul(x, x.T, out=out), (33, 33)),
    ],
    ids=["sum", "positional", "mean", "reduce", "cumsum", "var", "matmul"],
)
def test_out_decides_how_a_sum_is_computed(function: Any, shape: Any) -> None:
    def f(x: Any, kind: str, order: str) -> Any:
        out = np.zeros(shape, kind, order)
        function(x, out)
        return out

    fast, x = ad.compile(f), 3 * np.random.default_rng(0).normal(size=(33, 7))
    for given, kind, order in [("f4", "f8", "C"), ("f2", "f2", "C"), ("f4", "f4", "F")]:
        same(fast(x.astype(given), kind, order), f(x.astype(given), kind, order))


def test_integers_raised_in_place_to_a_power_that_gives_floats_are_refused_as_numpy_does() -> None:
    def f(x: Any) -> Any:
        counts = np.arange(3) * x.astype(int)
        counts **= 0.5
        return counts

    with pytest.raises(TypeError, match="float64"):
        ad.compile(f)(X)


def test_products_of_single_complex_numbers_are_rounded_as_numpy_rounds_them() -> None:
    def f(x: Any) -> Any:  # NumPy's numbers, and one element in place: without a fused multiplication and addition
        a, b = x[:1] * 1, x[1:2] * 1
        a *= b
        np.square(b, out=b)
        return x[0] * x[1], abs(x[0] * x[1]), x[1] * 2.5, a, b, np.square(x[:1]) * x[1:2] * x[2:]

    fast, rng = ad.compile(f), np.random.default_rng(0)
    for _ in range(20):
        x = rng.normal(size=3) + 1j * rng.normal(size=3)
        for got, want in zip(fast(x), f(x), strict=True):
            same(got, want)


def test_arrays_that_are_captured_are_read_at_every_call() -> None:
    table = np.array([1.0, 2.0, 3.0])
    fast = ad.compile(lambda x: x * table)
    same(fast(X), X * [1.0, 2.0, 3.0])
    table[:] = 5.0
    same(fast(X), X * 5.0)


# ---- state
def test_parameters_are_read_and_running_values_written_at_every_call() -> None:
    w, mean = ad.tensor([1.0, 2.0, 3.0]), ad.tensor(np.zeros(3), requires_grad=False)

    def f(x: Any) -> Any:
        mean.data = 0.5 * mean.data + 0.5 * x
        return (w * x - mean).sum()

    fast = ad.compile(f)
    found = []
    for function in (fast, f):
        w.data, mean.data = [1.0, 2.0, 3.0], np.zeros(3)
        values = []
        for _ in range(3):
            values.append(function(X).item())
            w.data = w.data * 2
            mean.data = mean.data + 1
        found.append((values, mean.data.tolist()))
    assert found[0] == found[1]
    assert len(fast.programs) == 2


def test_backward_inside_leaves_gradients_and_adds_to_those_that_are_there() -> None:
    w = ad.tensor(X)

    def step(x: Any) -> Any:
        loss = ((w - x) ** 2).sum()
        loss.backward()
        return loss.detach()

    fast = ad.compile(step)
    for function in (fast, step):
        w.grad = None
        function(X + 1)
        function(X - 2)
        np.testing.assert_array_equal(w.grad, 2 * (X - (X + 1)) + 2 * (X - (X - 2)))


def test_backward_inside_reaches_an_argument() -> None:
    def step(t: Any) -> None:
        (t**3).sum().backward()

    fast, t = ad.compile(step), ad.tensor(X)
    fast(t), fast(t)
    np.testing.assert_array_equal(t.grad, 2 * (3 * X**2))


def test_scalars_are_values_too() -> None:
    w = ad.scalar(2.0)

    def step(a: Any) -> Any:
        y = (a * w + 1.0).tanh()
        y.backward()
        w.data = w.data - 0.1 * w.grad
        w.grad = None
        return y

    found = []
    for function in (ad.compile(step), step):
        w.data = 2.0
        a = ad.scalar(0.3)
        found.append([function(a).item() for _ in range(3)] + [w.data, a.grad])
        assert type(w.data) is float and type(a.grad) is float
    np.testing.assert_allclose(found[0], found[1], rtol=1e-14)  # math.tanh and np.tanh round differently


def test_nothing_is_written_when_a_run_fails() -> None:
    w = ad.tensor(X)

    def f(a: Any) -> Any:
        w.data = w.data + 1.0
        return np.linalg.inv(a)

    fast = ad.compile(f)
    fast(np.eye(2))
    before = w.data.copy()
    with pytest.raises(np.linalg.LinAlgError):
        fast(np.zeros((2, 2)))
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((2, 2)))
    np.testing.assert_array_equal(before + 2.0, w.data)  # by the function itself, which gives the errors


def test_the_handles_have_their_own_values_again_after_a_trace_that_fails() -> None:
    w = ad.tensor(X)
    data = w.data
    with pytest.raises(ZeroDivisionError):
        ad.compile(lambda x: (w * x) / (1 // 0))(X)
    assert w.data is data and type(np.zeros(2)) is np.ndarray


FACTOR = 2.0


def test_a_captured_number_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 3.0

    def f(x: Any) -> Any:
        return x * FACTOR + rate

    fast = ad.compile(f)
    same(fast(X), f(X))
    rate = 4.0
    same(fast(X), f(X))
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    same(fast(X), f(X))
    assert len(fast.programs) == 3


TABLE = np.array([1.0, 2.0, 3.0])
WEIGHT = ad.tensor(X)


def test_what_is_captured_may_become_another_object(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return x * TABLE * WEIGHT

    fast = ad.compile(f)
    same(fast(X), f(X))
    monkeypatch.setitem(globals(), "TABLE", np.array([5.0, 5.0, 5.0]))
    same(fast(X), f(X))
    monkeypatch.setitem(globals(), "WEIGHT", ad.tensor(X + 1))
    same(fast(X), f(X))
    assert len(fast._entries) == 1 and len(next(iter(fast._entries.values()))) == 3


def test_hooks_of_a_captured_value_run_once() -> None:
    w = ad.tensor(X)

    def step(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    def loss(x: Any) -> Any:
        return (w * x).sum()

    fast, node = ad.compile(step), ad.compile(loss)
    fast(X), node(X)
    remove = w.register_hook(lambda g: 3 * g)
    fast(X)
    np.testing.assert_array_equal(w.grad, 3 * X)
    w.grad = None
    node(X).backward()
    np.testing.assert_array_equal(w.grad, 3 * X)
    remove()
    fast(X)
    np.testing.assert_array_equal(w.grad, X)


def test_vmap_inside_and_outside() -> None:
    rows = np.stack([X, X + 1])
    want = ad.vmap(ad.grad(f_of))(rows)
    same(ad.compile(ad.vmap(ad.grad(f_of)))(rows), want)
    np.testing.assert_allclose(ad.vmap(ad.grad(ad.compile(f_of)))(rows), want, rtol=1e-13)


def test_the_trace_leaves_numpy_and_the_handles_as_they_were() -> None:
    before = np.zeros, np.asarray, ad.Variable.data, ad.Variable.grad, ad.Variable.__lt__
    ad.compile(lambda x: np.zeros(3) + x)(X)
    assert (np.zeros, np.asarray, ad.Variable.data, ad.Variable.grad, ad.Variable.__lt__) == before


# ---- randomness
def test_drawn_numbers_are_random_and_equal_those_of_the_function() -> None:
    def f(x: Any, rng: np.random.Generator) -> Any:
        return x + ad.extend.draw_random(rng, "normal", size=3)

    one, two = np.random.default_rng(3), np.random.default_rng(3)
    fast = ad.compile(f)
    for _ in range(3):
        same(fast(X, one), f(X, two))


@pytest.mark.parametrize(("method", "arguments"), [("beta", (0.4, 0.4)), ("poisson", (3.0,)), ("integers", (1, 9))])
def test_a_number_that_is_drawn_is_of_the_kind_that_the_generator_gives(method: str, arguments: Any) -> None:
    x = np.linspace(0, 1, 7, dtype=np.float32)

    def mixed(rng: Any) -> Any:
        share = ad.extend.draw_random(rng, method, *arguments)
        return share, share * x + (1 - share) * x[::-1], 1 - share, np.count_nonzero(x) * 2 * x

    generators = np.random.default_rng(0), np.random.default_rng(0)
    fast = ad.compile(lambda: mixed(generators[0]))
    for _ in range(4):
        for got, want in zip(fast(), mixed(generators[1]), strict=True):
            assert type(got) is type(want)
            np.testing.assert_array_equal(got, want)
            assert np.asarray(got).dtype == np.asarray(want).dtype


def test_numbers_drawn_in_another_way_are_refused_with_the_line() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ad.TraceError, match=r"a Generator at .*test_compile.py:\d+"):
        ad.compile(lambda x: x * rng.random(3))(X)
    with pytest.raises(ad.TraceError, match=r"global generator of np\.random"):
        ad.compile(lambda x: x * np.random.rand(3))(X)  # noqa: NPY002


def test_a_counter_is_refused() -> None:
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        return x * len(calls)

    with pytest.raises(ad.TraceError, match="differ at"):
        ad.compile(f)(X)


# ---- refusals
@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.frombuffer(x), "bytes-like"),
        (lambda x: x.ctypes, "cannot be followed"),
        (lambda x: x.tobytes(), "cannot be followed"),
        (lambda x: x.__setitem__(0, 1.0), "writes into an argument"),
        (lambda x: np.arange(3.0).__setitem__(slice(None), x), "plain memory"),
        (lambda x: np.add(x, 1.0, out=np.arange(3.0)), "plain array"),
    ],
)
def test_what_no_trace_can_follow_is_refused(f: Any, message: str) -> None:
    with pytest.raises((ad.TraceError, TypeError), match=message):
        ad.compile(f)(X)


def test_a_value_kept_from_a_trace_is_refused_outside() -> None:
    kept: list[Any] = []
    ad.compile(lambda x: kept.append(x * 2))(X)
    with pytest.raises(ad.TraceError, match="outside that trace"):
        kept[0] + 1


def test_something_that_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="compile needs a function"):
        ad.compile(ad.tensor([1.0]))


def test_nothing_of_a_trace_stays_in_memory() -> None:
    w = ad.tensor(X)
    kept = [ad.compile(lambda x: np.tanh(x * w).sum()), ad.compile(ad.grad(f_of))]
    for fast in kept:
        fast(X)
    gc.collect()
    assert not [x for x in gc.get_objects() if type(x) is TracedArray]


def test_threads_share_a_compiled_function() -> None:
    w = ad.tensor(X)

    def f(x: Any) -> Any:
        return (np.tanh(x * w) * x).sum()

    fast = ad.compile(f)
    inputs = [np.random.default_rng(k).normal(size=3) for k in range(40)]
    want = [f(x).item() for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        fast(X)
        assert [y.item() for y in pool.map(fast, inputs)] == want


def test_fixed_objects_are_known_by_identity_even_where_equality_fails() -> None:
    class Options:
        def __init__(self, k: float) -> None:
            self.k = k

        def __eq__(self, other: object) -> bool:
            raise ArithmeticError

        __hash__ = None  # type: ignore[assignment]

    fast = ad.compile(lambda x, options: x * options.k)
    for k in (2.0, 3.0, 4.0):
        same(fast(X, Options(k)), X * k)


@pytest.mark.parametrize(
    "x",
    [
        np.float16([1.5, -2.0]),
        np.arange(6),
        np.zeros((0, 3)),
        np.array(2.5),
        np.float32(3.0),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0).reshape(3, 4)[::2, ::-1],
        np.broadcast_to(np.array([1.0, 2.0]), (3, 2)),
        np.array([1 + 2j, -1j]),
        np.array([True, False]),
    ],
    ids=lambda x: f"{x.dtype}{x.shape}",
)
def test_inputs_of_every_kind_and_layout(x: Any) -> None:
    def f(x: Any) -> Any:
        y = x * 2 + 1
        return y.T, y.sum(), (y > 2).any(), np.reshape(y, -1), y.mean() if y.size else y

    fast = ad.compile(f)
    for _ in range(2):
        for got, want in zip(fast(x), f(x), strict=True):
            same(got, want)


# ---- in a graph, and with the transforms
def test_a_compiled_function_is_one_node_of_a_graph() -> None:
    w = ad.tensor([1.0, 2.0, 3.0])
    fast = ad.compile(lambda x: np.tanh(x * w).sum())
    x = ad.tensor(X)
    y = fast(x * 2)
    assert y.node.op.name == "<lambda>"
    y.backward()
    grads = x.grad, w.grad
    x.grad = w.grad = None
    np.tanh(x * 2 * w).sum().backward()
    np.testing.assert_allclose(grads[0], x.grad, rtol=1e-15)
    np.testing.assert_allclose(grads[1], w.grad, rtol=1e-15)


def f_of(x: Any) -> Any:
    return (np.exp(x) * np.sin(x[0])).prod() + (x**3).sum()


@pytest.mark.parametrize("transform", [ad.grad, ad.hessian, ad.value_and_grad, ad.jacobian], ids=lambda t: t.__name__)
def test_transforms_of_compiled_functions_and_compiled_transforms(transform: Any) -> None:
    want = transform(f_of)(X)
    for function in (ad.compile(transform(f_of)), transform(ad.compile(f_of))):
        for _ in range(2):
            got = function(X)
            for a, b in zip(*[v if isinstance(v, tuple) else (v,) for v in (got, want)], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-13)


def test_compiled_jvp_and_checkpoint() -> None:
    v = np.ones(3)
    for a, b in zip(ad.compile(lambda x, v: ad.jvp(f_of, (x,), (v,)))(X, v), ad.jvp(f_of, (X,), (v,)), strict=True):
        same(a, b)
    same(ad.compile(ad.grad(ad.checkpoint(f_of)))(X), ad.grad(f_of)(X))


def test_a_compiled_function_inside_another_is_part_of_its_program() -> None:
    inner = ad.compile(lambda x: x * 2)
    outer = ad.compile(lambda x: inner(x) + 1)
    same(outer(X), X * 2 + 1)
    assert not inner.programs


def test_modes_that_look_at_operations_run_the_function_itself() -> None:
    fast = ad.compile(lambda t: (t * 2).sum())
    t = ad.tensor(X)
    with ad.record():
        assert fast(t).node.op.name == "sum"
    with ad.no_grad():
        assert fast(t).node is None
    assert fast(t).node is not None


def test_trees_of_arguments_and_results_keep_their_nesting() -> None:
    fast = ad.compile(lambda tree, k=1: {"a": [tree["x"] * k, None, "s"], "b": (tree["y"][0], 3)})
    got = fast({"x": X, "y": [X + 1]}, k=2)
    same(got["a"][0], X * 2)
    same(got["b"][0], X + 1)
    assert got["a"][1:] == [None, "s"] and got["b"][1] == 3


def test_results_are_of_the_kinds_that_the_function_returns() -> None:
    def f(x: Any, t: Any, s: Any) -> Any:
        return x.sum(), x.sum() > 0, t, t * 2, s, s * 2, s.data * 2, t.data, np.asarray(x.sum())

    args = X, ad.tensor(X), ad.scalar(2.0)
    for got, want in zip(ad.compile(f)(*args), f(*args), strict=True):
        same(got, want)


def test_a_compiled_derivative_by_a_scalar_is_a_scalar() -> None:
    def slope(a: Any, x: Any) -> Any:
        return ad.grad(lambda a, x: (a * x).sum() * a, argnums=(0, 1))(a, x)

    for got, want in zip(ad.compile(slope)(ad.scalar(0.3), X), slope(ad.scalar(0.3), X), strict=True):
        same(got, want)


def test_a_dict_that_is_returned_keeps_its_kind() -> None:
    def f(x: Any) -> Any:
        return OrderedDict(b=x, a=x * 2), defaultdict(list, a=x)

    fast = ad.compile(f)
    assert [type(d) for d in fast(X)] == [OrderedDict, defaultdict] and fast(X)[1]["c"] == []


def test_einsum_keeps_its_fourth_operand() -> None:
    x = np.arange(9.0).reshape(3, 3)
    square = ad.grad(lambda x: np.einsum("ij,jk,kl->", x, x, x))  # its rule has four: two others, g, and ones
    np.testing.assert_array_equal(ad.compile(square)(x), square(x))
    np.testing.assert_array_equal(ad.compile(lambda x: np.einsum("i,i,i,i", *4 * [x]))(X), (X**4).sum())


def test_a_factorization_with_row_exchanges_is_one_program_for_all_orders() -> None:
    fast = ad.compile(ad.linalg.lu)
    for a in (np.array([[0.0, 2.0], [1.0, 3.0]]), np.array([[4.0, 2.0], [1.0, 3.0]])):
        for got, want in zip(fast(a), ad.linalg.lu(a), strict=True):
            np.testing.assert_array_equal(ad.plain(got), ad.plain(want))
    assert len(fast.programs) == 1


def test_a_function_of_a_room_of_numpy_is_written_with_its_room() -> None:
    fast = ad.compile(lambda x: np.lib.stride_tricks.sliding_window_view(x, 2).sum(1))
    np.testing.assert_array_equal(fast(X), X[:-1] + X[1:])


def test_a_decorator_and_a_method() -> None:
    class Model:
        def __init__(self) -> None:
            self.w = ad.tensor([2.0])

        @ad.compile
        def run(self, x: Any) -> Any:
            return self.w * x

    model = Model()
    same(model.run(X), model.w * X)

    @ad.compile(verbose=False)
    def doubled(x: Any) -> Any:
        return x * 2

    same(doubled(X), X * 2)


def test_states_are_written_where_they_stand_and_only_when_all_guards_hold() -> None:
    mean = ad.tensor(np.zeros(3), requires_grad=False)

    def update(x: Any) -> Any:
        mean.data = mean.data * 0.5 + np.abs(x)
        if x.sum() > 10:
            return 1.0
        return 0.0

    fast, memory = ad.compile(update), mean.data
    fast(np.ones(3))
    assert "(add, mean, absolute_2, mean)" in fast.source
    fast(np.full(3, 9.0))
    np.testing.assert_array_equal(mean.data, [9.5] * 3)
    assert mean.data is memory
    fast(np.full(3, 1.0))
    np.testing.assert_array_equal(mean.data, [5.75] * 3)


def test_a_state_that_is_written_and_shares_its_memory_is_refused() -> None:
    both = np.arange(4.0)
    one, two = (ad.tensor(both[s], requires_grad=False, copy=False) for s in (slice(0, 3), slice(1, 4)))

    def step() -> Any:
        one.data = one.data + 1.0
        return two * 1.0

    with pytest.raises(ad.TraceError, match="shares"):
        ad.compile(step)()

    def step_captured() -> Any:
        one.data = one.data + 1.0
        return one * both[1:]

    with pytest.raises(ad.TraceError, match="shares"):
        ad.compile(step_captured)()


def test_a_state_in_fortran_order_is_summed_in_its_order() -> None:
    x, found = np.random.default_rng(0).normal(size=(40, 30)), []
    for change in (lambda f: f, ad.compile):
        a = ad.tensor(np.asfortranarray(x * 3), requires_grad=False, copy=False)

        def step(x: Any, a: Any = a) -> Any:
            a.data = a.data * np.tanh(x)
            return a.data.sum()

        run = change(step)
        found.append([run(x) for _ in range(2)])
    assert found[0] == found[1]


def test_a_gradient_that_the_function_clears_before_it_looks_needs_no_program_of_its_own() -> None:
    w = ad.tensor([1.0, 2.0])

    def step(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    fast = ad.compile(step)
    for k in range(3):
        fast(np.array([k, 1.0]))
        np.testing.assert_array_equal(w.grad, [k, 1.0])
    assert len(fast.programs) == 1


def test_a_gradient_that_the_function_looks_at_before_it_clears_it_has_two_programs() -> None:
    w = ad.tensor([1.0, 2.0])

    def step(x: Any) -> Any:
        before = 0.0 if w.grad is None else w.grad.sum()
        w.grad = None
        (w * x).sum().backward()
        return before

    fast = ad.compile(step)
    assert [float(fast(np.array([k, 1.0]))) for k in range(3)] == [0.0, 1.0, 2.0]


def test_a_gradient_that_is_only_cleared_is_gone() -> None:
    w = ad.tensor([1.0, 2.0])

    def clear(x: Any) -> Any:
        w.grad = None
        return x * 1.0

    fast = ad.compile(clear)
    for _ in range(2):
        fast(np.ones(1))
        (w * w).sum().backward()
        fast(np.ones(1))
        assert w.grad is None


def test_writes_into_views_copy_nothing_and_keep_every_bit() -> None:
    def f(x: Any) -> Any:
        z, h = np.outer(x, x), np.zeros((4, 3))
        for t in range(3):
            a = z[t]
            a += h[t]
            np.tanh(a, out=a)
            r = a[1:]
            r *= 2
            h[t + 1] = a
        v = z.T
        v[0] = x
        z.reshape(-1)[::2][1:3] = 7
        first, rest = np.split(z, [1])
        rest += first
        z[:] = z[::-1]
        return z, h, a

    fast = ad.compile(f)
    for k in range(2):
        x = np.random.default_rng(k).normal(size=3)
        for got, want in zip(fast(x), f(x), strict=True):
            np.testing.assert_array_equal(got, want)
    assert len(re.findall(r"(_view(_2)?\[\.\.\.\]|\w+\[\d\]) = ", fast.source)) >= 9  # into views of one place
    assert fast.source.count("copyto(") <= 3


def test_interpolation_between_captured_points_is_compiled_in_each_operand() -> None:
    xp, fp = np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0, 5.0])
    for k in range(3):
        f = ad.grad(lambda *p, k=k: np.interp(*[p[0] if i == k else a for i, a in enumerate([X, xp, fp])]).sum())
        fast = ad.compile(f)
        for shift in (0.0, 0.25):
            same(fast([X, xp, fp][k] + shift), f([X, xp, fp][k] + shift))


def test_a_backward_program_sums_in_the_order_in_which_its_arrays_lie() -> None:
    def f(w: Any, x: Any) -> Any:
        return np.tanh(x * w) * w

    fast, rng, w = ad.compile(f), np.random.default_rng(0), ad.tensor(np.linspace(-1, 1, 7))
    for given, cotangent in ("FF", "FC", "CF", "CC"):
        x, g = (rng.normal(size=(1053, 7)).copy(order) for order in (given, cotangent))
        found = []
        for function in (f, fast):
            w.grad = None
            function(w, x).backward(g)
            found.append(w.grad)
        same(*found)


@pytest.mark.parametrize(
    "lay",
    [
        np.asfortranarray,
        lambda x: x[::-1],
        lambda x: x[:, ::-1],
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: np.pad(x, 3)[3:-3, 3:-3],
        lambda x: np.pad(x, ((0, 0), (3, 3000)))[:, 3:-3000],
    ],
    ids=["Fortran", "upwards", "backwards", "spread out", "inside", "far inside"],
)
def test_sums_follow_the_order_in_which_an_argument_lies(lay: Any) -> None:
    def f(x: Any) -> Any:
        z = np.zeros_like(x)
        z[1:] = x[:-1]
        alike = x * 1, +x, np.negative(-x), np.ascontiguousarray(x), np.asfortranarray(x)
        return np.sum(z, axis=0), np.sum(np.tanh(x[:, ::-1])), *map(np.sum, alike)

    x = lay(np.random.default_rng(0).normal(size=(33, 33)).astype(np.float32))
    for got, want in zip(ad.compile(f)(x), f(x), strict=True):
        same(got, want)


def test_what_an_output_does_not_depend_on_gets_no_gradient() -> None:
    w = ad.tensor(np.ones(2))
    f = ad.compile(lambda a, b: (a * a * w, a * b))
    a, b = ad.tensor(np.array([2.0, 3.0])), ad.tensor(np.ones(2))
    f(a, b)[0].sum().backward()
    assert b.grad is None and w.grad.tolist() == [4.0, 9.0]
    f(a, b)[1].sum().backward()
    assert b.grad.tolist() == [2.0, 3.0] and w.grad.tolist() == [4.0, 9.0]
    np.testing.assert_array_equal(ad.plain(ad.hessian(lambda a: f(a, b)[0].sum())(a)), 2 * np.eye(2))
