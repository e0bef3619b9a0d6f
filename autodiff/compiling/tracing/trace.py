"""One trace: every NumPy call on a traced array is run on its example, and written into a program.

A write makes a new value, and a view follows the array whose memory it shows: ``Cell`` counts the writes, and a view
that is older than the last one is taken again. Never here: handles and their values (``states``), the arguments of the
traced function (``compiled``).

One file, because every method of a trace changes the same lists.
"""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ...batching.handle import Batched
from ...errors import TraceError
from ...graph import FLOAT64
from ...modes import state
from ...variable import Variable
from .. import functional
from ..functional import SELF
from ..program import Instruction, Program, Ref, Value, frozen, name_of, refs
from .call_trees import (
    equal,
    has_traced,
    index_of_arrays,
    options_by_name,
    plain_handles,
    put,
    replaced,
    sorted_out,
    static,
    with_plain_integers,
)
from .comparison import alike
from .traced_array import Cell, TracedArray
from .writes import Writes

# Functions whose results do not depend on values: computed at once, and not written into the program.
STATIC = {
    getattr(np, name)
    for name in (
        "shape ndim size result_type can_cast common_type min_scalar_type may_share_memory shares_memory iscomplexobj "
        "isrealobj"
    ).split()
}
TEXT = {np.array_repr, np.array_str, np.array2string}  # a trace has no text of values: a mark stands in its place
# The shapes of their results depend on values: a guard compares them.
DYNAMIC = {
    getattr(np, name)
    for name in (
        "nonzero flatnonzero argwhere unique unique_all unique_counts unique_inverse unique_values extract compress "
        "trim_zeros union1d intersect1d setdiff1d setxor1d bincount"
    ).split()
}
# The shapes of their results depend on an argument: its values are guards.
SHAPED = {np.reshape, np.broadcast_to, np.tile, np.repeat, np.roll, np.moveaxis, np.delete, np.insert, np.pad}
NEW = {np.zeros, np.ones, np.empty, np.full}
# What NumPy's operator ``**`` calls for these exponents.
EXACT: dict[float, Any] = {-1: np.reciprocal, 0.5: np.sqrt, 1: np.positive, 2: np.square}
# Python's operators on two of NumPy's numbers give the same bits, in a fifth of the time.
OPERATORS: dict[Any, Any] = {np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul}
# Functions that change their first argument and return nothing.
IN_PLACE = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}
NAMED_LINES = 2000  # lines whose variables are looked up: nobody reads a longer source
# The user's code whose line was looked up last: most calls follow one of the same function.
_latest: list[Any] = [None]
_PACKAGE = __file__.rsplit("compiling", 1)[0]


class Trace(Writes):
    """The program so far, and the arrays of its values."""

    def __init__(self, refs: list[Ref], places: bool = True) -> None:
        """Start a trace. refs: the ``Ref`` of each value, by its index; made as they are needed. places: whether the
        user's line of every call is looked up."""
        self.program = Program()
        self.places = places
        self.refs = refs
        self.open = True
        self.thread = threading.get_ident()
        self.caught: tuple[Any, Any] | None = None  # what NumPy raised; the function must not go on after it
        self.busy = False  # NumPy runs on examples: arrays that it makes inside are not traced
        self.fixed: set[int] = set()  # values that no input and no state enters
        self.constants: dict[int, tuple[int, Any, Any]] = {}  # id -> (value, the array, a copy of it at its first use)
        self.guarded: dict[tuple[int, Any], Any] = {}
        # id -> (generator, its state before the first draw, its state after the last one)
        self.generators: dict[int, tuple[Any, Any, Any]] = {}
        self.scopes: dict[Any, None] = {}
        self.line: Any = None  # the user's line that the last call came from
        self.to_name = NAMED_LINES
        self.pulled: tuple[Any, ...] = ()  # in a backward pass: the scope of the node whose rules run
        self.owned: list[Cell] = []  # cells that have an owner

    # ---- values
    def value(self, example: Any, kind: str = "result", name: str = "") -> int:
        """Add a value like this example to the program."""
        return self.program.add_value(example.shape, example.dtype, name, kind).index

    def traced(self, example: Any, index: int, origin: str = "made", weak: bool = False) -> TracedArray:
        """Return a traced array for a value of the program, in memory of its own."""
        return TracedArray(example, self, Cell(index, origin), (), index, weak)

    def outside(self, example: Any, kind: str, name: str = "", weak: bool = False) -> TracedArray:
        """Return an input or a state. The example is a copy, so that the trace changes nothing."""
        example = np.float64(example) if isinstance(example, float) else copied(example)
        index = self.value(example, kind, name)
        (self.program.inputs if kind == "input" else self.program.states).append(index)
        return self.traced(example, index, kind, weak)

    def constant(self, array: Any) -> int:
        """Return the value that stands for a plain array."""
        found = self.constants.get(id(array))
        if found is not None:
            if not equal(found[1], found[2]):
                raise self.refusal(
                    "a plain array was changed between two uses", "Make it with ad.tensor(a, requires_grad=False)"
                )
            return found[0]
        if array.dtype.kind not in "biufc":
            raise self.refusal(f"an array of dtype {array.dtype} holds no numbers", "Pass numbers")
        index = self.value(array, "constant")
        self.program.constants[index] = array
        self.constants[id(array)] = (index, array, frozen(array))
        return index

    def as_traced(self, array: Any) -> TracedArray:
        """Return a plain array as a traced constant."""
        return self.traced(array, self.constant(array), "constant")

    def number(self, x: Any) -> Any:
        """Return ``float(x)``, a Scalar's value, as a traced number."""
        if type(x) is TracedArray:
            if x.dtype != np.float64:
                x = self.function(functional.astype, (x, np.dtype(float)), {})
            if x.ndim:
                x = self.function(np.reshape, (x, ()), {})
            return x.as_number()
        return self.as_traced(np.asarray(float(x))).as_number()

    def as_number(self, x: TracedArray) -> TracedArray:
        """Return the same value, which never upcasts an array."""
        index = self.index_of(x)
        return TracedArray(x._example[()], self, Cell(index, "made"), (), index, True)

    def index_of(self, t: TracedArray) -> int:
        """Return the value that a traced array holds now; a view of an array that was written is taken again."""
        if t._trace is not self or not self.open or self.thread != threading.get_ident():
            raise self.refusal(
                "a value that was made while a function was traced is used outside that trace (it was kept in a "
                "cache, a global or an attribute, or it is read by another thread)",
                "Return it from the function instead",
            )
        cell = t._cell
        if t._version != cell.version:
            index = cell.index
            for (function, arguments, keywords, position), made in t._path:
                indices = self.write(function, put(arguments, Ref(index)), keywords, made)
                index = indices[position or 0]
            t._index, t._version = index, cell.version
        return t._index

    # ---- instructions
    def write(self, function: Any, arguments: Any, keywords: Any, made: Any, pure: bool = True) -> list[int]:
        """Append a call, and return its results; made: its results on the examples."""
        unpacks = isinstance(made, tuple | list)
        results = [self.value(y) for y in (made if unpacks else (made,))]
        fixed = pure and _are_fixed(arguments, self.fixed) and _are_fixed(keywords, self.fixed)
        self._append(function, arguments, keywords, tuple(results), unpacks, pure, fixed)
        return results

    def _append(
        self,
        function: Any,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        results: tuple[int, ...],
        unpacks: bool,
        pure: bool,
        fixed: bool,
    ) -> None:
        scope, path = self.pulled[0] if self.pulled else state().scope, ""
        if scope is not None:
            self.scopes[scope] = None
            path = scope.path
        if fixed:
            self.fixed.update(results)
        place = user_place(self._name_variables) if self.places or not pure else None
        self.program.instructions.append(
            Instruction(function, arguments, keywords, results, unpacks, pure, place, path, bool(self.pulled))
        )

    def _name_variables(self, frame: Any) -> None:
        """Name values after the local variables of the user's function that hold them; looked up once for a line."""
        line = id(frame), frame.f_lineno
        if line == self.line or not self.to_name:
            return
        self.line, self.to_name = line, self.to_name - 1
        for name, x in list(frame.f_locals.items()):
            x = x._data if isinstance(x, Variable) and not isinstance(x, Batched) else x
            if type(x) is TracedArray and x._trace is self and not name.startswith("_"):
                value = self.program.values[x._index]
                value.name = value.name or name

    def ref(self, t: TracedArray) -> Ref:
        """Return the ``Ref`` of the value that a traced array holds now."""
        index = self.index_of(t)
        while len(self.refs) <= index:
            self.refs.append(Ref(len(self.refs)))
        return self.refs[index]

    def taken(self, tree: Any, operands: list[TracedArray]) -> tuple[Any, Any]:
        """Return arguments with examples, and with ``Ref``s, in place of traced and plain arrays."""
        kind = type(tree)
        if kind is TracedArray:
            operands.append(tree)
            return tree._example, self.ref(tree)
        if kind is tuple or kind is list:
            pairs = [self.taken(x, operands) for x in tree]
            return kind([e for e, _ in pairs]), kind([s for _, s in pairs])
        if kind is dict:
            both = {k: self.taken(x, operands) for k, x in tree.items()}
            return {k: e for k, (e, _) in both.items()}, {k: s for k, (_, s) in both.items()}
        if kind is slice:
            ends = [int(x) if type(x) is TracedArray else x for x in (tree.start, tree.stop, tree.step)]
            return slice(*ends), slice(*ends)
        if kind is np.ndarray or isinstance(tree, np.ndarray):
            return tree, Ref(self.constant(tree))
        if isinstance(tree, Variable):
            return self.taken(tree.data, operands)
        return tree, tree

    def function(self, function: Any, args: Any, keywords: Any) -> Any:
        """Run a NumPy function on traced arrays."""
        if function in TEXT:
            return repr(args[0])
        if function in STATIC:
            if function in (np.may_share_memory, np.shares_memory):
                self._refuse_places(args)
            return self._run(function, *static(args), **static(keywords))
        args, keywords = options_by_name(function, args, keywords)
        if keywords.get("out") is not None:
            out, keywords = keywords["out"], {k: v for k, v in keywords.items() if k != "out"}
            return self._out(function, args, out[0] if isinstance(out, tuple) else out, keywords)
        if function in IN_PLACE:
            return self._change(function, *args, **keywords)
        if function in SHAPED and len(args) > 1:
            args = (args[0], with_plain_integers(args[1]), *args[2:])
        elif function in NEW:
            args = (with_plain_integers(args[0]), *args[1:])
        args, keywords = self._numbers_fitted(args, keywords)
        operands: list[TracedArray] = []
        examples, symbols = self.taken(tuple(args), operands)
        named, named_symbols = self.taken(dict(keywords), operands)
        made = self._run(function, *examples, **named)
        dynamic = function in DYNAMIC or (function is np.where and len(args) == 1)
        return self._wrapped(function, symbols, named_symbols, made, operands, dynamic)

    def _refuse_places(self, args: tuple[Any, ...]) -> None:
        """Refuse the test whether two values from outside share memory: others may, at the next call."""
        cells = {x._cell if type(x) is TracedArray else None for x in args[:2]}
        if len(cells) > 1 and all(cell is None or cell.origin != "made" for cell in cells):
            raise self.refusal(
                "whether two values from outside share memory is not the same at every call",
                "Leave the decision to the caller, or work on a copy",
            )

    def ufunc(self, ufunc: Any, method: str, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run a ufunc, or one of its methods, on traced arrays."""
        if not keywords and method == "__call__":
            made = self.of_numbers(ufunc, inputs)
            if made is not None:
                return made
        if method == "at":
            return self._add_at(ufunc, *inputs)
        out, where = keywords.get("out"), keywords.get("where", True)
        out = out if out is None or isinstance(out, tuple) else (out,)
        keywords = {k: v for k, v in keywords.items() if k != "out" and not (k == "where" and v is True)}
        if out is not None and any(o is not None for o in out):
            if len(out) > 1:
                made = self.ufunc(ufunc, method, inputs, keywords)
                return tuple([m if o is None else self._into(o, m) for o, m in zip(out, made, strict=True)])
            if where is not True:
                return self._where(ufunc, method, inputs, out[0], keywords)
            if method != "__call__" or ufunc.signature is not None:
                return self._out(ufunc if method == "__call__" else getattr(ufunc, method), inputs, out[0], keywords)
            if ufunc in (np.multiply, np.square) and self._is_one_number_in_place(inputs, out[0]):
                return self._into(out[0], self.function(functional.product, (inputs[0], inputs[-1]), {}))
            order = {"order": "C"} if out[0].flags.c_contiguous and out[0].ndim > 1 else {}
            if order and self._ordered(ufunc, inputs):
                order = {}
            return self._into(out[0], self.ufunc(ufunc, method, inputs, {**keywords, **order}))
        return self.function(ufunc if method == "__call__" else getattr(ufunc, method), inputs, keywords)

    def of_numbers(self, ufunc: Any, inputs: tuple[Any, ...]) -> TracedArray | None:
        """Run a ufunc on Python numbers, traced ones and others, by a shorter path; return None where there are others,
        and where the longer path refuses.
        """
        if not self.open or self.thread != threading.get_ident():
            return None
        examples: list[Any] = []
        symbols: list[Any] = []
        fixed, references = True, self.refs
        for x in inputs:
            kind = type(x)
            if kind is TracedArray and x._weak:
                if x._trace is not self or x._version != x._cell.version:
                    return None
                index = x._index
                examples.append(x._example)
                symbols.append(references[index] if index < len(references) else self.ref(x))
                fixed = fixed and index in self.fixed
            elif kind is float or kind is int:
                examples.append(x)
                symbols.append(x)
            else:
                return None
        try:
            made = OPERATORS.get(ufunc, ufunc)(*examples)
        except Exception as error:
            self.caught = error, user_place()
            raise
        if type(made) is not np.float64:
            return None
        values = self.program.values
        index = len(values)
        values.append(Value(index, (), FLOAT64))
        self._append(ufunc, tuple(symbols), {}, (index,), False, True, fixed)
        return TracedArray(made, self, Cell(index, "made"), (), index, True)

    @staticmethod
    def _is_one_number_in_place(inputs: Any, out: Any) -> bool:
        """Return whether a call writes one complex number over one that it reads."""
        if type(out) is not TracedArray or out.dtype.kind != "c" or out.size != 1:
            return False
        examples = [x._example for x in inputs if type(x) is TracedArray]
        return any(np.may_share_memory(x, out._example) for x in examples) and all(np.size(x) == 1 for x in inputs)

    @staticmethod
    def _ordered(ufunc: Any, inputs: Any) -> bool:
        """Return whether the result will be C-contiguous without ``order="C"``."""
        return all(np.ndim(x) < 2 or x.flags.c_contiguous for x in inputs if hasattr(x, "flags"))

    def power(self, a: Any, b: Any) -> Any:
        """Run ``a ** b``: the operator, which has exact forms for some exponents."""
        if type(a) is TracedArray and type(b) in (int, float) and (a._weak or type(a._example) is np.ndarray):
            if a.dtype.kind in "fc" and b in EXACT:
                return self.ufunc(EXACT[b], "__call__", (a,), {})
            return self.ufunc(np.power, "__call__", (a, b), {})
        if type(a) is TracedArray and a._weak and not isinstance(b, np.ndarray):
            return self.ufunc(np.power, "__call__", (a, b), {})
        return self.function(functional.power, (a, b), {})

    def call(self, function: Callable[..., Any], args: Any, keywords: Any) -> Any:
        """Run a function marked by ``one_call`` as one instruction."""
        if self.busy or not has_traced((args, keywords)):
            return self._run(function, *args, **keywords)
        return self.function(function, args, keywords)

    def create(self, function: Any, args: Any, keywords: Any) -> Any:
        """Run a NumPy function that makes an array without a protocol: ``np.zeros``, ``np.asarray``."""
        args, keywords = plain_handles(args), {k: plain_handles(v) for k, v in keywords.items()}
        if not has_traced((args, keywords)):
            made = self._run(function, *args, **keywords)
            if made.dtype.kind not in "biufc" or type(made) is not np.ndarray:
                return made
            if made is args[0] or (made.base is not None and args and isinstance(args[0], np.ndarray)):
                return self.as_traced(made)
        return self.function(function, args, keywords)

    def draw(self, source: Any, method: str, args: Any, keywords: Any) -> Any:
        """Draw random numbers for the example, from a generator whose state is put back; they are drawn again at every
        run."""
        generator = source() if callable(source) else source
        self._refuse_moved(generator)
        before = self.generators.get(id(generator), (None, generator.bit_generator.state))[1]
        drawn = self._run(getattr(generator, method), *args, **keywords)
        made = drawn if isinstance(drawn, np.generic) else np.asarray(drawn)
        self.generators[id(generator)] = generator, before, generator.bit_generator.state
        arguments = (source, method, tuple(args), dict(keywords))
        (index,) = self.write(functional.draw, arguments, {}, made, pure=False)
        if type(drawn) in (int, float):  # a Python number, which never upcasts an array
            return TracedArray(np.asarray(made)[()], self, Cell(index, "made"), (), index, True)
        return self.traced(made, index)

    def put_generators_back(self) -> None:
        """Give every generator the state that it had before the trace."""
        for generator, before, _ in self.generators.values():
            generator.bit_generator.state = before

    def _refuse_moved(self, generator: Any) -> None:
        """Refuse a generator that has moved since the last draw that the trace wrote down."""
        _, _, after = self.generators.get(id(generator), (None, None, None))
        if after is not None and not alike(generator.bit_generator.state, after):
            draws = [i for i in self.program.instructions if i.function is functional.draw]
            raise self.refusal(
                "a generator is drawn from in another way, or its state is set, after a draw of ad.extend.draw_random",
                "Draw all numbers with ad.extend.draw_random",
                draws[-1].place,
            )

    def _run(self, function: Any, *args: Any, **keywords: Any) -> Any:
        before, self.busy = self.busy, True
        try:
            return function(*args, **keywords)
        except Exception as error:
            self.caught = error, user_place()
            raise
        finally:
            self.busy = before

    def _wrapped(
        self, function: Any, symbols: Any, named: Any, made: Any, operands: list[TracedArray], dynamic: bool
    ) -> Any:
        if type(made) not in (np.ndarray, tuple, list) and not isinstance(made, np.generic | tuple):
            if made is None or not isinstance(made, bool | int | float | complex):
                raise self.refusal(f"{name_of(function)} gives no array", "Use another function")
            made = np.asarray(made)[()]  # np.count_nonzero, np.array_equal: a Python number
            return self.traced(made, self.write(function, symbols, named, made)[0]).as_number()
        if type(made) is tuple:
            made = tuple([np.float64(y) if type(y) is float else y for y in made])  # of ``one_call``
        for t in operands:
            if made is t._example and type(made) is np.ndarray:
                return t
        indices = self.write(function, symbols, named, made)
        if not isinstance(made, tuple | list):
            return self._result(made, made, indices[0], function, symbols, named, operands, None, dynamic)
        parts = [
            self._result(y, made, i, function, symbols, named, operands, k, dynamic)
            for k, (y, i) in enumerate(zip(made, indices, strict=True))
        ]
        return type(made)(*parts) if hasattr(made, "_fields") else type(made)(parts)

    def _result(
        self,
        made: Any,
        whole: Any,
        index: int,
        function: Any,
        symbols: Any,
        named: Any,
        operands: list[TracedArray],
        position: int | None,
        dynamic: bool,
    ) -> TracedArray:
        if dynamic:
            self._guard_shape(index, made)
        weak = bool(operands) and all(t._weak for t in operands) and made.ndim == 0 and made.dtype.kind in "fi"
        if weak:
            return TracedArray(made[()], self, Cell(index, "made"), (), index, True)
        if type(made) is np.ndarray and made.size:
            for t in operands:
                if type(t._example) is np.ndarray and np.may_share_memory(made, t._example):
                    step = (function, put(symbols, SELF, t._index), named, position)
                    return TracedArray(made, self, t._cell, (*t._path, (step, whole)), index)
        return self.traced(made, index)

    def _guard_shape(self, index: int, made: Any) -> None:
        (shape,) = self.write(functional.shape_of, (Ref(index),), {}, np.asarray(np.shape(made), int))
        if index not in self.fixed:
            self.program.guards.append((Ref(shape), tuple(np.shape(made))))

    def _numbers_fitted(self, args: Any, keywords: Any) -> tuple[Any, Any]:
        """Return the arguments with traced Python numbers cast to the dtype of the arrays among them, as by NumPy."""
        weak: list[TracedArray] = []
        dtypes: list[Any] = []
        sorted_out((args, keywords), weak, dtypes)
        if not weak or not dtypes:
            return args, keywords
        python = {"f": 1.0, "c": 1j}

        def fitted(t: TracedArray) -> Any:
            dtype = np.result_type(*dtypes, python.get(t.dtype.kind, 1))
            return t if dtype == t.dtype else self.function(functional.astype, (t, dtype), {})

        return replaced(args, fitted), replaced(keywords, fitted)

    # ---- indexing
    def getitem(self, t: TracedArray, index: Any) -> Any:
        """Run ``t[index]``."""
        dynamic = any(getattr(i, "dtype", None) == np.bool_ for i in (index if isinstance(index, tuple) else (index,)))
        operands: list[TracedArray] = []
        example, symbol = self.taken(t, operands)
        at, at_symbol = self.taken(index_of_arrays(index), operands)
        made = self._run(functional.getitem, example, at)
        return self._wrapped(functional.getitem, (symbol, at_symbol), {}, made, operands[:1], dynamic)

    # ---- guards
    def guard(self, t: TracedArray, convert: Callable[[Any], Any]) -> Any:
        """Return ``convert`` of a value, and add the guard that it must be the same at every run."""
        result = self._run(convert, t._example)
        index = self.index_of(t)
        if index not in self.fixed and (index, convert) not in self.guarded:
            self.guarded[index, convert] = result
            self.program.guards.append((Ref(index), result))
        return result

    def refusal(self, what: str, instead: str, place: tuple[str, int] | None = None) -> TraceError:
        """Return the error for a step that no trace can follow, with the user's line."""
        place = place or user_place()
        where = f" at {place[0]}:{place[1]}" if place else ""
        return TraceError(f"compile: {what}{where}. {instead}.")

    def close(self) -> None:
        """End the trace: no traced array may be used from now on; plain arrays were not changed meanwhile."""
        if self.caught is not None:
            error, place = self.caught
            raise self.refusal(
                f"the function catches an error of NumPy ({error}), which depends on values",
                "Test the condition with if, which is followed",
                place,
            )
        for _, array, first in self.constants.values():
            if not equal(array, first):
                raise self.refusal(
                    f"the function writes into a plain array of shape {array.shape} that it uses",
                    "Make it with ad.tensor(a, requires_grad=False), whose writes are followed",
                )
        for generator, _, _ in self.generators.values():
            self._refuse_moved(generator)
        self.open = False


# Code that belongs to this package, to ``nn`` or to NumPy, by its id: the hash of code is made of all its constants.
_ours: dict[int, Any] = {}


def copied(a: Any) -> Any:
    """Return a copy with the order in memory of the array, also of one that is reversed, spread out or part of another:
    NumPy's results then have the same order, too."""
    a = np.asarray(a)
    made = np.copy(a, order="K")
    if not a.size or made.strides == a.strides:
        return made
    ends = [(n - 1) * s for n, s in zip(a.shape, a.strides, strict=True)]
    first, extent = -sum(e for e in ends if e < 0), sum(map(abs, ends)) + a.itemsize
    strides: tuple[int, ...] = a.strides
    if extent > 4 * a.nbytes + (1 << 16):  # part of something far larger: the same order, with one number between rows
        step, found = 2 * a.itemsize, [0] * a.ndim
        for axis in sorted(range(a.ndim), key=lambda k: abs(a.strides[k])):
            if a.strides[axis]:
                found[axis] = step if a.strides[axis] > 0 else -step
                step = step * a.shape[axis] + a.itemsize
        strides = tuple(found)
        ends = [(n - 1) * s for n, s in zip(a.shape, strides, strict=True)]
        first, extent = -sum(e for e in ends if e < 0), sum(map(abs, ends)) + a.itemsize
    made = np.ndarray(a.shape, a.dtype, np.empty(extent, np.uint8), first, strides)
    made[...] = a
    return made


def user_place(look: Callable[[Any], None] | None = None) -> tuple[str, int] | None:
    """Return file and line of the nearest caller outside this package and ``nn``; look: called with its frame."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code is _latest[0]:
            if look is not None:
                look(frame)
            return _place(code.co_filename, frame.f_lineno)
        ours = id(code) in _ours
        if not ours:
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            ours = code.co_filename.startswith((_PACKAGE, "<")) or package in ("nn", "numpy")
            if ours:  # a user's code object may be freed
                _ours[id(code)] = code
        if not ours:
            _latest[0] = code
            if look is not None:
                look(frame)
            return _place(code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


@lru_cache(1024)
def _place(file: str, line: int) -> tuple[str, int]:
    """Return a place, one object for all calls there."""
    return file.replace(chr(92), "/"), line


def _are_fixed(tree: Any, fixed: set[int]) -> bool:
    """Return whether no value of a tree depends on an input or a state."""
    kind = tree.__class__
    if kind is Ref:
        return tree.index in fixed
    if kind is tuple or kind is list:
        for part in tree:
            if not _are_fixed(part, fixed):
                return False
        return True
    if kind is dict:
        return all(_are_fixed(part, fixed) for part in tree.values())
    return all(ref.index in fixed for ref in refs(tree))
