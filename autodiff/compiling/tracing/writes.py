"""Writes in a trace: into an array, into a view of one, by ``out=``, by a function that changes its argument.

Each is run on the examples as a true write, and stands in the program as a function that returns a new value; the
array, and all that share its memory, hold that value from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functional
from ..program import Ref
from .call_trees import index_of_arrays
from .traced_array import TracedArray


class Writes:
    """The part of a ``Trace`` that writes."""

    create: Callable[..., Any]
    function: Callable[..., Any]
    index_of: Callable[..., int]
    refusal: Callable[..., Exception]
    taken: Callable[..., tuple[Any, Any]]
    write: Callable[..., list[int]]
    _numbers_fitted: Callable[..., tuple[Any, Any]]
    _run: Callable[..., Any]

    def setitem(self, t: TracedArray, index: Any, value: Any) -> None:
        """Run ``t[index] = value``."""
        if isinstance(value, list):
            value = self.create(np.asarray, (value,), {})
        at, at_symbol = self.taken(index_of_arrays(index), [])
        example, symbol = self.taken(value, [])
        old = Ref(self.index_of(t))
        self._may_write(t)
        if (at is Ellipsis or (isinstance(at, slice) and at == slice(None))) and t.flags.c_contiguous:
            t._example[...] = example
            same = type(value) is TracedArray and (example.shape, example.dtype) == (t.shape, t.dtype)
            if same and type(example) is np.ndarray and example.strides == t._example.strides:
                new = symbol.index
            else:
                (new,) = self.write(functional.whole, (symbol, t.shape, t.dtype), {}, t._example)
        else:
            self._run(t._example.__setitem__, at, example)
            (new,) = self.write(functional.write_at, (old, at_symbol, symbol), {}, t._example)
        self._written(t, new)

    def _into(self, out: Any, made: Any) -> Any:
        """Write a result into the array given as ``out=``."""
        if type(out) is not TracedArray:
            raise self.refusal(
                "a result is written into a plain array that the trace did not make, where it would stay behind",
                "Make the array inside the function with np.zeros, np.empty or np.array, or as state: "
                "ad.tensor(a, requires_grad=False)",
            )
        if type(out._example) is np.ndarray and not np.can_cast(made.dtype, out.dtype, "same_kind"):
            raise TypeError(f"cannot write {made.dtype} into an array of {out.dtype} (out=)")
        self.setitem(out, Ellipsis, made)
        return out

    def _out(self, function: Any, inputs: Any, out: Any, keywords: dict[str, Any]) -> Any:
        """Run ``function(..., out=out)``, where the dtype and the order of ``out`` may decide how NumPy computes."""
        if type(out) is not TracedArray:
            return self._into(out, None)
        inputs, named = self._numbers_fitted(tuple(inputs), keywords)
        examples, symbols = self.taken(tuple(inputs), [])
        options, named_symbols = self.taken(dict(named), [])
        made = np.asarray(self._run(function, *examples, **options))
        example = out._example
        ufunc = isinstance(getattr(function, "__self__", function), np.ufunc)
        if ufunc and (made.dtype, made.shape, made.strides) == (example.dtype, example.shape, example.strides):
            return self._into(out, self.function(function, inputs, keywords))
        old = Ref(self.index_of(out))
        self._may_write(out)
        self._run(function, *examples, out=example, **options)
        arguments = (function, old, symbols)
        self._written(out, self.write(functional.write_out, arguments, named_symbols, example)[0])
        return out

    def _where(self, ufunc: Any, method: str, inputs: Any, out: Any, keywords: dict[str, Any]) -> Any:
        """Run ``ufunc(..., out=out, where=mask)``."""
        if type(out) is not TracedArray:
            return self._into(out, None)
        mask = keywords.pop("where")
        inputs, _ = self._numbers_fitted((*inputs, out), {})
        examples, symbols = self.taken(tuple(inputs[:-1]), [])
        at, at_symbol = self.taken(mask, [])
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        old = Ref(self.index_of(out))
        self._may_write(out)
        self._run(function, *examples, out=out._example, where=at, **keywords)
        arguments = (function, symbols, old, at_symbol)
        self._written(out, self.write(functional.write_where, arguments, keywords, out._example)[0])
        return out

    def _add_at(self, ufunc: Any, target: Any, index: Any, *value: Any) -> None:
        if type(target) is not TracedArray:
            self._into(target, None)
        value, _ = self._numbers_fitted(value, {})
        at, at_symbol = self.taken(index_of_arrays(index), [])
        examples, symbols = self.taken(tuple(value), [])
        old = Ref(self.index_of(target))
        self._may_write(target)
        self._run(ufunc.at, target._example, at, *examples)
        arguments = (ufunc, old, at_symbol, *symbols)
        self._written(target, self.write(functional.add_at, arguments, {}, target._example)[0])

    def _change(self, function: Any, target: Any, *args: Any, **keywords: Any) -> None:
        if function is np.copyto and not args[1:] and keywords.get("where", True) is True:
            return self._into(target, self.create(np.asarray, args[:1], {})) and None  # type: ignore[return-value]
        if type(target) is not TracedArray:
            self._into(target, None)
        examples, symbols = self.taken(args, [])
        named, named_symbols = self.taken(keywords, [])
        old = Ref(self.index_of(target))
        self._may_write(target)
        self._run(function, target._example, *examples, **named)
        arguments = (function, old, *symbols)
        self._written(target, self.write(functional.changed, arguments, named_symbols, target._example)[0])

    def _may_write(self, t: TracedArray) -> None:
        if t._cell.origin in ("input", "constant"):
            what = "an argument" if t._cell.origin == "input" else "a plain array that it captured"
            raise self.refusal(
                f"the function writes into {what}, which a compiled program does not change",
                "Write into a copy, and return it; state is a Tensor: z = ad.tensor(a, requires_grad=False)",
            )

    def _written(self, t: TracedArray, new: int) -> None:
        """Give t, and all arrays that share its memory, a new value."""
        cell = t._cell
        base = cell.owner._example
        whole = t.size == base.size and t.dtype == base.dtype and t.flags.c_contiguous and base.flags.c_contiguous
        if t._path and whole:
            (new,) = self.write(np.reshape, (Ref(new), base.shape), {}, base)  # the view shows all of it, in order
        elif t._path:
            arguments = (Ref(cell.index), tuple([step for step, _ in t._path]), Ref(new))
            (new,) = self.write(functional.write_through, arguments, {}, base)
        cell.index = new
        cell.version += 1
        if not t._path:
            t._index, t._version = new, cell.version
