"""Check properties of every row that need the engine: dispatch, dtypes, extreme values, modes, what is kept.

A new row is tested without writing a test. Its operands come from the row's own facts: `samples` (shapes and static
arguments), `domain`, `kink`, `draw`. An elementwise row needs none of them; any other row needs `samples`. The
properties of a derivative (against numbers, forward against reverse, second order, broadcasting, layout, aliasing)
are those of `check_op`, which tests/testing/test_rows_are_right.py runs on every row.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autodiff as ad

ROWS = list(ad.ops.OPS.values())
FLAT = [row for row in ROWS if row.shown.flat]
CURVED = [row for row in ROWS if any(row.vjps)]
ELEMENTWISE = [row for row in ROWS if row.elementwise]
SEVERAL = [row for row in CURVED if row.variadic or len(row.inputs) > 1]
KEEPING = [row for row in ROWS if row.keep is not None]
FUSED = [row for row in ROWS if row.reference is not None]
EPS = float(np.finfo(np.float64).eps)
# numerical checks cost milliseconds each, and there are a hundred rows
few = settings(max_examples=max(4, settings().max_examples // 5))
some = settings(max_examples=max(6, settings().max_examples // 3))
SHAPES = {
    1: [((3,),), ((2, 3),), ((),)],
    2: [((2, 3), (2, 3)), ((3, 1), (1, 2)), ((), (3,)), ((2,), ())],
    3: [((2, 3), (2, 3), (2, 3)), ((3, 1), (2,), ()), ((), (), ())],
}


def rows(chosen: list[Any]) -> Callable[[Any], Any]:
    """Run a test on each of these rows; the quick run takes a share of them (tests/conftest.py)."""

    def mark(test: Any) -> Any:
        return pytest.mark.sampled(pytest.mark.parametrize("row", chosen, ids=lambda row: row.name)(test))

    return mark


@dataclass(frozen=True)
class Case:
    """A row, operands and static arguments; called with other values for the operands that have a rule."""

    row: Any
    operands: tuple[np.ndarray, ...]
    static: dict[str, Any]

    @property
    def live(self) -> list[int]:
        return [i for i in range(len(self.operands)) if self.row.rule(i) is not None]

    @property
    def xs(self) -> list[np.ndarray]:
        """The operands that are differentiated."""
        return [self.operands[i] for i in self.live]

    def full(self, xs: Any) -> list[Any]:
        operands: list[Any] = list(self.operands)
        for i, x in zip(self.live, xs, strict=True):
            operands[i] = x
        return operands

    def __call__(self, *xs: Any) -> Any:
        operands = self.full(xs)
        return self.row(operands, **self.static) if self.row.variadic else self.row(*operands, **self.static)

    def plain(self, *xs: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.row.fn(*self.full(xs), **self.static)

    def reference(self, *xs: Any) -> Any:
        return self.row.reference(*self.full(xs), **self.static)

    def gap(self) -> float:
        """Distance to the nearest kink."""
        if self.row.kink is None:
            return math.inf
        return float(np.min(self.row.kink(*self.operands, **self.static), initial=math.inf))

    def cast(self, dtype: Any) -> Case:
        kinds = {"f": np.dtype(dtype), "c": np.result_type(dtype, np.complex64)}
        operands = tuple([x.astype(kinds.get(x.dtype.kind, x.dtype)) for x in self.operands])
        return Case(self.row, operands, self.static)


def from_domain(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
    """Ordinary numbers inside an interval, away from its ends."""
    if math.isinf(low) and math.isinf(high):
        return np.asarray(rng.uniform(-3.0, 3.0, shape))
    low, high = (low, low + 4.0) if math.isinf(high) else (high - 4.0, high) if math.isinf(low) else (low, high)
    return np.asarray(low + (high - low) * rng.uniform(0.06, 0.94, shape))


@st.composite
def cases(draw: Any, row: Any, samples: Any = None) -> Case:
    """Operands a row says it takes."""
    if samples is None:
        samples = row.samples
    if samples is None:
        assert row.elementwise, f"row {row.name}: a row that is not elementwise must name its samples"
        samples = [(shapes, {}) for shapes in SHAPES[len(row.inputs)]]
    shapes, static = draw(st.sampled_from(list(samples)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if row.draw is not None:
        operands = row.draw(rng, *shapes)
    else:
        domains = row.domain * len(shapes) if row.variadic else row.domain
        operands = [from_domain(rng, *interval, shape) for interval, shape in zip(domains, shapes, strict=True)]
    return Case(row, tuple([np.asarray(x) for x in operands]), static)


def cotangent_for(case: Case, seed: int = 0) -> Any:
    """Generic weights of the shape and dtype of the output."""
    y = np.asarray(case.plain(*case.xs))
    return np.asarray(np.random.default_rng(seed).uniform(0.25, 2.0, y.shape) * (-1.0) ** seed).astype(y.dtype)


def pull(case: Case, w: Any, xs: Any = None, f: Any = None, create_graph: bool = False) -> tuple[Any, list[Any]]:
    """The output as a handle, and the gradients of <w, output>."""
    leaves = [ad.tensor(x) for x in (case.xs if xs is None else xs)]
    with np.errstate(all="ignore"):
        y = (f or case)(*leaves)
        if y.requires_grad:
            y.backward(w, create_graph=create_graph)
    return y, [np.zeros_like(x.data) if x.grad is None else x.grad for x in leaves]


def second(case: Case, w: Any, us: list[np.ndarray], f: Any = None) -> list[np.ndarray]:
    """Gradient of <us, gradient>, through the recorded backward pass."""
    leaves = [ad.tensor(x) for x in case.xs]
    (f or case)(*leaves).backward(w, create_graph=True)
    terms = [(x.grad * u).sum() for x, u in zip(leaves, us, strict=True) if isinstance(x.grad, ad.Variable)]
    for x in leaves:
        x.grad = None
    for term in terms:
        if term.requires_grad:
            term.backward(retain_graph=True)
    return [np.zeros_like(x.data) if x.grad is None else x.grad for x in leaves]


def raw(x: Any) -> np.ndarray:
    return np.asarray(x.data if isinstance(x, ad.Variable) else x)


# ---- values and kinds
@rows(ROWS)
@given(st.data(), st.sampled_from([np.float64, np.float32]))
@some
def test_value_shape_and_dtype_are_numpys(row: Any, data: Any, dtype: Any) -> None:
    case = data.draw(cases(row)).cast(dtype)
    expected = case.plain(*case.xs)
    got = (
        case(*[ad.tensor(x) for x in case.xs])
        if case.live
        else row(*[ad.tensor(x, requires_grad=False) for x in case.operands])
    )
    assert isinstance(got, ad.Variable)
    if isinstance(got, ad.Scalar):
        assert got.data == expected
        return
    np.testing.assert_array_equal(got.data, expected)
    assert got.shape == np.shape(expected) and got.dtype == np.asarray(expected).dtype
    assert "dtype" in case.static or np.finfo(got.dtype).eps == np.finfo(dtype).eps  # the precision: fft is complex
    gradients = pull(case, cotangent_for(case))[1] if case.live else []
    for x, g in zip(case.xs, gradients, strict=True):
        assert type(g) is np.ndarray and g.shape == x.shape and g.dtype == x.dtype


@rows([row for row in CURVED if row.draw is None])
@given(st.data())
@few
def test_half_precision_stays_half_precision(row: Any, data: Any) -> None:
    case = data.draw(cases(row)).cast(np.float16)
    y, gs = pull(case, cotangent_for(case))
    assert isinstance(y, ad.Scalar) or "dtype" in case.static or y.dtype == np.float16
    assert all(g.dtype == np.float16 for g in gs)


@rows([row for row in ROWS if row.fn in ad.ops.DISPATCH])
@given(st.data())
@settings(max_examples=2)
def test_numpys_own_function_records_the_row(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    operands = [ad.tensor(x) if x.dtype.kind == "f" else x for x in case.operands]
    y = row.fn(*operands, **case.static)
    assert isinstance(y, ad.Tensor) and (not case.live or y.node.op is row)


@rows(FLAT)
@given(st.data())
@few
def test_flat_rows_have_gradient_zero_whatever_it_meets(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    assume(case.gap() > 1e-2)
    leaves = [ad.tensor(x) for x in case.operands]
    with np.errstate(all="ignore"):
        (row(*[np.sqrt(x - x.data) + x for x in leaves]) * np.inf).sum().backward()  # sqrt'(0) is infinite
    for x in leaves:
        np.testing.assert_array_equal(x.grad, np.zeros(x.shape))
    value = row.fn(*case.operands)
    for step in (2.0**-8, -(2.0**-8)):  # away from the jumps nothing moves at all
        np.testing.assert_array_equal(row.fn(case.operands[0] + step, *case.operands[1:]), value)


OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "remainder": operator.mod,
    "floor_divide": operator.floordiv,
    "matmul": operator.matmul,
}


@pytest.mark.parametrize("name", OPERATORS)
@given(st.data())
@few
def test_an_operator_is_its_row_from_either_side(name: str, data: Any) -> None:
    row, operate = ad.ops.OPS[name], OPERATORS[name]
    case = data.draw(cases(row))
    left, right = case.operands
    for a, b in [(ad.tensor, ad.tensor), (ad.tensor, np.asarray), (np.asarray, ad.tensor)]:
        pairs = []
        for f in (operate, row):
            x, y = a(left), b(right)
            z = f(x, y)
            if z.requires_grad:
                z.backward(np.ones(z.shape))
            pairs.append([type(z), z.data, *[getattr(v, "grad", None) for v in (x, y)]])
        np.testing.assert_equal(*pairs)
    if not row.elementwise:
        return
    numbers = [float(left.flat[0]), float(right.flat[0])]
    for make in [(ad.scalar, ad.scalar), (ad.scalar, float), (float, ad.scalar), (ad.scalar, np.float64)]:
        pairs = []
        for f in (operate, row):
            x, y = (m(v) for m, v in zip(make, numbers, strict=True))
            z = f(x, y)
            if z.requires_grad:
                z.backward()
            pairs.append([type(z), z.data, *[getattr(v, "grad", None) for v in (x, y)]])
        assert pairs[0][0] is ad.Scalar
        np.testing.assert_equal(*pairs)


# ---- derivatives
def rounding(row: Any, g: Any, w: Any) -> float:
    """What rounding may amount to in a gradient g, where one formula is evaluated in two ways: a few ulp of its largest
    entry. In a recurrent layer |z| reaches 30 here, and z rounded by an ulp changes the slope 1/cosh(z)² by 2 |z| ulp,
    at each of 3 steps. In ``standardize`` sums as large as the cotangent w cancel, and images are summed in the order
    of memory where the pass is not recorded."""
    size = max([float(np.max(np.abs(a), initial=0.0)) for a in ((g, w) if row.name == "standardize" else (g,))])
    return (2**11 if row.name.endswith("_scan") else 32) * EPS * size


@rows(CURVED)
@given(st.data())
@few
def test_recorded_gradient_equals_the_plain_one(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    w = cotangent_for(case)
    for g, recorded in zip(pull(case, w)[1], pull(case, w, create_graph=True)[1], strict=True):
        # the same formula; only operators and NumPy functions may take another path inside (a few ulp)
        np.testing.assert_allclose(raw(recorded), g, rtol=32 * EPS, atol=rounding(row, g, w))


@rows(FUSED)
@given(st.data(), st.integers(0, 2**32))
@some
def test_fused_row_equals_its_reference_to_second_order(row: Any, data: Any, seed: int) -> None:
    case = data.draw(cases(row))
    assume(case.gap() > 1e-3)
    w = cotangent_for(case)
    us = [np.random.default_rng(seed).uniform(-2.0, 2.0, x.shape) for x in case.xs]
    pairs = [(pull(case, w), pull(case, w, f=case.reference))]
    pairs.append(((0.0, second(case, w, us)), (0.0, second(case, w, us, f=case.reference))))
    for (y, gs), (expected, references) in pairs:
        for a, b in zip((y, *gs), (expected, *references), strict=True):
            # the reference, not the row, may cancel: values and derivatives are of size 1 to 100 here
            np.testing.assert_allclose(raw(a), raw(b), rtol=1e-9, atol=1e-11)


@rows(KEEPING)
@given(st.data())
def test_what_a_row_keeps_changes_no_number_and_is_never_written(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    w = cotangent_for(case)
    np.testing.assert_array_equal(row.keep(*case.operands, **row.defaults | case.static)[0], case.plain(*case.xs))
    leaves = [ad.tensor(x) for x in case.xs]
    y = case(*leaves)
    y.backward(w, retain_graph=True)
    first = [x.grad.copy() for x in leaves]
    for x in leaves:
        x.grad = None
    y.backward(w, create_graph=True)  # on handles: without what was kept
    for x, g in zip(leaves, first, strict=True):
        np.testing.assert_allclose(raw(x.grad), g, rtol=1e-13, atol=rounding(row, g, w))
        x.grad = None
    y.backward(w)
    for x, g in zip(leaves, first, strict=True):
        np.testing.assert_array_equal(x.grad, g)


# ---- constants
@rows(SEVERAL)
@given(st.data())
@few
def test_constants_cost_nothing_and_their_rule_never_runs(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    w = cotangent_for(case)
    together = pull(case, w)[1]
    for k in range(len(case.live)):
        leaves: list[Any] = list(case.xs)
        leaves[k] = ad.tensor(leaves[k])
        y = case(*leaves)
        saved = [s for i, s in enumerate(y.node.saved) if i != case.live[k]]
        assert saved == [None] * len(saved) and all(
            not isinstance(p, type(y.node)) for i, p in enumerate(y.node.parents) if i != case.live[k]
        )
        y.backward(w)
        np.testing.assert_array_equal(leaves[k].grad, together[k])


# ---- forms of the same input
@rows(CURVED)
@given(st.data())
@few
def test_big_endian_arrays_give_the_same_numbers(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    other = Case(row, tuple([x.astype(x.dtype.newbyteorder(">")) for x in case.operands]), case.static)
    w = cotangent_for(case)
    (y, gs), (y2, gs2) = pull(case, w), pull(other, w.astype(w.dtype.newbyteorder(">")))
    for a, b in zip((y, *gs), (y2, *gs2), strict=True):
        assert raw(b).shape == raw(a).shape
        # NumPy may add in another order: a few ulp of the largest entry
        np.testing.assert_allclose(
            raw(b), raw(a), rtol=64 * EPS, atol=64 * EPS * float(np.max(np.abs(raw(a)), initial=0.0))
        )


@rows(CURVED)
@given(st.data())
@few
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning", "ignore:Degrees of freedom:RuntimeWarning")
def test_empty_arrays_have_empty_or_zero_gradients(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    lengths = sorted({n for x in case.operands for n in x.shape})
    assume(lengths)
    gone = data.draw(st.sampled_from(lengths))
    empty = Case(
        row,
        tuple([x[(..., *[slice(0) if n == gone else slice(None) for n in x.shape])] for x in case.operands]),
        case.static,
    )
    try:
        expected = empty.plain(*empty.xs)
    except Exception as error:
        with pytest.raises(type(error)):
            empty(*[ad.tensor(x) for x in empty.xs])
        return
    y, gs = pull(empty, np.ones(np.shape(expected)))
    assert raw(y).shape == np.shape(expected)
    for x, g in zip(empty.xs, gs, strict=True):
        assert g.shape == x.shape and g.dtype == x.dtype
        if raw(y).size == 0:
            assert not g.any()


# ---- extremes, modes
NUMBERS = st.one_of(  # no subnormal numbers: their reciprocals overflow, and 0 times that is NaN on one side only
    st.floats(-4, 4, allow_subnormal=False),
    st.floats(allow_subnormal=False),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 1e-300, math.inf, -math.inf, math.nan]),
)


@rows([row for row in ELEMENTWISE if row.draw is None and row.name != "imag"])  # its gradient is imaginary
@given(st.data())
def test_scalar_equals_the_0d_tensor(row: Any, data: Any) -> None:
    count = 3 if row.variadic else len(row.inputs)
    numbers = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    with np.errstate(all="ignore"):
        answers = []
        for make in (ad.scalar, lambda v: ad.tensor(np.float64(v))):
            xs = [make(v) for v in numbers]
            y = row(xs) if row.variadic else row(*xs)
            assert type(y) is type(xs[0])
            if y.requires_grad:
                y.backward()
            answers.append([raw(y), *[raw(0.0 if x.grad is None else x.grad) for x in xs]])
    if any(map(math.isnan, numbers)):  # where the input is no number, neither is a slope: only the values must agree
        answers = [answer[:1] for answer in answers]
    for i, (a, b) in enumerate(zip(*answers, strict=True)):
        # libm and NumPy's vector functions differ by a few ulp, and so do derivatives made of them; a rule that reads
        # the rounded output (tanh near 1) carries its ulp as an absolute error; subnormal numbers have no relative ulp
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=2 * EPS if i else 1e-300)


@rows([row for row in CURVED if row.draw is None])
@given(st.data())
@some
def test_a_zero_cotangent_or_tangent_contributes_zero_at_every_finite_input(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    # sums and products of the largest numbers overflow on the way, which is another matter
    extremes = st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-160, 800.0, -800.0] + row.elementwise * [1e308, -1e308]
    )
    drawn = tuple(
        [
            np.asarray(data.draw(st.lists(extremes, min_size=x.size, max_size=x.size))).reshape(x.shape)
            for x in case.operands
        ]
    )
    case = Case(row, drawn, case.static)
    y = np.asarray(case.plain(*case.xs))
    if np.isnan(y).any():
        return  # outside the domain, where NaN is the answer
    for g in pull(case, np.zeros(y.shape))[1]:
        np.testing.assert_array_equal(g, np.zeros_like(g))
    if row.elementwise:  # forward mode uses the same rules
        with np.errstate(all="ignore"):
            t = ad.jvp(case, tuple(case.xs), tuple([np.zeros(x.shape) for x in case.xs]))[1]
        np.testing.assert_array_equal(t, np.zeros(y.shape))


@rows([row for row in CURVED if row.draw is None])
@given(st.data())
@some
def test_extreme_values_are_numpys_and_raise_nothing(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    drawn = tuple(
        [
            np.asarray(data.draw(st.lists(NUMBERS, min_size=x.size, max_size=x.size))).reshape(x.shape)
            for x in case.operands
        ]
    )
    case = Case(row, drawn, case.static)
    y, gs = pull(case, cotangent_for(case))
    np.testing.assert_array_equal(raw(y), case.plain(*case.xs))
    assert all(g.shape == x.shape for g, x in zip(gs, case.xs, strict=True))


@rows(CURVED)
@given(st.data())
@few
def test_recording_for_pictures_changes_no_number(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    w = cotangent_for(case)
    y, gs = pull(case, w)
    for mode in (ad.record, ad.strict, ad.detect_anomaly):
        with mode():
            y2, gs2 = pull(case, w)
        for a, b in zip((y, *gs), (y2, *gs2), strict=True):
            np.testing.assert_array_equal(raw(a), raw(b))


@rows(CURVED)
@given(st.data())
@few
def test_without_recording_the_value_is_a_constant(row: Any, data: Any) -> None:
    case = data.draw(cases(row))
    with ad.no_grad():
        y = case(*[ad.tensor(x) for x in case.xs])
    assert isinstance(y, ad.Variable) and not y.requires_grad
    np.testing.assert_array_equal(raw(y), case.plain(*case.xs))
