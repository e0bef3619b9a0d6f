"""Random programs for the compiler's passes, made call by call: each call's result is used to choose the next one.

A program is drawn with its arguments; ``assert_same`` runs both ways and compares to the last bit.
"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np

from autodiff.compiling import functional
from autodiff.compiling.program import Instruction, Program, Ref, refs, run

DTYPES = ["float64", "float32", "float64", "float32", "float16", "int64", "int32", "bool", "complex128"]
SHAPES = [(), (1,), (3,), (2, 3), (3, 1), (1, 3), (0, 3), (2, 1, 3), (4, 3, 2)]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, np.nan, np.inf, 1, 0, 2, -1, True]
UNARY = [np.negative, np.positive, np.exp, np.tanh, np.sqrt, np.square, np.abs, np.sign, np.log, np.isnan, np.conjugate]
BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.greater, np.less_equal, np.equal,
    functional.power, np.logical_and, np.hypot,
]  # fmt: skip
# No np.copysign: the sign of a NaN in a sum is not defined.
UNARY += [np.negative, functional.as_array, np.copy]
REDUCTIONS = [np.sum, np.max, np.prod, np.add.reduce, np.maximum.reduce, np.mean, np.var, np.any, np.argmax]


def specials(dtype: np.dtype[Any]) -> list[Any]:
    if dtype.kind in "fc":
        return [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 0.5, 1e-7, 3.25]
    return [0, 1, 2, 5] if dtype.kind in "iu" else [False, True]


def array_of(shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator, tame: bool = False) -> Any:
    """Return normal numbers with special ones among them; 0-d arrays are sometimes NumPy numbers."""
    a = np.asarray(rng.normal(0, 2, shape)).astype(dtype)
    if not tame:
        picked = rng.random(shape) < 0.25
        a = np.where(picked, np.asarray(rng.choice(specials(dtype), shape)).astype(dtype), a)
    a = np.asarray(a, dtype)
    return a[()] if not shape and rng.random() < 0.5 else a


class Maker:
    """A program under construction, and the number each value has for the arguments drawn."""

    def __init__(self, draw: Any, seed: int) -> None:
        self.draw, self.rng, self.program = draw, np.random.default_rng(seed), Program()
        self.held: dict[int, Any] = {}

    def argument(self, shape: tuple[int, ...], dtype: str, kind: str) -> None:
        value = self.program.add_value(shape, dtype, self.draw(st.sampled_from(["", "x", "w.0"])), kind)
        array = array_of(shape, value.dtype, self.rng)
        self.held[value.index] = array
        if kind == "constant":
            if self.draw(st.booleans()):
                array = np.array(array)
                array.flags.writeable = False
            self.program.constants[value.index] = self.held[value.index] = array
        else:
            (self.program.inputs if kind == "input" else self.program.states).append(value.index)

    def pick(self) -> Any:
        return Ref(self.draw(st.sampled_from(sorted(self.held))))

    def operand(self) -> Any:
        return self.draw(st.sampled_from(NUMBERS)) if self.draw(st.integers(0, 4)) == 0 else self.pick()

    def call(self) -> None:
        function, arguments, keywords = self.drawn()
        filled = [self.held[a.index] if a.__class__ is Ref else a for a in arguments]
        filled = [[self.held[r.index] for r in a] if isinstance(a, list) else a for a in filled]
        with np.errstate(all="ignore"):
            try:
                made = function(*filled, **keywords)
            except (TypeError, ValueError, IndexError, np.exceptions.AxisError, ArithmeticError):
                return
        if np.asarray(made).dtype.hasobject or np.size(made) > 500 or np.ndim(made) > 4:
            return
        value = self.program.add_value(np.shape(made), np.asarray(made).dtype)
        self.held[value.index] = made
        self.program.instructions.append(
            Instruction(function, tuple(arguments), keywords, (value.index,), place=("net.py", len(self.held)))
        )

    def drawn(self) -> tuple[Any, list[Any], dict[str, Any]]:
        draw, x = self.draw, self.pick()
        kind = draw(st.sampled_from(["unary", "binary", "binary", "binary", "reduce", "view", "matmul", "other"]))
        if kind == "unary":
            return draw(st.sampled_from(UNARY)), [x], {}
        if kind == "binary":
            pair = [self.operand(), x] if draw(st.booleans()) else [x, self.operand()]
            return draw(st.sampled_from(BINARY)), pair, {}
        shape = np.shape(self.held[x.index])
        if kind == "reduce":
            function = draw(st.sampled_from(REDUCTIONS))
            keywords = {"axis": draw(st.sampled_from([None, 0, -1]))}
            if function is not np.argmax and draw(st.booleans()):
                keywords["keepdims"] = True
            if function in (np.sum, np.prod, np.mean, np.var, np.add.reduce) and draw(st.integers(0, 3)) == 0:
                keywords["dtype"] = np.dtype(draw(st.sampled_from(["float16", "float32", "float64"])))
            return function, [x], keywords
        if kind == "view":
            size = int(np.prod(shape))
            index = draw(
                st.sampled_from(
                    [0, -1, slice(1, None), (..., 0), (None, ...), slice(None, None, 2), slice(None, None, -1)]
                )
            )
            return draw(
                st.sampled_from(
                    [
                        (np.transpose, [x], {}),
                        (np.reshape, [x, (size,)], {}),
                        (np.reshape, [x, (1, size)], {}),
                        (functional.getitem, [x, index], {}),
                        (np.broadcast_to, [x, shape], {}),
                        (np.broadcast_to, [x, (2, *shape)], {}),
                        (np.swapaxes, [x, 0, -1], {}),
                        (np.flip, [x], {}),
                        (np.expand_dims, [x, 0], {}),
                    ]
                )
            )
        if kind == "matmul":
            return np.matmul, [x, self.pick()], {}
        dtype = draw(st.sampled_from(["float32", "float64"]))
        return draw(
            st.sampled_from(
                [
                    (np.where, [self.pick(), self.operand(), x], {}),
                    (functional.astype, [x, np.dtype(dtype)], {}),
                    (functional.write_at, [x, 0, self.operand()], {}),
                    (functional.add_at, [np.add, x, 0, self.operand()], {}),
                    (functional.getitem, [x, np.array([0, 0])], {}),
                    (np.concatenate, [[x, self.pick()]], {}),
                    (np.stack, [[x, x]], {}),
                    (np.zeros, [(2, 3)], {}),
                    (np.arange, [3], {}),
                    (np.clip, [x, -1.0, 1.0], {}),
                    (np.cumsum, [x], {"axis": 0}),
                    (np.einsum, ["...i->...", x], {}),
                    (np.einsum, ["i...->...", x], {}),
                    (np.add.accumulate, [x], {}),
                ]
            )
        )


@st.composite
def programs(draw: Any, calls: int = 14, shapes: Any = None, dtypes: Any = None) -> tuple[Program, list[list[Any]]]:
    """Draw a program, and two lists of arguments for it: those it was made with, and others."""
    maker = Maker(draw, draw(st.integers(0, 2**32 - 1)))
    shapes, dtypes = st.sampled_from(shapes or SHAPES), st.sampled_from(dtypes or DTYPES)
    for kind in ["input", *draw(st.lists(st.sampled_from(["input", "state", "constant"]), max_size=3))]:
        maker.argument(draw(shapes), draw(dtypes), kind)
    for _ in range(draw(st.integers(1, calls))):
        maker.call()
    program = maker.program
    names = sorted(maker.held)
    ends = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
    program.outputs = {"y": Ref(names[-1]), "rest": tuple(map(Ref, ends))}
    for state in program.states:
        old = program.values[state]
        fitting = [i for i in names if (program.values[i].shape, program.values[i].dtype) == (old.shape, old.dtype)]
        program.writes.append((state, Ref(draw(st.sampled_from(fitting)))))
    program.guards = [(Ref(i), maker.held[i]) for i in names if not program.values[i].shape][:2]
    program.check()
    given = [maker.held[i] for i in (*program.inputs, *program.states)]
    other = [array_of(np.shape(a), np.asarray(a).dtype, maker.rng) for a in given]
    return program, [given, other]


def flat(tree: Any) -> list[Any]:
    """Return the arrays of (outputs, writes, guards)."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [leaf for part in tree for leaf in flat(part)] if isinstance(tree, tuple | list) else [tree]


def assert_equal_bits(ours: Any, theirs: Any, program: Program) -> None:
    for a, b in zip(flat(ours), flat(theirs), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype), f"{a.dtype}{a.shape} for {b.dtype}{b.shape}\n{program}"
        if a.dtype.kind in "fc":
            real = [x.view(x.real.dtype) for x in (np.ascontiguousarray(a), np.ascontiguousarray(b))]
            same = (real[0] == real[1]) & (np.signbit(real[0]) == np.signbit(real[1]))
            assert np.all(same | (np.isnan(real[0]) & np.isnan(real[1]))), f"{a!r}\nfor {b!r}\n{program}"
        else:
            np.testing.assert_array_equal(a, b, err_msg=str(program))


def assert_same(before: Program, after: Any, arguments: list[list[Any]]) -> None:
    """Assert that ``after``, a program or a function of arrays, equals ``before``, and changes no argument."""
    runs = (lambda arrays: run(after, arrays)) if isinstance(after, Program) else after
    with np.errstate(all="ignore"):
        for arrays in [*arguments, arguments[0]]:
            copies = [np.array(a) for a in arrays]
            try:
                wanted = run(before, arrays)
            except (IndexError, ValueError, TypeError, ArithmeticError):
                continue  # the program may not be defined for other arguments
            made = runs(arrays)
            assert_equal_bits(made, wanted, before)
            assert_equal_bits(arrays, copies, before)


def count(program: Program) -> int:
    return len(program.instructions)


def calls(program: Program) -> list[Any]:
    return [instruction.function for instruction in program.instructions]


def all_refs(program: Program) -> set[int]:
    return {ref.index for i in program.instructions for ref in refs((i.arguments, i.keywords))}
