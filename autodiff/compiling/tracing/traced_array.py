"""A duck array that stands in place of an array while a function is traced.

It has the true value (``_example``) and the index of that value in the program. NumPy passes every function, operator
and method on it to the trace, which writes the call down and runs it on the examples. A Python number or a truth value
that is taken of it becomes a guard; a conversion that no trace can follow is refused.

Its ``__class__`` is that of the value it stands for, so that ``isinstance`` gives the same as for an array. NumPy's own
C code looks at the true type.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...other_arrays import NATIVE
from ...variable import TRACED, Variable
from .. import functional


def is_ours(frame: Any) -> bool:
    """Return whether a frame is of this package, of ``nn`` or of NumPy."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("autodiff", "nn", "numpy", "scipy")


class Cell:
    """The memory that an array and its views share: the program value it holds now.

    origin   "made" in the trace, or "input", "state" or "constant"
    owner    the traced array that is not a view; None for Python numbers
    version  counts writes
    """

    __slots__ = ("index", "version", "origin", "owner")

    def __init__(self, index: int, origin: str) -> None:
        self.index, self.version, self.origin = index, 0, origin
        self.owner: Any = None


class TracedArray:
    """See the head of this file. ``_weak``: it stands for a Python number, which never upcasts an array."""

    __slots__ = ("_example", "_trace", "_cell", "_path", "_index", "_version", "_weak", "__weakref__")
    __array_priority__ = 500.0
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, example: Any, trace: Any, cell: Cell, path: tuple[Any, ...] = (), index: int = -1, weak: bool = False
    ) -> None:
        self._example, self._trace, self._cell, self._path = example, trace, cell, path
        self._index, self._version, self._weak = index, cell.version, weak
        if not weak and not path and cell.owner is None:  # a number has no views
            cell.owner = self
            trace.owned.append(cell)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ndarray if self._weak else type(self._example)

    # ---- facts that do not depend on values
    shape = property(lambda self: self._example.shape)
    dtype = property(lambda self: self._example.dtype)
    ndim = property(lambda self: self._example.ndim)
    size = property(lambda self: self._example.size)
    itemsize = property(lambda self: self._example.itemsize)
    nbytes = property(lambda self: self._example.nbytes)

    @property
    def flags(self) -> Any:
        """``ndarray.flags`` of a value from outside, for the package alone."""
        self._in_package("flags")
        return self._example.flags

    @property
    def strides(self) -> Any:
        """``ndarray.strides`` of a value from outside, for the package alone."""
        self._in_package("strides")
        return self._example.strides

    def _in_package(self, what: str) -> None:
        """Refuse to give the user's code the memory of an argument, a state or a captured array: it may be another at
        the next call, and no signature shows that."""
        if self._cell.origin != "made" and not is_ours(sys._getframe(2)):
            raise self._trace.refusal(
                f".{what} of a value from outside is not the same at every call",
                "Leave the decision to the caller, or work on a copy",
            )

    @property
    def base(self) -> Any:
        """The traced array whose memory this one shows; or a plain one, where NumPy made it in between."""
        self._in_package("base")
        return self._cell.owner if self._path else self._example.base

    def __len__(self) -> int:
        return len(self._example)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self._example)))

    # ---- NumPy's protocols
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if self._weak and method == "__call__" and not keywords:
            made = self._trace.of_numbers(ufunc, inputs)
            if made is not None:
                return made
        for x in (*inputs, *keywords.get("out", ())):
            if type(x) is not TracedArray and isinstance(x, Variable):
                return NotImplemented
        return self._trace.ufunc(ufunc, method, inputs, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        if any(issubclass(t, Variable) for t in types):
            return NotImplemented
        return self._trace.function(function, args, keywords)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise self._trace.refusal(
            "a traced array would leave the program here: NumPy, or another library, reads it as plain memory",
            "Use NumPy's functions on it; write a plain array that it indexes or is written into as "
            "ad.tensor(a, requires_grad=False)",
        )

    # ---- indexing and writing
    def __getitem__(self, index: Any) -> Any:
        return self._trace.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._trace.setitem(self, index, value)

    def fill(self, value: Any) -> None:
        """Run ``ndarray.fill``."""
        self[...] = value

    # ---- conversions to Python values: guards
    def __bool__(self) -> bool:
        return bool(self._trace.guard(self, bool))

    def __int__(self) -> int:
        return int(self._trace.guard(self, int))

    def __float__(self) -> float:
        return float(self._trace.guard(self, float))

    def __complex__(self) -> complex:
        return complex(self._trace.guard(self, complex))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":  # it depends on no value; NumPy 2.0 tries it in ``array ** x``
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return int(self._trace.guard(self, operator.index))

    def item(self, *index: Any) -> Any:
        """Return the result of ``ndarray.item``."""
        return (self[index] if index else self)._trace.guard(self[index] if index else self, _item)

    def tolist(self) -> Any:
        """Return the result of ``ndarray.tolist``."""
        return self._trace.guard(self, _tolist)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    def __repr__(self) -> str:
        return f"<traced {self.dtype}{list(self.shape)}>"

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form else repr(self)

    def __array_namespace__(self, /, *, api_version: Any = None) -> Any:
        """Return NumPy, whose functions are followed."""
        return np.ones(()).__array_namespace__(api_version=api_version)

    # ---- copies and kinds
    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def copy(self, order: str = "C") -> Any:
        """Return the result of ``ndarray.copy``."""
        return self._trace.function(np.copy, (self,), {"order": order})

    def astype(
        self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """Return the result of ``ndarray.astype``."""
        if not copy and self.dtype == np.dtype(dtype) and not self._weak:
            return self
        return self._trace.function(functional.astype, (self, np.dtype(dtype)), {})

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        """Return the result of ``ndarray.view``."""
        return self._trace.function(functional.view_as, (self, self.dtype if dtype is None else dtype), {})

    def as_number(self) -> Any:
        """Return the same value as a Python number: it never upcasts an array, and is a Scalar's."""
        return self if self._weak else self._trace.as_number(self)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """Return the result of ``ndarray.reshape``."""
        return self._trace.function(np.reshape, (self, _joined(shape)), {} if order == "C" else {"order": order})

    def transpose(self, *axes: Any) -> Any:
        """Return the result of ``ndarray.transpose``."""
        return self._trace.function(np.transpose, (self, _joined(axes)) if axes else (self,), {})

    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))
    real = property(lambda self: self._trace.function(functional.real, (self,), {}))
    imag = property(lambda self: self._trace.function(functional.imag, (self,), {}))
    flat = property(lambda self: self.reshape(-1))

    def flatten(self, order: str = "C") -> Any:
        """Return the result of ``ndarray.flatten``, always a copy."""
        return self.reshape(-1, order=order).copy()

    def sort(self, axis: int = -1, kind: Any = None) -> None:
        """Run ``ndarray.sort`` in place."""
        self[...] = np.sort(self, axis=axis, kind=kind)

    def partition(self, kth: Any, axis: int = -1) -> None:
        """Run ``ndarray.partition`` in place."""
        self[...] = np.partition(self, kth, axis=axis)

    # ---- operators that are not in the tables below
    def __pow__(self, o: Any) -> Any:
        return self._trace.power(self, o)

    def __rpow__(self, o: Any) -> Any:
        return self._trace.power(o, self)

    def __ipow__(self, o: Any) -> Any:
        return self._trace._into(self, self._trace.power(self, o))

    def __divmod__(self, o: Any) -> Any:
        return np.divmod(self, o)

    def __rdivmod__(self, o: Any) -> Any:
        return np.divmod(o, self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"{type(self._example).__name__!r} object has no attribute {name!r}")
        raise self._trace.refusal(f".{name} of a traced array cannot be followed", "Use a NumPy function instead")


def _item(a: Any) -> Any:
    return a.item()


def _tolist(a: Any) -> Any:
    return a.tolist()


def _joined(parts: tuple[Any, ...]) -> Any:
    return parts[0] if len(parts) == 1 else parts


TRACED.add(TracedArray)
NATIVE.append(TracedArray)
BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
# Method -> the function that NumPy's own method calls, or one of equal meaning.
METHODS: dict[str, Any] = {
    "sum": np.add.reduce,
    "prod": np.multiply.reduce,
    "max": np.maximum.reduce,
    "min": np.minimum.reduce,
    "any": np.logical_or.reduce,
    "all": np.logical_and.reduce,
    **{
        name: getattr(np, name)
        for name in (
            "argmax argmin argsort argpartition choose clip compress cumprod cumsum diagonal dot mean nonzero ravel "
            "repeat round searchsorted squeeze std swapaxes take trace var put"
        ).split()
    },
    "conj": np.conjugate,
    "conjugate": np.conjugate,
}


def _operator(ufunc: Any, reflected: bool) -> Callable[..., Any]:
    def run(self: Any, o: Any) -> Any:
        if type(o) is not TracedArray and isinstance(o, Variable):
            return NotImplemented
        pair = (o, self) if reflected else (self, o)
        if self._weak:
            made = self._trace.of_numbers(ufunc, pair)
            if made is not None:
                return made
        if ufunc is np.multiply and _are_numbers(*pair):
            return self._trace.function(functional.product, pair, {})
        return self._trace.ufunc(ufunc, "__call__", pair, {})

    return run


def _unary(ufunc: Any) -> Callable[..., Any]:
    def run(self: Any) -> Any:
        if self._weak:
            made = self._trace.of_numbers(ufunc, (self,))
            if made is not None:
                return made
        if ufunc is np.absolute and _are_numbers(self):
            return self._trace.function(functional.magnitude, (self,), {})
        return self._trace.ufunc(ufunc, "__call__", (self,), {})

    return run


def _are_numbers(*operands: Any) -> bool:
    """Return whether Python's operator works on NumPy's complex numbers here, not arrays (``functional.product``)."""
    if all(type(x) is not TracedArray or x._weak for x in operands):
        return False
    examples = [x._example if type(x) is TracedArray else x for x in operands]
    return not any(isinstance(x, np.ndarray) for x in examples) and any(map(np.iscomplexobj, examples))


def _inplace(ufunc: Any) -> Callable[..., Any]:
    def run(self: Any, o: Any) -> Any:
        if type(o) is not TracedArray and isinstance(o, Variable):
            return NotImplemented
        if type(self._example) is not np.ndarray:  # a number: Python makes a new one
            return _operator(ufunc, False)(self, o)
        return self._trace.ufunc(ufunc, "__call__", (self, o), {"out": (self,)})

    return run


def _method(function: Any) -> Callable[..., Any]:
    owner = getattr(function, "__self__", None)

    def reduce(self: Any, axis: Any = None, *args: Any, **keywords: Any) -> Any:
        # np.add.reduce(a, axis, dtype, out, keepdims), as in a.sum(axis, dtype, out, keepdims)
        names = ("dtype", "out", "keepdims") if owner in (np.add, np.multiply) else ("out", "keepdims")
        given = {**dict(zip(names, args, strict=False)), **keywords}
        given = {k: v for k, v in given.items() if not (k in ("dtype", "out") and v is None)}
        if owner in (np.logical_or, np.logical_and):
            given.setdefault("dtype", bool)
        return self._trace.ufunc(owner, "reduce", (self,), {"axis": axis, **given})

    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        return function(self, *args, **keywords)

    return reduce if isinstance(owner, np.ufunc) else method


for _name, _ufunc in BINARY.items():
    setattr(TracedArray, f"__{_name}__", _operator(_ufunc, False))
    setattr(TracedArray, f"__r{_name}__", _operator(_ufunc, True))
    setattr(TracedArray, f"__i{_name}__", _inplace(_ufunc))
for _name, _ufunc in COMPARISONS.items():
    setattr(TracedArray, f"__{_name}__", _operator(_ufunc, False))
for _name, _ufunc in UNARY.items():
    setattr(TracedArray, f"__{_name}__", _unary(_ufunc))
for _name, _function in METHODS.items():
    setattr(TracedArray, _name, _method(_function))
