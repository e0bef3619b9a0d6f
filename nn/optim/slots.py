"""Slots: parameters that an update formula changes together, so that it runs on few large arrays.

A slot is several tensors of one dtype, or some rows of a large one, or all Scalars of a group: about a block of numbers
at most. The state of a formula is one flat array a slot, so that each pass over it is one NumPy call for any number of
parameters. Values and gradients are not copied: they enter with one call for each parameter, and values are updated in
their own memory, in any memory order.

Every step marks the parameters as written, so that `backward()` of a graph recorded before the step raises an error.
No formula and no hyperparameter is here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import copy
from operator import setitem
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.typing import NDArray

import autodiff as ad
from autodiff import extend

__all__ = ["Array", "Call", "Flat", "ScalarSlot", "Slot", "slots_for"]

Array = NDArray[np.floating]
Call = tuple[Any, ...]  # (function written in C, *arguments), see `extend.write_all`
Entry = tuple[Any, slice | None]  # a parameter, and its rows (None: all)

# With 512 KiB of float32, the five arrays of an Adam update nearly fit a 2 MiB L2 cache. Smaller blocks need more
# Python calls, which cost more than the cache saves (measured between 4k and 256k elements).
BLOCK = 1 << 17  # elements


class Flat(NamedTuple):
    """One array in two forms: flat, and as views with the shapes of the slot's entries."""

    whole: Array
    parts: list[Array]


class Slot:
    """Tensors, or rows of one, that are updated together, and their state.

    Attributes:
        entries: (parameter, rows); until now all of them or none had a gradient at each step.
        step: number of updates of the slot.
        state: name -> Flat.
        numbers: name -> a number of the state, for all of them.
        betas: see adam.py.
        fresh: whether this step made the state.
    """

    def __init__(self, entries: Sequence[Entry], step: int = 0, betas: tuple[float, float] | None = None) -> None:
        self.entries = list(entries)
        self.step, self.betas, self.fresh = step, betas, False
        self.state: dict[str, Flat] = {}
        self.numbers: dict[str, float] = {}
        self.scratch: Flat | None = None
        self._known: list[Any] = [None] * len(self.entries)  # the arrays that `_mark` was made for
        self._mark: extend.WriteMark | None = None
        self.dtype = _state_dtype(self.entries[0][0].dtype)
        self.shapes = [np.shape(_rows(p.data, rows)) for p, rows in self.entries]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for copies and pickles: without views, which would become separate arrays, and without
        scratch and mark."""
        state = {name: flat.whole for name, flat in self.state.items()}
        left_out = {"scratch": None, "_mark": None, "_known": [None] * len(self.entries)}
        return {**self.__dict__, "state": state, **left_out}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__dict__.update(saved)
        self.dtype = _state_dtype(self.dtype)
        self.state = {}
        for name, array in saved["state"].items():
            self.state[name] = self.zeros()
            self.state[name].whole[...] = array

    def split(self) -> list[Slot]:
        """Return a slot for each parameter, with its part of the state. They are updated separately from now on."""
        slots = [type(self)([entry], self.step, self.betas) for entry in self.entries]
        for slot in slots:
            slot.numbers = dict(self.numbers)
        for name, flat in self.state.items():
            for slot, piece in zip(slots, self.pieces(flat), strict=True):
                slot.state[name] = slot.flat(piece.copy())
        return slots

    def pieces(self, flat: Flat) -> list[Array]:
        """Return the part of a flat array that belongs to each entry, in its shape."""
        return flat.parts

    def flat(self, array: Array) -> Flat:
        """Return an array of the slot's size as a Flat."""
        array, parts, start = array.reshape(-1), [], 0
        for shape in self.shapes:
            stop = start + math.prod(shape)
            parts.append(array[start:stop].reshape(shape))
            start = stop
        return Flat(array[:start], parts)

    def zeros(self) -> Flat:
        """Return a Flat of zeros."""
        return self.flat(extend.zeros_on_cache_lines(sum(map(math.prod, self.shapes)), self.dtype))

    def read(self) -> tuple[list[Array], list[Array], int]:
        """Return (values, gradients, number of missing gradients). Values are the parameters' own memory, to be
        updated in place.
        """
        values, grads, missing, dtype = [], [], 0, self.dtype
        for (p, rows), known, shape in zip(self.entries, self._known, self.shapes, strict=True):
            value, grad = p.data, p.grad
            if grad is None:
                missing += 1
                continue
            if value is not known:
                self._mark = None
            if rows is not None:
                value, grad = value[rows], _raw(grad)[rows]
            if grad.__class__ is not ndarray or grad.dtype is not dtype or grad.shape != shape:
                grad = self._fitting(grad, value)
            values.append(value)
            grads.append(grad)
        return values, grads, missing

    def _fitting(self, grad: Any, value: Array) -> Array:
        """Return a gradient in the dtype of the state, which follows the values after `model.astype`."""
        grad = np.asarray(extend.numbers(_raw(grad), "an optimizer's step", "p.grad = p.grad"))
        if grad.shape != value.shape:
            raise ValueError(f"a parameter of shape {value.shape} has a .grad of shape {grad.shape}")
        wanted = np.result_type(*[_state_dtype(p.dtype) for p, _ in self.entries])
        if wanted != self.dtype:
            self.dtype, self.scratch = wanted, None
            self.state = {name: self.flat(flat.whole.astype(wanted)) for name, flat in self.state.items()}
        return grad.astype(self.dtype, casting="same_kind", copy=False)

    def draft(self) -> Slot:
        """Return a copy that a formula may change."""
        made = copy(self)
        made.state = {name: self.flat(flat.whole.copy()) for name, flat in self.state.items()}
        made.numbers, made.scratch = dict(self.numbers), self.zeros()
        return made

    def takes_over(self, made: Slot) -> list[Call]:
        """Return the calls that copy the changed state of a draft into this slot."""
        calls: list[Call] = []
        for name, flat in made.state.items():
            own = self.state.get(name)
            calls.append((setitem, self.state, name, flat) if own is None else (setitem, own.whole, ..., flat.whole))
        return [*calls, *[(setattr, self, name, getattr(made, name)) for name in ("step", "betas", "fresh", "numbers")]]

    def values_of(self, values: list[Array]) -> list[tuple[Any, float]]:
        """Return (Scalar, new value) for each Scalar; none here, where values are updated in their own memory."""
        return []

    def mark(self) -> list[extend.WriteMark]:
        """Return the marks to renew after the arrays of the parameters were written."""
        if self._mark is None:  # the first step, or a parameter has another array
            parameters = [p for p, _ in self.entries]
            for p in parameters:
                if not p.data.flags.writeable:
                    raise ValueError(
                        f"a parameter of shape {p.shape} cannot be updated: its array is read-only. "
                        "Make it with ad.tensor(array), which copies."
                    )
            self._mark, self._known = extend.WriteMark(*parameters), [p.data for p in parameters]
        return [self._mark]


class ScalarSlot(Slot):
    """Scalars. Their values are gathered into one array, updated together and written back, so that hundreds of
    Scalars need a few NumPy calls."""

    def __init__(self, entries: Sequence[Entry], step: int = 0, betas: tuple[float, float] | None = None) -> None:
        super().__init__(entries, step, betas)
        self.shapes = [(len(self.entries),)]

    def pieces(self, flat: Flat) -> list[Array]:
        return [flat.whole[i : i + 1].reshape(()) for i in range(len(self.entries))]

    def read(self) -> tuple[list[Array], list[Array], int]:
        grads = [_raw(p.grad) for p, _ in self.entries]
        missing = grads.count(None)
        values = np.array([p.data for p, _ in self.entries])
        return [values], [] if missing else [np.array(grads, dtype=np.float64)], missing

    def values_of(self, values: list[Array]) -> list[tuple[Any, float]]:
        return [(p, number) for (p, _), number in zip(self.entries, values[0].tolist(), strict=True)]

    def mark(self) -> list[extend.WriteMark]:
        return []


def slots_for(parameters: Iterable[ad.Variable], whole: bool = False) -> list[Slot]:
    """Group Tensors of one dtype into slots of about a block, and all Scalars into one slot.

    A Tensor larger than a block is divided by rows into several slots, unless `whole`.
    """
    slots: list[Slot] = []
    scalars: list[Entry] = []
    open_: dict[Any, list[Entry]] = {}  # dtype -> the entries of the slot that is being filled
    room: dict[Any, int] = {}
    for p in parameters:
        if isinstance(p, ad.Scalar):
            scalars.append((p, None))
        elif p.size > BLOCK and not whole:
            rows = max(1, BLOCK * p.shape[0] // p.size)
            slots += [Slot([(p, slice(i, i + rows))]) for i in range(0, p.shape[0], rows)]
        else:
            if p.size > room.get(p.dtype, -1):
                slots += [Slot(open_.pop(p.dtype))] if p.dtype in open_ else []
                open_[p.dtype], room[p.dtype] = [], BLOCK
            open_[p.dtype].append((p, None))
            room[p.dtype] -= p.size
    return slots + [Slot(entries) for entries in open_.values()] + ([ScalarSlot(scalars)] if scalars else [])


def _rows(value: Any, rows: slice | None) -> Any:
    return value if rows is None else value[rows]


def _state_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype of the state: float32 for float16, where the square of a gradient overflows above 256, otherwise
    the parameter's own. It is the dtype object of NumPy's new arrays, which an unpickled one is not."""
    return np.dtype(np.float32 if dtype == np.float16 else dtype.str)


def _raw(grad: Any) -> Any:
    """Return the number or array in a gradient; one made with `create_graph=True` is a graph value."""
    return grad.data if isinstance(grad, ad.Variable) else grad
