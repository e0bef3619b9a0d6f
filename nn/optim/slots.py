"""Slots: how the parameters of a group reach an update formula, in few pieces.

A slot is several tensors of one dtype, or some rows of a large one, or all Scalars of a group: about a block of numbers
at most. What the formula keeps between steps lies flat in one array a slot, so that its passes cost one NumPy call each
however many parameters there are. Values and gradients stay where they are: they enter with one call for each
parameter, and values are updated in their own memory, whatever its order.

Every step stamps the parameters, so that a graph recorded before it refuses to run backward with values it never saw.
No formula and no hyperparameter lives here.
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
Entry = tuple[Any, slice | None]  # a parameter, and which of its rows (None: all of it)

# 512 KiB of float32 keeps the five arrays of an Adam update near a 2 MiB L2 cache, and smaller blocks lose more to
# Python than they win (measured between 4k and 256k elements).
BLOCK = 1 << 17  # elements


class Flat(NamedTuple):
    """One array seen twice: flat, and in parts of the shapes of those who share it."""

    whole: Array
    parts: list[Array]


class Slot:
    """Tensors, or rows of one, that are updated together, and their state.

    Attributes:
        entries: (parameter, rows); until now all of them or none had a gradient at each step.
        step: how often the slot was updated.
        state: name -> Flat.
        numbers: name -> a number that the formula keeps for all of them.
        betas: see adam.py.
        fresh: whether this step made the state.
    """

    def __init__(self, entries: Sequence[Entry], step: int = 0, betas: tuple[float, float] | None = None) -> None:
        self.entries = list(entries)
        self.step, self.betas, self.fresh = step, betas, False
        self.state: dict[str, Flat] = {}
        self.numbers: dict[str, float] = {}
        self.scratch: Flat | None = None
        self._known: list[Any] = [None] * len(self.entries)  # the arrays that `_mark` stands for
        self._mark: extend.WriteMark | None = None
        self.dtype = _state_dtype(self.entries[0][0].dtype)
        self.shapes = [np.shape(_rows(p.data, rows)) for p, rows in self.entries]

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along: no parts, which would be arrays of their own there, no scratch and no
        mark."""
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
        """Return a slot for each parameter, with its part of the state: from now on each goes its own way."""
        slots = [type(self)([entry], self.step, self.betas) for entry in self.entries]
        for slot in slots:
            slot.numbers = dict(self.numbers)
        for name, flat in self.state.items():
            for slot, piece in zip(slots, self.pieces(flat), strict=True):
                slot.state[name] = slot.flat(piece.copy())
        return slots

    def pieces(self, flat: Flat) -> list[Array]:
        """What belongs to each entry, in its shape."""
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
        """Return (values, gradients, how many gradients are missing). Values are the parameters' own memory, to be
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
        """Return a copy that a formula may work on while this one stays as it is."""
        made = copy(self)
        made.state = {name: self.flat(flat.whole.copy()) for name, flat in self.state.items()}
        made.numbers, made.scratch = dict(self.numbers), self.zeros()
        return made

    def takes_over(self, made: Slot) -> list[Call]:
        """Return the calls that give this slot what the formula left in a draft of it."""
        calls: list[Call] = []
        for name, flat in made.state.items():
            own = self.state.get(name)
            calls.append((setitem, self.state, name, flat) if own is None else (setitem, own.whole, ..., flat.whole))
        return [*calls, *[(setattr, self, name, getattr(made, name)) for name in ("step", "betas", "fresh", "numbers")]]

    def values_of(self, values: list[Array]) -> list[tuple[Any, float]]:
        """Return (Scalar, new value) for each Scalar; none here, where values are updated in their own memory."""
        return []

    def mark(self) -> list[extend.WriteMark]:
        """What to renew when the arrays of the parameters were written."""
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
    """Scalars: their values are gathered into one array, updated in one go and handed back, so that 337 of them cost a
    handful of NumPy calls instead of hundreds."""

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
    """Tensors by dtype, as many to a slot as make a block; large ones by rows unless `whole`; all Scalars together."""
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
    """float32 for float16, where the square of a gradient overflows above 256; the parameter's own otherwise, as the
    object that NumPy gives to new arrays (an unpickled one has another)."""
    return np.dtype(np.float32 if dtype == np.float16 else dtype.str)


def _raw(grad: Any) -> Any:
    """Return the number or array in a gradient; one made with `create_graph=True` is a graph value."""
    return grad.data if isinstance(grad, ad.Variable) else grad
