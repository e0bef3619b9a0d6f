"""Slots: how the parameters of a group reach an update formula, flat and in few pieces.

- a large Parameter is one slot: its own array, seen flat;
- small Parameters of one dtype, and all Scalars, share a slot: their values are gathered into one array, updated in one
  go and handed back, so that 337 Scalars or 50 biases cost a handful of NumPy calls instead of hundreds.

Every write stamps the parameter, so that a graph recorded before the step refuses to run backward with values it never
saw. No formula and no hyperparameter lives here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

__all__ = ["Array", "Slot", "slot_for", "slots_for"]

Array = NDArray[np.floating]

SMALL = 4096  # elements: below, two copies cost less than the calls of a slot of its own


class Slot:
    """Parameters that are updated together, and their state. This one holds a single tensor and works in its own
    memory."""

    def __init__(self, parameters: Sequence[Any], step: int = 0, betas: tuple[float, float] | None = None) -> None:
        self.parameters = list(parameters)
        self.step, self.betas = step, betas  # betas: see adam.py
        self.state: dict[str, Array] = {}
        self.fresh = False  # whether this step made the state

    def split(self) -> list[Slot]:
        """Slots of which each has gradients for all of its parameters or for none."""
        return [self]

    def has_gradient(self) -> bool:
        return self.parameters[0].grad is not None

    def read(self) -> tuple[Array, Array]:
        """(value, gradient), flat; the value is the parameter's own memory whenever that is contiguous."""
        parameter = self.parameters[0]
        data = parameter.data
        return data.reshape(-1), _gradient(parameter, data).reshape(-1)

    def write(self, value: Array) -> None:
        """Take over the updated value."""
        parameter = self.parameters[0]
        data = parameter.data
        if value.base is not data and not np.may_share_memory(value, data):
            data[...] = value.reshape(data.shape)
        ad.mark_written(parameter)

    def parts(self, array: Array) -> list[Array]:
        """The piece of a flat array that belongs to each parameter."""
        return [array]


class SharedSlot(Slot):
    """Several parameters gathered into one array, as long as all or none of them have gradients."""

    def split(self) -> list[Slot]:
        """From the first time that only some have gradients, each goes its own way."""
        missing = sum([p.grad is None for p in self.parameters])
        if missing == 0 or missing == len(self.parameters):
            return [self]
        slots = [slot_for(parameter, self.step, self.betas) for parameter in self.parameters]
        for name, array in self.state.items():
            for slot, part in zip(slots, self.parts(array), strict=True):
                slot.state[name] = part.copy()
        return slots

    def parts(self, array: Array) -> list[Array]:
        pieces, start = [], 0
        for parameter in self.parameters:
            pieces.append(array[start : start + parameter.size])
            start += parameter.size
        return pieces


class SmallSlot(SharedSlot):
    """Small tensors of one dtype."""

    def read(self) -> tuple[Array, Array]:
        arrays = [p.data for p in self.parameters]
        grads = [_gradient(p, data) for p, data in zip(self.parameters, arrays, strict=True)]
        return np.concatenate(arrays, axis=None), np.concatenate(grads, axis=None)

    def write(self, value: Array) -> None:
        start = 0
        for parameter in self.parameters:
            data = parameter.data
            stop = start + data.size
            data[...] = value[start:stop].reshape(data.shape)
            ad.mark_written(parameter)
            start = stop


class ScalarSlot(SharedSlot):
    """Scalars."""

    def read(self) -> tuple[Array, Array]:
        return np.array([p.data for p in self.parameters]), np.array([_raw(p.grad) for p in self.parameters])

    def write(self, value: Array) -> None:
        for parameter, number in zip(self.parameters, value.tolist(), strict=True):
            parameter.data = number


def slot_for(parameter: ad.Variable, step: int = 0, betas: tuple[float, float] | None = None) -> Slot:
    return (ScalarSlot if isinstance(parameter, ad.Scalar) else Slot)([parameter], step, betas)


def slots_for(parameters: Sequence[ad.Variable]) -> list[Slot]:
    """Large tensors one by one, small ones by dtype, Scalars together."""
    slots: list[Slot] = []
    shared: dict[Any, list[ad.Variable]] = {}
    for p in parameters:
        if isinstance(p, ad.Tensor) and p.size > SMALL:
            slots.append(Slot([p]))
        else:
            shared.setdefault(None if isinstance(p, ad.Scalar) else p.dtype, []).append(p)
    return slots + [(ScalarSlot if dtype is None else SmallSlot)(group) for dtype, group in shared.items()]


def _gradient(parameter: ad.Variable, data: Array) -> Array:
    grad = _raw(parameter.grad)
    if grad.shape != data.shape:
        raise ValueError(f"a parameter of shape {data.shape} has a .grad of shape {grad.shape}")
    return (
        grad.astype(np.float32) if data.dtype == np.float16 else grad
    )  # squares of float16 gradients overflow above 256


def _raw(grad: Any) -> Any:
    """The number or array in a gradient; one made with `create_graph=True` is a graph value."""
    return grad.data if isinstance(grad, ad.Variable) else grad
