"""The subject of a check, in one form for all libraries: a function with its derivative maps, and one call of it.

A `Subject` maps arrays to arrays three ways: forward (the function), pullback (the reverse derivative under test)
and, where it exists, pushforward (the forward derivative under test). A bare rule, this engine, PyTorch, JAX and HIPS
autograd are all reduced to it, so that every property is written once. A `Case` is one call: positional arguments,
keywords, and which of the arguments are differentiated. Never here: numerical differentiation, or a verdict.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

__all__ = [
    "Arguments",
    "Case",
    "FunctionRaised",
    "Subject",
    "as_outputs",
    "case_of",
    "leaves",
    "like",
    "name_of",
    "pair_subject",
]

Arrays = list[np.ndarray]


def leaves(y: Any) -> list[Any]:
    """Return the values in a result: those of tuples, named tuples, lists and dicts in their order, without None."""
    if isinstance(y, dict):
        return [leaf for part in y.values() for leaf in leaves(part)]
    if isinstance(y, (tuple, list)):
        return [leaf for part in y for leaf in leaves(part)]
    return [] if y is None else [y]


def like(y: Any, values: Iterator[Any]) -> Any:
    """Return a result of the same form as `y` with other values, taken in the order of `leaves`."""
    if isinstance(y, dict):
        return {key: like(part, values) for key, part in y.items()}
    if isinstance(y, (tuple, list)):
        parts = [like(part, values) for part in y]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
    return None if y is None else next(values)


def as_outputs(y: Any) -> list[np.ndarray]:
    """Return the outputs of a function as a list of arrays, without their containers."""
    return [np.asarray(a) for a in leaves(y)]


class FunctionRaised(ValueError):
    """The function under test, not its derivative, raised."""


class Arguments:
    """Positional and keyword arguments drawn together by one strategy, for calls whose keywords depend on the
    arrays.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def __repr__(self) -> str:
        parts = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"Arguments({', '.join(parts)})"


@dataclass
class Case:
    """One call of a subject.

    Attributes:
        args: all positional arguments; the differentiated ones are arrays.
        kwargs: keyword arguments, never differentiated.
        wrt: positions of the differentiated arguments.
    """

    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    wrt: tuple[int, ...] = ()

    @property
    def xs(self) -> Arrays:
        """The differentiated arguments."""
        return [self.args[i] for i in self.wrt]

    @property
    def size(self) -> int:
        """Number of differentiated numbers."""
        return sum(x.size for x in self.xs)

    def moved(self, xs: Sequence[np.ndarray]) -> Case:
        """Return the same call at other values of the differentiated arguments."""
        args = list(self.args)
        for i, x in zip(self.wrt, xs, strict=True):
            args[i] = x
        return Case(args, self.kwargs, self.wrt)  # a search comes here a thousand times

    def astype(self, dtype: Any) -> Case:
        """Return the same call with every floating or complex array in another precision (complex ones in the matching
        pair).
        """
        return replace(self, args=[_cast(a, np.dtype(dtype)) for a in self.args])

    def digest(self, seed: int = 0) -> int:
        """Return a number that depends only on the bytes of the call: the seed of its random choices."""
        code = zlib.crc32(repr(sorted(self.kwargs.items(), key=lambda kv: kv[0])).encode(), seed & 0xFFFFFFFF)
        for a in self.args:
            if isinstance(a, np.ndarray):
                code = zlib.crc32(f"{a.shape}{a.dtype.str}".encode() + np.ascontiguousarray(a).tobytes(), code)
            else:
                code = zlib.crc32(repr(a).encode(), code)
        return code


def _cast(a: Any, dtype: np.dtype) -> Any:
    if isinstance(a, np.ndarray) and a.dtype.kind == "f":
        return a.astype(dtype)
    if isinstance(a, np.ndarray) and a.dtype.kind == "c":
        return a.astype(np.complex64 if dtype.itemsize <= 4 else np.complex128)
    return a


@dataclass
class Subject:
    """A function and the derivative maps under test.

    Attributes:
        name: for reports.
        function: the plain function, called as function(*args, **kwargs) with arrays; returns an array or a tuple.
        reverse: (case, outputs, cotangents) -> one gradient per differentiated argument (None counts as missing), or
            None when there is no reverse derivative to check.
        forward_mode: (case, tangents) -> one tangent per output, or None when there is none to check.
        op: the registry row, when there is one.
        extras: further facts for single properties (the recorded function, its gradient), by name.
    """

    name: str
    function: Callable[..., Any]
    reverse: Callable[[Case, Arrays, Arrays], Sequence[Any]] | None = None
    forward_mode: Callable[[Case, Arrays], Sequence[Any]] | None = None
    op: Any = None
    extras: dict[str, Any] = field(default_factory=dict)

    def outputs(self, case: Case) -> Arrays:
        """Return the function's outputs, as a list of arrays.

        Raises:
            FunctionRaised: the function refuses the case.
        """
        try:
            found = as_outputs(self.function(*case.args, **case.kwargs))
        except Exception as error:
            raise FunctionRaised(f"{type(error).__name__}: {error}") from error
        if not found:
            raise FunctionRaised("it returned None or empty containers, so there is nothing to differentiate")
        odd = next((y for y in found if y.dtype.kind not in "biufc"), None)
        if odd is not None:
            raise FunctionRaised(f"it returned {odd.tolist()!r:.40}, which is no number; leave it out of the outputs")
        return found

    def at(self, case: Case) -> Callable[..., Any]:
        """Return the function of the differentiated arguments alone."""
        if len(case.wrt) == len(case.args) and not case.kwargs:
            return self.function
        return lambda *xs: self.function(*case.moved(xs).args, **case.kwargs)

    def gradients(self, case: Case, ws: Arrays, outputs: Arrays | None = None) -> Arrays:
        """Return the reverse derivative: arrays in double precision or better, zeros where the rule returned None."""
        assert self.reverse is not None
        raw = self.reverse(case, self.outputs(case) if outputs is None else outputs, ws)
        return [np.zeros(x.shape) if g is None else np.asarray(g) for g, x in zip(raw, case.xs, strict=True)]


def name_of(f: Any) -> str:
    """Return the name of a function in reports."""
    return str(getattr(f, "__name__", type(f).__name__))


def pair_subject(function: Callable[..., Any], rule: Callable[..., Any], name: str | None = None) -> Subject:
    """Return the subject of a bare function and its rule(g, y, *arrays, **kwargs) -> tuple of cotangents.

    The tuple has one cotangent for each argument. The rule gets the arrays of the case themselves: where it may write
    into them, the caller passes copies.
    """

    def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
        gs = [_like(w, y) for w, y in zip(ws, outputs)]
        if subject.extras.get("one") is None:
            subject.extras["one"] = not isinstance(function(*case.args, **case.kwargs), (tuple, list, dict))
        if subject.extras["one"]:
            g, y = gs[0], outputs[0]
        else:
            form = function(*case.args, **case.kwargs)
            g, y = like(form, iter(gs)), like(form, iter(outputs))
        got = rule(g, y, *case.args, **case.kwargs)
        got = tuple(got) if isinstance(got, (tuple, list)) else (got,)
        if len(got) == len(case.args):
            return [got[i] for i in case.wrt]
        if len(got) == len(case.wrt):
            return got
        raise TypeError(
            f"vjp of {subject.name}: returned {len(got)} cotangents for {len(case.args)} arguments; return a tuple "
            "with one for each (None for an argument that has no derivative)"
        )

    subject = Subject(name or name_of(function), function, reverse)
    return subject


def _like(w: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the cotangent in the output's dtype, as an engine passes it on."""
    return w.astype(y.dtype, copy=False) if y.dtype.kind in "fc" else w


def case_of(args: Sequence[Any], kwargs: dict[str, Any] | None = None, wrt: Sequence[int] | int | None = None) -> Case:
    """Return a case from raw arguments: by default every floating or complex array (or float) is differentiated.

    Raises:
        TypeError: `wrt` names an argument without a floating dtype, or nothing can be differentiated.
    """
    held: list[Any] = []
    for a in args:
        held.append(np.asarray(a) if isinstance(a, (np.ndarray, np.generic, float, complex, list)) else a)
    can = [i for i, a in enumerate(held) if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
    chosen = can if wrt is None else [wrt] if isinstance(wrt, int) else list(wrt)
    if not chosen:
        raise TypeError(
            "check_derivatives: no argument is a floating or complex NumPy array, so there is no derivative to check: "
            "write np.array([1.0, 2.0]), with a decimal point, and no Tensors; "
            f"got {[type(a).__name__ for a in args]}"
        )
    for i in chosen:
        if i not in can:
            raise TypeError(f"check_derivatives: wrt={i} is not a floating or complex array")
    return Case(held, dict(kwargs or {}), tuple(chosen))
