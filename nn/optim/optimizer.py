"""The base of every optimizer: parameter groups, the loop over parameters, saved state. No update formula is here.

A formula is a function of arrays that works in place (see `sgd.py`, `adam.py`); `slots.py` groups the parameters for
it. A parameter without a gradient is skipped and keeps its state, as in PyTorch.

One file: the state of an optimizer and all methods that read or write it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from operator import setitem
from typing import TYPE_CHECKING, Any

import numpy as np

import autodiff as ad
from autodiff import extend

from ..arguments_elsewhere import OF_OPTIMIZERS, without
from ..names_elsewhere import IN_OPTIMIZER
from .hyperparameters import flag, fraction_pair, number
from .saved_states import array_of, check_layout, number_of
from .slots import Array, Call, Flat, ScalarSlot, Slot, slots_for
from .traced_step import traced_step

__all__ = ["Array", "Call", "Flat", "Group", "Optimizer", "Slot", "run"]

Group = dict[str, Any]

FLUSH_EVERY = 64  # steps; a power of two
FLAGS = ("maximize", "amsgrad", "nesterov", "centered", "decoupled_weight_decay")
# In PyTorch's groups these choose an implementation; they do not change the numbers.
IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable")
# The entries that schedulers write into a group.
SCHEDULED = ("initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum")


def run(calls: Iterable[Call]) -> None:
    """Run the calls of an update in their order, without a signal in between."""
    if extend.current_trace() is None:
        extend.write_all(calls=calls)
        return
    for function, *arguments in calls:
        function(*arguments)


class Optimizer:
    """Base of all optimizers: parameter groups, the loop over parameters, and saved state.

    A subclass defines its defaults, the names of its state and one method: `_direction`, the formula on flat arrays, or
    `_update`, which works on copies of the parameters and of the state.

    Args:
        parameters: Parameters, Scalars and other leaves (`model.parameters()`), or groups:
            `[{"params": model.body.parameters()}, {"params": model.head.parameters(), "lr": 1e-2}]`.
        defaults: the hyperparameters of groups that do not give their own.

    Attributes:
        param_groups: list of dicts with "params" (a tuple: see `add_param_group`) and the hyperparameters; write
            `opt.param_groups[0]["lr"] = 1e-4` to change one.
        steps: number of calls of `step()`.
        updates: under `ad.record()`, the relative size of the last step: a list of (parameter, norm of the change,
            norm before).

    Raises:
        TypeError: something that is no leaf of the graph, an unknown hyperparameter, or one that is no number.
        AttributeError: `opt.lr = ...`; write into the groups.
        ValueError: no parameters at all, a parameter in two groups, or a hyperparameter out of its range.

    >>> class SignDescent(Optimizer):
    ...     def _direction(self, g, state, slot, group):
    ...         return group["lr"] * np.sign(g)
    >>> w = ad.tensor([1.0, -2.0])
    >>> optimizer = SignDescent([w], {"lr": 0.5, "weight_decay": 0.0})
    >>> (w * w).sum().backward(); optimizer.step(); w.data
    array([ 0.5, -1.5])
    """

    _decoupled = False  # whether weight decay shrinks the parameters, instead of entering the gradient
    _fractions: tuple[str, ...] = ("alpha", "rho")  # hyperparameters in [0, 1); the others are >= 0
    _whole = False  # whether the formula needs all rows of a parameter at once
    _averaging: Any = None  # set by `nn.distributed`: the exchange between ranks
    _optional_state: tuple[str, ...] = ()  # state that a saved file may have though this configuration does not use it

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        without(OF_OPTIMIZERS, cls)

    def __init__(self, parameters: Iterable[Any], defaults: Mapping[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.param_groups: list[Group] = []
        self.steps = 0
        self.updates: list[tuple[ad.Variable, float, float]] = []
        self._slots: list[list[Slot]] = []
        self._scratch: dict[np.dtype, Array] = {}  # one for all slots of a dtype
        if isinstance(parameters, ad.Variable):
            raise TypeError(f"{self._name} takes an iterable of parameters; write {self._name}([p])")
        if callable(getattr(parameters, "parameters", None)):
            raise TypeError(f"{self._name} takes parameters, got a {type(parameters).__name__}: write net.parameters()")
        given = list(parameters)
        if not given:
            raise ValueError(
                f"{self._name} got no parameters; did you pass model.parameters() of a model that has some?"
            )
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def __setattr__(self, name: str, value: Any) -> None:
        key = "lr" if name == "learning_rate" else name
        if key in self.__dict__.get("defaults", ()):
            raise AttributeError(
                f"{self._name}.{name} cannot be set: every group of parameters has its own. Write "
                f"for group in opt.param_groups: group[{key!r}] = {value!r}"
            )
        super().__setattr__(name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raise AttributeError; for names of other libraries, with the name to write here."""
            if name in IN_OPTIMIZER:
                raise AttributeError(f"{type(self).__name__} has no .{name}: {IN_OPTIMIZER[name]}.", name=name)
            return object.__getattribute__(self, name)  # raises once more

    # Methods that a subclass defines.

    def _check(self, group: Group) -> None:
        """Raise TypeError or ValueError for wrong hyperparameters; turn NumPy's numbers into Python's."""
        for name in self.defaults:
            if name == "betas":
                group[name] = fraction_pair(self._name, name, group[name])
            elif name in FLAGS:
                group[name] = flag(self._name, name, group[name])
            else:
                group[name] = number(self._name, name, group[name], below=1.0 if name in self._fractions else math.inf)

    def _state_names(self, group: Group) -> tuple[str, ...]:
        """Return the arrays of a parameter's shape that the formula keeps between steps; they start at `_initial`."""
        return ()

    def _initial(self, name: str, group: Group) -> float:
        """Return the first value of a state array."""
        return 0.0

    def _direction(self, g: Array, state: dict[str, Array], slot: Slot, group: Group) -> Array:
        """Return the numbers to subtract from the parameters, flat; update `state` in place. `g` is the gradient, with
        L2 decay added, and may be overwritten; `slot.step` counts from 1."""
        raise NotImplementedError(f"{self._name} does not define how to update a parameter: define _direction")

    def _in_place(self, values: list[Array], grads: list[Array], slot: Slot, group: Group) -> list[Call] | None:
        """Return the update as calls of C functions that work in place on the parameters and the state. Return None to
        let `_update` work on copies, which are written back. Nothing may change before the calls are run."""
        return None

    def _drafted(self, values: list[Array], grads: list[Array], slot: Slot, group: Group) -> tuple[Slot, list[Array]]:
        """Return the slot and the values after the step, as copies."""
        made, new = slot.draft(), [np.array(v) for v in values]
        made.step += 1
        self._prepare(made, group)
        assert made.scratch is not None
        self._update(new, grads, made, group, made.scratch)
        return made, new

    def _update(self, values: list[Array], grads: list[Array], slot: Slot, group: Group, scratch: Flat) -> None:
        """Update `values` and `slot.state` in place."""
        decay = group.get("weight_decay", 0.0)
        decoupled = group.get("decoupled_weight_decay", self._decoupled)
        for p, g, part in zip(values, grads, scratch.parts, strict=True):
            if decay and decoupled:
                np.multiply(p, 1 - group["lr"] * decay, out=p)
            if decay and not decoupled:
                np.add(np.multiply(p, decay, out=part), g, out=part)
            else:
                part[...] = g
        arrays = {name: flat.whole for name, flat in slot.state.items()}
        scratch.whole[...] = self._direction(scratch.whole, arrays, slot, group)
        for p, part in zip(values, scratch.parts, strict=True):
            np.subtract(p, part, out=p)

    def _is_prepared(self, slot: Slot, group: Group) -> bool:
        """Return whether `_prepare` has nothing left to do."""
        return all(name in slot.state for name in self._state_names(group)) and (
            bool(slot.numbers) or not self._numbers(group)
        )

    def _prepare(self, slot: Slot, group: Group) -> None:
        """Make the state on the first step."""
        slot.fresh = False
        if not slot.numbers:
            slot.numbers = self._numbers(group)
        for name in self._state_names(group):
            if name not in slot.state:
                slot.state[name], slot.fresh = slot.zeros(), True
                if initial := self._initial(name, group):
                    slot.state[name].whole[...] = initial

    def _numbers(self, group: Group) -> dict[str, float]:
        """Return the numbers of a slot that the formula keeps between steps in `slot.numbers`."""
        return {}

    def _decay(self, group: Group) -> tuple[str, float] | None:
        """Return the running mean that shrinks where gradients are zero: its name and the constant factor."""
        return None

    def _export(self, slot: Slot) -> dict[str, Flat]:
        """Return the state arrays under their published names."""
        return slot.state

    def _import(self, slot: Slot, state: dict[str, Flat], group: Group) -> None:
        """Set the state from arrays under their published names, the inverse of `_export`."""
        slot.state = state

    # Methods that users call.

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, once. Warns when none has one.

        All or nothing: an error or a signal on the way leaves every parameter and the whole state as they were.

        closure: called first. It computes the gradients and returns the loss, which `step` returns.
        """
        loss = None if closure is None else closure()
        self._change_parameters()
        return loss

    def _change_parameters(self) -> None:
        if self._averaging is not None:
            self._averaging.step()
        trace = extend.current_trace()
        if trace is not None:
            traced_step(self, trace)
            return
        recording = extend.keeps_record("updates")
        before = [(p, np.copy(p.data)) for p in self._all() if p.grad is not None] if recording else ()
        calls: list[Call] = []
        scalars: list[tuple[Any, float]] = []
        marks: list[extend.WriteMark] = []
        stepped: list[tuple[Slot, Group]] = []
        for group, slots in zip(self.param_groups, self._slots, strict=True):
            for slot, values, grads in self._read(slots):
                if group.get("maximize"):
                    grads = [np.negative(g) for g in grads]
                in_place = None if slot.__class__ is ScalarSlot else self._in_place(values, grads, slot, group)
                if in_place is None:
                    made, new = self._drafted(values, grads, slot, group)
                    scalars += slot.values_of(new)
                    calls += [(setitem, p, ..., v) for p, v in zip(values, new, strict=True)]
                    calls += slot.takes_over(made)
                else:
                    calls += in_place
                    calls.append((setattr, slot, "step", slot.step + 1))
                marks += slot.mark()
                stepped.append((slot, group))
        calls.append((object.__setattr__, self, "steps", self.steps + 1))  # C code, unlike this class's __setattr__
        extend.write_all(scalars, calls=calls, marks=marks)
        for slot, group in stepped:
            self._flush_if_due(slot, group)
        if not stepped:
            warnings.warn(
                f"{self._name}.step() changed nothing: no parameter has a gradient. Call loss.backward() before it, on "
                "a loss made of these parameters.",
                stacklevel=3,
            )
        if recording:
            self.updates = [(p, _norm(p.data - old), _norm(old)) for p, old in before]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set every gradient to None, or to zeros. The memory of large ones is kept for the next ones.

        All or nothing: a signal on the way leaves every gradient as it was.
        """
        extend.clear_gradients([p for group in self.param_groups for p in group["params"]], set_to_none)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with hyperparameters of their own: `{"params": [...], "lr": 1e-4}`."""
        unknown = set(group) - set(self.defaults) - {"params", *SCHEDULED}
        if unknown or "params" not in group:
            raise TypeError(
                f"{self._name}: a group has 'params' and any of {sorted(self.defaults)}; got {sorted(group)}"
            )
        params = group["params"]
        params = (params,) if isinstance(params, ad.Variable) else tuple({id(p): p for p in params}.values())
        taken = {id(p) for other in self.param_groups for p in other["params"]}
        for i, parameter in enumerate(params):
            if not isinstance(parameter, ad.Variable):
                raise TypeError(
                    f"{self._name}: parameter {i} is a {type(parameter).__name__}; "
                    "give Parameters, e.g. model.parameters()"
                )
            if not parameter.is_leaf:
                raise ValueError(
                    f"{self._name}: parameter {i} was computed by an operation; only leaves can be optimised"
                )
            if id(parameter) in taken:
                raise ValueError(f"{self._name}: parameter {i} of shape {parameter.shape} is already in another group")
        full = {**self.defaults, **group, "params": params}
        self._check(full)
        self.param_groups.append(full)
        self._slots.append(slots_for(params, self._whole))

    def state_dict(self, exact: bool = False) -> dict[str, Any]:
        """Return a copy of everything that a later run needs to continue (with Adam, to within a rounding).

        {"state": {index: {...}}, "param_groups": [...]}: parameters are numbered in the order of the groups; the layout
        and the names are PyTorch's. exact: the internal state, so that the later run is equal bit by bit; other
        libraries cannot read it.
        """
        index = {id(p): i for i, p in enumerate(self._all())}
        state: dict[int, dict[str, Any]] = {}
        for slots in self._slots:
            for slot in slots:
                if not slot.step and not slot.state:
                    continue
                for p, _ in slot.entries:
                    entry = state.setdefault(index[id(p)], {"step": slot.step, **slot.numbers})
                    if exact and slot.betas is not None:
                        entry["betas"] = slot.betas
                for name, flat in (slot.state if exact else self._export(slot)).items():
                    for (p, rows), piece in zip(slot.entries, slot.pieces(flat), strict=True):
                        entry = state[index[id(p)]]
                        if name not in entry:
                            entry[name] = np.empty(p.shape, piece.dtype)
                        entry[name][... if rows is None else rows] = piece
        groups = [
            {**{k: v for k, v in group.items() if k != "params"}, "params": [index[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        whole = {"state": dict(sorted(state.items())), "param_groups": groups}
        return {**whole, "exact": True} if exact else whole

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`; nothing changes when it does not fit.

        Raises:
            ValueError: other groups, other parameter counts, other shapes or another kind than this optimizer's.
        """
        new_groups, groups = self._fitting_groups(saved), saved["param_groups"]
        parameters = list(self._all())
        numbers = [int(i) for g in groups for i in g["params"]]
        by_id = {
            id(p): {int(k): v for k, v in saved["state"].items()}.get(i)
            for i, p in zip(numbers, parameters, strict=True)
        }
        new_slots = []
        for group in new_groups:
            self._check(group)
            new_slots.append(
                [
                    part
                    for slot in slots_for(group["params"], self._whole)
                    for part in self._restored(slot, by_id, group, bool(saved.get("exact", False)))
                ]
            )
        both = {"param_groups": new_groups, "_slots": new_slots}
        extend.write_all(calls=[(object.__setattr__, self, name, value) for name, value in both.items()])

    def _fitting_groups(self, saved: Any) -> list[Group]:
        """Return the groups with the saved hyperparameters. Raise when `saved` is not of this kind and these sizes."""
        check_layout(self._name, saved)
        groups = saved["param_groups"]
        sizes, own = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes != own:
            raise ValueError(f"{self._name}: the saved groups hold {sizes} parameters, this optimizer's hold {own}")
        for given in groups:
            self._check_kind(given)
        return [
            {**old, **{k: v for k, v in new.items() if k not in ("params", *IMPLEMENTATION)}}
            for old, new in zip(self.param_groups, groups, strict=True)
        ]

    def _check_kind(self, given: Group) -> None:
        """Raise ValueError for a saved group with hyperparameters that this optimizer does not have. Older files have
        fewer than ours."""
        lacking = set(self.defaults) - set(given)
        strange = set(given) - set(self.defaults) - {"params", *IMPLEMENTATION, *SCHEDULED}
        strange = {name for name in strange if given[name] is not False and given[name] is not None}
        if strange:
            raise ValueError(
                f"{self._name}: another kind of optimizer was saved: it has {', '.join(sorted(strange))}"
                + (f" and no {', '.join(sorted(lacking))}" if lacking else "")
            )

    def __repr__(self) -> str:
        lines = [
            f"{len(g['params'])} parameters, "
            + ", ".join(f"{k}={v!r}" for k, v in g.items() if k != "params" and v is not False)
            for g in self.param_groups
        ]
        return f"{self._name}({lines[0]})" if len(lines) == 1 else f"{self._name}(\n  " + "\n  ".join(lines) + "\n)"

    # Inside a step.

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _all(self) -> Iterable[ad.Variable]:
        return (p for group in self.param_groups for p in group["params"])

    def _read(self, slots: list[Slot]) -> list[tuple[Slot, list[Array], list[Array]]]:
        """Return the slots with gradients, with their values and gradients. A slot with only some gradients is split
        permanently."""
        read, at = [], 0
        while at < len(slots):
            slot = slots[at]
            values, grads, missing = slot.read()
            if 0 < missing < len(slot.entries):
                slots[at : at + 1] = slot.split()
                continue
            if not missing:
                read.append((slot, values, grads))
            at += 1
        return read

    def _scratch_for(self, slot: Slot) -> Flat:
        size = sum(map(math.prod, slot.shapes))
        scratch = self._scratch.get(slot.dtype)
        if scratch is None or scratch.size < size:
            scratch = self._scratch[slot.dtype] = extend.zeros_on_cache_lines(size, slot.dtype)
        slot.scratch = slot.flat(scratch[:size])
        return slot.scratch

    def _flush_if_due(self, slot: Slot, group: Group) -> None:
        if not slot.step & (FLUSH_EVERY - 1):
            self._flush(slot, group)

    def _flush(self, slot: Slot, group: Group) -> None:
        """Set to zero the numbers that will soon be subnormal. Where a gradient stays zero (a pixel that is always
        white, a dead unit) a running mean decays to subnormal numbers, with which processors compute much slower.
        """
        decay = self._decay(group)
        if decay is None or not 0 < decay[1] < 1:
            return
        mean = slot.state[decay[0]].whole
        tiny = np.finfo(mean.dtype).tiny
        limit = min(tiny / decay[1] ** FLUSH_EVERY, tiny * 1e8)  # stays normal until the next flush
        np.multiply(mean, np.abs(mean, out=self._scratch_for(slot).whole) >= limit, out=mean)

    def _restored(
        self, slot: Slot, saved: Mapping[int, Mapping[str, Any] | None], group: Group, exact: bool
    ) -> list[Slot]:
        """Return the slot with its saved state; a slot for each parameter when their saved steps or names differ."""
        entries = [{k: v for k, v in (saved[id(p)] or {}).items() if v is not None} for p, _ in slot.entries]
        if len({(int(entry.get("step", 0)), tuple(sorted(entry))) for entry in entries}) > 1:
            return [part for single in slot.split() for part in self._restored(single, saved, group, exact)]
        slot.step = int(entries[0].get("step", 0))
        slot.numbers = {
            name: number_of(self._name, name, entries[0][name]) for name in self._numbers(group) if name in entries[0]
        }
        betas = entries[0].get("betas") if exact else None
        names = [name for name in entries[0] if name not in ("step", "betas") and name not in slot.numbers]
        known = (*self._state_names(group), *self._optional_state)
        strange = [name for name in names if name not in known]
        if strange:
            raise ValueError(f"{self._name}: the saved state has {strange[0]!r}, which this optimizer does not keep")
        lacking = {*self._state_names(group), *self._numbers(group)} - {*names, *slot.numbers}
        lacking -= set() if exact else set(self._optional_state)
        if slot.step and lacking:
            raise ValueError(f"{self._name}: the saved state of step {slot.step} has no {sorted(lacking)[0]!r}")
        if names:
            arrays = {}
            for name in names:
                pieces = [
                    self._fitting(name, p, rows, entry[name], slot.dtype).reshape(-1)
                    for (p, rows), entry in zip(slot.entries, entries, strict=True)
                ]
                arrays[name] = slot.flat(np.concatenate(pieces, out=slot.zeros().whole))
            if exact:
                slot.state, slot.betas = arrays, None if betas is None else tuple(betas)
            else:
                self._import(slot, arrays, group)
        return [slot]

    def _fitting(self, name: str, p: ad.Variable, rows: slice | None, value: Any, dtype: np.dtype) -> Array:
        array: Array = array_of(self._name, name, value, dtype)
        if array.shape != p.shape:
            raise ValueError(f"{self._name}: saved {name!r} has shape {array.shape}, its parameter {p.shape}")
        return array if rows is None else array[rows]


def _norm(array: Any) -> float:
    return float(np.linalg.norm(np.ravel(array)))
