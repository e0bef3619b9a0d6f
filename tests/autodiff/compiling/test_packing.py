"""Thousands of 0-d calls become a few on vectors, and no bit changes."""

from __future__ import annotations

from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from compiled_programs import DTYPES, array_of, assert_same, calls
from hypothesis import given

import autodiff as ad
from autodiff.compiling import functional
from autodiff.compiling.calls.packed import PackedCalls
from autodiff.compiling.calls.packed_lines import nested
from autodiff.compiling.lowering import build
from autodiff.compiling.passes.packing import packed
from autodiff.compiling.program import Instruction, Program, Ref, run

FUNCTIONS = [
    (np.add, 2), (np.add, 2), (np.add, 2), (np.multiply, 2), (np.multiply, 2), (np.maximum, 2), (np.exp, 1),
    (np.negative, 1), (np.greater, 2), (np.tanh, 1), (np.subtract, 2), (np.where, 3), (np.sqrt, 1), (np.square, 1),
]  # fmt: skip
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, np.nan, np.inf, 2]


class Scalars:
    """Writes a program of 0-d values, and knows the number of each."""

    def __init__(self) -> None:
        self.program, self.held = Program(), {}

    def argument(self, number: Any, kind: str = "input") -> Ref:
        value = self.program.add_value(np.shape(number), np.asarray(number).dtype, "", kind)
        (self.program.inputs if kind == "input" else self.program.states).append(value.index)
        self.held[value.index] = number
        return Ref(value.index)

    def call(self, function: Any, *arguments: Any) -> Ref | None:
        held = [self.held[a.index] if a.__class__ is Ref else a for a in arguments]
        held = [[self.held[r.index] for r in a] if isinstance(a, list) else a for a in held]
        with np.errstate(all="ignore"):
            try:
                made = function(*held)
            except TypeError:
                return None
        value = self.program.add_value(np.shape(made), np.asarray(made).dtype)
        self.held[value.index] = made
        self.program.instructions.append(Instruction(function, arguments, {}, (value.index,), place=("net.py", 3)))
        return Ref(value.index)

    def arguments(self) -> list[Any]:
        return [self.held[i] for i in (*self.program.inputs, *self.program.states)]


@st.composite
def scalar_programs(draw: Any) -> tuple[Program, list[list[Any]]]:
    """Random scalar graphs, with chains of sums and detours through arrays."""
    s, rng = Scalars(), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtypes = draw(st.lists(st.sampled_from([d for d in DTYPES if d != "complex128"]), min_size=1, max_size=4))
    known = [s.argument(array_of((), np.dtype(d), rng)) for d in dtypes]
    for _ in range(draw(st.integers(5, 60))):
        kind = int(rng.integers(0, 12))
        pick = lambda: known[int(rng.integers(max(0, len(known) - 20), len(known)))]
        if kind == 0:  # through an array and back
            vector = s.call(np.stack, [pick(), pick()])
            made = s.call(functional.getitem, vector, int(rng.integers(0, 2))) if vector else None
        elif kind < 3:  # a chain of sums
            made = pick()
            for _ in range(int(rng.integers(2, 12))):
                term = s.call(np.multiply, pick(), pick()) if rng.random() < 0.5 else pick()
                pair = [made, term] if rng.random() < 0.7 else [term, made]
                made = s.call(np.add, *pair) if None not in pair else None
                if made is None:
                    break
        elif kind == 3:
            made = s.call(functional.astype, pick(), np.dtype(str(rng.choice(["float32", "float64", "int64"]))))
        else:
            function, count = FUNCTIONS[int(rng.integers(len(FUNCTIONS)))]
            number = NUMBERS[int(rng.integers(len(NUMBERS)))]
            made = s.call(function, *[pick() if k == 0 or rng.random() < 0.8 else number for k in range(count)])
        if made is not None:
            known.append(made)
    s.program.outputs = tuple(known[-int(rng.integers(1, 8)) :])
    s.program.check()
    other = [array_of((), np.asarray(a).dtype, rng) for a in s.arguments()]
    return s.program, [s.arguments(), other]


@given(scalar_programs())
def test_packing_keeps_every_bit(drawn: tuple[Program, list[list[Any]]]) -> None:
    program, arguments = drawn
    after = packed(program, 1)
    after.check()
    assert_same(program, after, arguments)


@given(scalar_programs())
def test_packed_source_runs_as_the_packed_calls_do(drawn: tuple[Program, list[list[Any]]]) -> None:
    program, arguments = drawn
    assert_same(program, build(packed(program, 1, exact=True)), arguments)


def network(points: int, inputs: int, neurons: int) -> tuple[Program, list[Any]]:
    """A layer of ReLU neurons, written neuron by neuron, summed over points, and the gradients of its weights."""
    s, rng = Scalars(), np.random.default_rng(0)
    w = [[s.argument(v, "state") for v in row] for row in rng.normal(size=(neurons, inputs)).tolist()]
    b = [s.argument(v, "state") for v in rng.normal(size=neurons).tolist()]
    x = [[s.argument(v) for v in row] for row in rng.normal(size=(points, inputs)).tolist()]
    gradients: dict[Any, Any] = {}
    total: Any = None
    for point in x:
        for row, bias in zip(w, b, strict=True):
            act = bias
            for wi, xi in zip(row, point, strict=True):
                act = s.call(np.add, act, s.call(np.multiply, wi, xi))
            y = s.call(np.maximum, act, 0.0)
            total = y if total is None else s.call(np.add, total, y)
            g = s.call(np.greater, act, 0.0)
            for wi, xi in zip(row, point, strict=True):
                part = s.call(np.multiply, g, xi)
                gradients[wi] = s.call(np.add, gradients[wi], part) if wi in gradients else part
    s.program.outputs = (total, [gradients[wi] for row in w for wi in row])
    s.program.check()
    return s.program, s.arguments()


def test_a_network_written_neuron_by_neuron_takes_a_handful_of_calls() -> None:
    program, arrays = network(12, 6, 10)
    assert len(program.instructions) > 3000
    after = packed(program)
    assert [f.__class__ for f in calls(after)] == [PackedCalls]
    executable = build(program, exact=True)
    assert executable.source.count("multiply(") == 2 and executable.source.count("add_reduce(") == 2
    assert_same(program, executable, [arrays])


def test_products_read_their_operands_where_they_lie() -> None:
    program, _ = network(12, 16, 16)
    source = build(program, exact=True).source
    assert "take(" not in source.partition("multiply(")[0]


def test_neurons_written_one_by_one_are_a_product_of_matrices() -> None:
    program, arrays = network(12, 6, 10)
    executable = build(program)
    lines = [line for line in executable.source.splitlines() if "matmul(" in line]
    assert len(lines) == 1 and "(12, 6) (6, 10) float64" in lines[0]  # the mask of the gradient is no number
    (total, slopes), (wanted, wanted_slopes) = executable(arrays)[0], run(program, arrays)[0]
    # Sums of at most 120 terms of size one: their rounding is below 120 ulp of the sum of sizes.
    np.testing.assert_allclose(total, wanted, rtol=1e-13)
    np.testing.assert_allclose(slopes, wanted_slopes, atol=1e-13)


def test_layers_of_scalars_are_products_of_matrices_forward_and_backward() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 2)).tolist()
    w1, w2 = ([[ad.scalar(v) for v in row] for row in rng.normal(size=(8, n)).tolist()] for n in (2, 8))
    weights = [w for row in w1 + w2 for w in row]

    def gradients() -> list[float]:
        for w in weights:
            w.grad = None
        total: Any = 0.0
        for point in x:
            for row in w1, w2:  # weights of the second lie in the pool against the order of its sums: they are copied
                point = [sum(w * v for w, v in zip(ws, point, strict=True)).relu() for ws in row]
            total += sum(point)
        total.backward()
        return [w.grad for w in weights]

    fast, wanted = ad.compile(gradients), gradients()
    for _ in range(2):  # each is a sum of 80 terms of size one at most
        np.testing.assert_allclose(fast(), wanted, atol=1e-13)
    assert fast.source.count("matmul(") == 3


def test_products_that_somebody_else_reads_are_kept() -> None:
    program, arrays = network(12, 6, 10)
    product = next(i for i in program.instructions if i.function is np.multiply)
    program.outputs = (program.outputs, Ref(product.results[0]))
    made, wanted = build(program)(arrays)[0], run(program, arrays)[0]
    assert made[1] == wanted[1]
    np.testing.assert_allclose(made[0][0], wanted[0][0], rtol=1e-13)


@pytest.mark.parametrize(("shape", "steps"), [((3, 8), (5, 1)), ((2, 4, 9), (100, 0, 3)), ((4, 10), (-7, 2))])
def test_evenly_spaced_places_are_found(shape: tuple[int, ...], steps: tuple[int, ...]) -> None:
    places = 50 + sum(s * k for s, k in zip(steps, np.indices(shape), strict=True))
    assert nested([places.reshape(-1)], places.size) == (shape, [steps])


def test_uneven_places_are_gathered() -> None:
    assert nested([np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12])], 12) == (None, [])


def test_a_square_by_the_operator_may_differ_in_the_last_place() -> None:
    """Python's ``x ** 2`` of one number is C's ``pow``, that of a vector x * x."""
    s = Scalars()
    arrays = np.random.default_rng(0).normal(size=200).tolist()
    s.program.outputs = tuple([s.call(functional.power, s.argument(v), 2) for v in arrays])
    made = build(s.program)(arrays)[0]
    np.testing.assert_array_max_ulp(np.array(made), np.square(arrays), 1)


def test_the_time_to_pack_grows_linearly() -> None:
    """Counted in calls of Python functions, not seconds."""
    import sys

    def count(program: Program) -> int:
        seen = 0

        def note(frame: Any, event: str, argument: Any) -> None:
            nonlocal seen
            seen += event == "call"

        sys.setprofile(note)
        try:
            packed(program)
        finally:
            sys.setprofile(None)
        return seen

    small, large = [partial(count, network(n, 4, 6)[0])() for n in (5, 20)]
    assert large < 4.5 * small
