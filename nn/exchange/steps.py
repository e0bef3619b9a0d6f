"""A model as a list of operations, from two runs with other inputs and another number of examples.

A single run does not show which numbers depend on the input: the number of examples is a plain number in shapes, and a
mask made of values is a plain array. Two runs do. A value equal in both is a constant; a length that differs depends on
the number of examples; any other difference is an error that names the module, never a constant in the file.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import extend

from ..module import Module

__all__ = ["BATCH", "ExportError", "Program", "Step", "Value", "Varies", "follow"]


class ExportError(ValueError):
    """Raised by `export_onnx` for an operation that it cannot export; names the module and the operation.

    >>> issubclass(ExportError, ValueError)
    True
    """


class Varies(NamedTuple):
    """A length that depends on the number of examples: its value in each of the two runs."""

    first: int
    second: int


BATCH = Varies(2, 3)  # how many examples the runs have


class Value:
    """An array of the program.

    Attributes:
        name: the parameter's or the input's name, or "".
        array: the value in the first run.
        shape: the shape; a length that differs between the runs is a `Varies`.
        constant: whether no input enters it.
    """

    def __init__(self, array: Any, shape: tuple[int | Varies, ...], constant: bool, name: str = "") -> None:
        self.array, self.shape, self.constant, self.name = np.asarray(array), shape, constant, name


class Step(NamedTuple):
    """One operation: the row, its operands (numbers and None as they are), static arguments, which may contain
    Values, its result, and the path and class of the module that ran."""

    row: extend.Op
    operands: tuple[Any, ...]
    static: dict[str, Any]
    result: Value
    place: str


class Program(NamedTuple):
    """The steps of a model, its inputs and outputs, and the second run's arrays, to compare with."""

    steps: list[Step]
    inputs: list[Value]
    outputs: list[Value]
    second_inputs: list[NDArray[Any]]
    second_outputs: list[NDArray[Any]]


class _Run:
    """The operations of one call of the model on plain arrays."""

    def __init__(self, model: Module, inputs: Sequence[NDArray[Any]]) -> None:
        self.seen: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any, str]] = []
        self.inputs = list(inputs)

        def note(row: Any, operands: Any, static: dict[str, Any], y: Any) -> None:
            self.seen.append((row, tuple(operands), dict(static), y, _place()))

        given = [ad.tensor(x, requires_grad=False, copy=False) for x in inputs]
        with extend.watch_rows(note), ad.no_grad(), np.errstate(all="ignore"):
            self.outputs = _leaves(model(*given))


def follow(
    model: Module, example: Sequence[NDArray[Any]], axis: int, known: Container[str], zeros: Container[str] = ()
) -> Program:
    """Run the model twice and return its operations.

    example: its inputs, arrays with the examples along `axis`. known: names of the rows that the program may have.
    zeros: of the rows for which an operand of zeros, whose shape depends on the number of examples, is None.
    Raises ExportError.
    """
    first = _Run(model, [_other(x, axis, BATCH.first, None) for x in example])
    second = _Run(model, [_other(x, axis, BATCH.second, np.random.default_rng(k)) for k, x in enumerate(example)])
    for (row, _, _, y, place), (other, _, _, z, _) in zip(first.seen, second.seen, strict=False):
        if row is not other or np.ndim(y) != np.ndim(z):
            raise ExportError(f"{place}: other operations run for other inputs ({row.name}, {other.name})")
    if len(first.seen) != len(second.seen):
        raise ExportError(
            "the model runs more operations for some inputs than for others, as a loop over examples does"
        )
    return _Pair(model, first, second).program(known, zeros)


class _Pair:
    """Both runs, compared. Arrays are found by identity: a row's result enters the next row as the same object."""

    def __init__(self, model: Module, first: _Run, second: _Run) -> None:
        self.first, self.second = first, second
        self.values: dict[int, Value] = {}  # by the identity of the first run's array
        self.partner: dict[int, Any] = {}  # the second run's array for it
        for name, p in (*model.named_parameters(), *model.named_buffers()):
            self.add(p.data, p.data, True, name)
        for k, (a, b) in enumerate(zip(first.inputs, second.inputs, strict=True)):
            self.add(a, b, False, "input" if len(first.inputs) == 1 else f"input_{k}")

    def add(self, a: Any, b: Any, constant: bool, name: str = "") -> Value:
        shape = tuple(m if m == n else Varies(m, n) for m, n in zip(np.shape(a), np.shape(b), strict=True))
        value = self.values[id(a)] = Value(a, shape, constant, name)
        self.partner[id(a)] = b
        return value

    def program(self, known: Container[str], zeros: Container[str]) -> Program:
        steps = []
        for (row, operands, static, y, place), (_, others, other_static, z, _) in zip(
            self.first.seen, self.second.seen, strict=True
        ):
            where = f"{place}, {row.name}"
            if row.name not in known and any(
                id(a) in self.values and not self.values[id(a)].constant for a in operands
            ):
                raise ExportError(f"{where}: this operation has no form in ONNX here")
            used = tuple(self.operand(a, b, where, row.name in zeros) for a, b in zip(operands, others, strict=True))
            options = {key: self.option(static[key], other_static[key], where) for key in static}
            entering = [*used, *_values(tuple(options.values()))]
            constant = all(v.constant for v in entering if isinstance(v, Value))
            if constant and not _same(y, z):
                raise ExportError(f"{where}: its result differs from run to run though no input enters it")
            result = self.add(y, z, constant)
            if not constant:
                steps.append(Step(row, used, options, result, place))
        outputs = [
            self.operand(a, b, "the output") for a, b in zip(self.first.outputs, self.second.outputs, strict=True)
        ]
        if not outputs or any(v.constant for v in outputs):
            raise ExportError("the model's output is no Tensor that its inputs enter")
        inputs = [self.values[id(a)] for a in self.first.inputs]
        return Program(steps, inputs, outputs, self.second.inputs, self.second.outputs)

    def operand(self, a: Any, b: Any, where: str, zeros: bool = False) -> Any:
        """Return the Value of an array, and a constant for an array that no step made. With `zeros`, return None for
        zeros whose shape depends on the number of examples."""
        if a is None or isinstance(a, bool | int | float | complex):
            if a != b and not (a != a and b != b):
                raise ExportError(f"{where}: the number {a!r} depends on the input, and is a plain number here")
            return a
        known = self.values.get(id(a))
        if known is not None and self.partner[id(a)] is b:
            return known
        if not _same(a, b):
            if zeros and not np.any(a) and not np.any(b):
                return None
            raise ExportError(
                f"{where}: an array of shape {np.shape(a)} depends on the values or the number of the inputs, and was "
                "made by plain NumPy (a comparison, x.data, np.zeros of a batch), where nothing is recorded"
            )
        return self.add(a, a, True)

    def option(self, a: Any, b: Any, where: str) -> Any:
        """Return a static argument; arrays in it are Values, and numbers that differ `Varies`."""
        if isinstance(a, list):  # an index
            return self.operand(np.asarray(a), np.asarray(b), where)
        if isinstance(a, tuple):
            if not isinstance(b, tuple) or len(a) != len(b):
                raise ExportError(f"{where}: its arguments depend on the input")
            return tuple(self.option(x, y, where) for x, y in zip(a, b, strict=True))
        if isinstance(a, slice) and isinstance(b, slice):
            return slice(*(self.option(getattr(a, n), getattr(b, n), where) for n in ("start", "stop", "step")))
        if isinstance(a, np.ndarray):
            return self.operand(a, b, where)
        if isinstance(a, int | np.integer) and isinstance(b, int | np.integer) and a != b:
            return Varies(int(a), int(b))
        if a is not b and a != b:
            raise ExportError(f"{where}: its argument {a!r} depends on the input")
        return a


def _other(x: NDArray[Any], axis: int, count: int, rng: np.random.Generator | None) -> NDArray[Any]:
    """Return an input with `count` examples: the given values in turn, or with `rng` other ones of the same kind."""
    if not -x.ndim <= axis < x.ndim or not x.size:
        raise ExportError(f"an input of shape {x.shape} has no example along axis {axis}")
    made = np.take(x, np.arange(count) % x.shape[axis], axis=axis)
    if rng is None:
        return made
    if x.dtype.kind == "b":
        return rng.random(made.shape) < 0.5
    if x.dtype.kind in "iu":
        return rng.integers(min(0, int(x.min())), int(x.max()) + 1, made.shape).astype(x.dtype)
    factors = rng.uniform(-1.5, 1.5, made.shape)
    return (rng.permuted(made.ravel()).reshape(made.shape) * factors if x.any() else factors).astype(x.dtype)


def _leaves(output: Any) -> list[Any]:
    """Return the arrays of an output: one Tensor, or tuples, lists and dicts of them; None is left out."""
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return [leaf for part in output for leaf in _leaves(part)]
    return [] if output is None else [output.data if isinstance(output, ad.Variable) else output]


def _values(tree: Any) -> list[Value]:
    if isinstance(tree, tuple):
        return [v for part in tree for v in _values(part)]
    return [tree] if isinstance(tree, Value) else []


def _same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _place() -> str:
    """Return path and class of the module that runs."""
    scope = extend.current_scope()
    if scope is None:
        return "the model"
    kind = type(scope.owner()).__name__
    return f"{scope.path} ({kind})" if scope.path else kind
