"""A state machine of graphs: random builds, backward passes, writes, views, hooks and frees against a naive model.

`GraphMachine` is a Hypothesis `RuleBasedStateMachine`. Its model is a list of NumPy values and the recipe of each; a
derivative is found by pushing one unit tangent after another through the recipes: no graph, no sharing, no reverse
sweep, nothing released. What the engine may refuse, and with which error, follows from who shows whose memory and from
which nodes should still be alive; anything else it must do, and do right.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

import autodiff as ad

__all__ = ["GraphMachine"]

Push = Callable[..., Any]  # tangents of the operands, 0 where there is none -> tangent of the value

# name -> (what both run, recipe of the tangent from copies of the operands)
_UNARY: dict[str, tuple[Callable[..., Any], Callable[..., Push]]] = {
    "tanh": (np.tanh, lambda x: lambda t: (1 - np.tanh(x) ** 2) * t),
    "sin": (np.sin, lambda x: lambda t: np.cos(x) * t),
    "square": (np.square, lambda x: lambda t: 2 * x * t),
    "negative": (np.negative, lambda x: lambda t: -t),
    "abs": (np.absolute, lambda x: lambda t: np.sign(x) * t),
}
_BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Push]]] = {
    "add": (lambda a, b: a + b, lambda a, b: lambda s, t: s + t),
    "subtract": (lambda a, b: a - b, lambda a, b: lambda s, t: s - t),
    "multiply": (lambda a, b: a * b, lambda a, b: lambda s, t: s * b + a * t),
    "hypot+1": (
        lambda a, b: np.sqrt(a * a + b * b + 1.0),
        lambda a, b: lambda s, t: (a * s + b * t) / np.sqrt(a * a + b * b + 1),
    ),
}
_VIEWS: dict[str, Callable[[Any], Any]] = {  # linear: the tangent goes the same way
    "x[::-1]": lambda x: x[::-1],
    "x[0]": lambda x: x[0],
    "x[:1]": lambda x: x[:1],
    "x.reshape": lambda x: x.reshape(np.shape(x)),
    "x[[0, 0]]": lambda x: x[[0, 0]],
}
_SHAPES = ((), (2,), (2, 2))  # any two broadcast


@dataclass
class Entry:
    """One value of the model: how it was made, and what the engine should remember of it."""

    value: Any  # an array, a real NumPy view where it is one; or a float
    parents: tuple[int, ...] = ()  # entries that a derivative flows to
    push: Push | None = None
    operands: tuple[int | None, ...] = ()
    reads: tuple[Any, ...] = ()  # arrays that a rule may have saved
    born: int = 0
    ancestors: frozenset[int] = frozenset()
    node: Any = None  # weak reference to the engine's node; None for a constant
    grad: Any = None  # of a leaf: the sum; of a Scalar or a retained value: of the last backward pass
    retained: bool = False
    factor: float = 1.0  # of the hooks
    consumed: bool = False

    @property
    def live(self) -> bool:
        return self.node is not None

    @property
    def leaf(self) -> bool:
        return self.live and self.push is None


@dataclass
class Slot:
    """One handle that the machine holds."""

    handle: Any
    entry: int
    base: int | None = None  # the slot it is a view of
    owner: int | None = None  # the entry whose memory it shows
    stale: bool = False
    hooks: list[Callable[[], None]] = field(default_factory=list)


def _plain_array(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    n = int(np.prod(shape))
    return st.lists(st.integers(1, 16), min_size=n, max_size=n).map(
        lambda v: np.asarray(np.array(v) / 8).reshape(shape)
    )


def _close(a: Any, b: Any) -> bool:
    """Equal up to the rounding of some fifty operations; much cheaper than np.allclose."""
    size = 1.0 + float(np.max(np.abs(b), initial=0.0))
    return np.shape(a) == np.shape(b) and float(np.max(np.abs(a - b), initial=0.0)) <= 1e-9 * size


class GraphMachine(RuleBasedStateMachine):
    """Random sequences of everything a user can do to a graph; every step is compared with the model.

    Run it by subclassing in a test module: ``class TestGraphs(GraphMachine.TestCase): ...``, or with Hypothesis's
    ``run_state_machine_as_test(GraphMachine)``.
    """

    slots_bundle = Bundle("slots")

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.slots: dict[int, Slot] = {}
        self.count = 0
        self.time = 0
        self.writes: list[tuple[int, Any]] = []  # when, and into which array
        self.watched: list[tuple[Any, Any]] = []  # arrays that nobody may change, and copies of them
        self.collector = gc.isenabled()
        gc.disable()

    def teardown(self) -> None:
        """Everything must be freed by reference counting alone."""
        try:
            self.slots.clear()
            if sys.exc_info()[0] is not None:  # a step failed, and its traceback holds the frames that hold the values
                return
            left = [k for k, e in enumerate(self.entries) if e.node is not None and e.node() is not None]
            assert not left, f"values {left} are still alive although no handle is"
        finally:
            if self.collector:
                gc.enable()

    # ---- the model
    def keep(self, handle: Any, entry: Entry, base: int | None = None, owner: int | None = None) -> int:
        """A new value: its entry and a slot for its handle; the engine's value is compared by the invariant."""
        self.time += 1
        entry.born = self.time
        entry.node = weakref.ref(handle.node) if handle.node is not None else None
        entry.ancestors = frozenset([len(self.entries)]).union(*(self.entries[p].ancestors for p in entry.parents))
        self.entries.append(entry)
        self.slots[self.count] = Slot(handle, len(self.entries) - 1, base, owner)
        self.count += 1
        return self.count - 1

    def entry(self, slot: int) -> Entry:
        return self.entries[self.slots[slot].entry]

    def ancestors(self, root: int) -> list[int]:
        """Entries that a value depends on, itself included, oldest first."""
        return sorted(self.entries[root].ancestors)

    def alive(self) -> set[int]:
        """Recorded entries whose nodes a handle leads to."""
        return set().union(
            *(self.entries[s.entry].ancestors for s in self.slots.values() if self.entries[s.entry].live)
        )

    def derivative(self, root: int, at: int, weights: Any) -> Any:
        """d <weights, root> / d at, element by element, by pushing unit tangents through the recipes."""
        line = [k for k in self.ancestors(root) if k > at]
        shape = np.shape(self.entries[at].value)
        gradient = np.zeros(shape)
        for i in np.ndindex(shape):
            unit = np.zeros(shape)
            unit[i] = self.entries[at].factor
            tangents: dict[int, Any] = {at: unit}
            for k in line:
                e = self.entries[k]
                if e.push is not None and any(p in tangents for p in e.parents):
                    t = e.push(*[tangents.get(p, 0.0) if p is not None else 0.0 for p in e.operands])
                    tangents[k] = np.broadcast_to(t, np.shape(e.value)) * e.factor
            gradient[i] = np.sum(weights * tangents.get(root, 0.0))
        return gradient

    def operate(self, run: Callable[..., Any], model: Any, push: Push, operands: tuple[int, ...], **facts: Any) -> int:
        """Run an operation of slots on the engine and enter its value and recipe into the model."""
        handle = run(*[self.slots[s].handle for s in operands])
        given = tuple(self.slots[s].entry for s in operands)
        on = handle.node is not None
        recorded = tuple(k if on and self.entries[k].live else None for k in given)
        parents = tuple(k for k in recorded if k is not None)
        reads = tuple(self.entries[k].value for k in given) + (model,)
        value = model if isinstance(handle, ad.Tensor) else float(model)
        value = np.asarray(value) if isinstance(handle, ad.Tensor) else value
        assert handle.requires_grad == (facts.pop("records", True) and any(self.entries[k].live for k in given))
        return self.keep(handle, Entry(value, parents, push, recorded, reads), **facts)

    def refused(self, error: type[Exception], act: Callable[[], Any]) -> None:
        """The engine must refuse, by this very error."""
        try:
            act()
        except error as found:
            assert len(str(found)) > 20
            return
        raise AssertionError(f"{error.__name__} was expected")

    def usable(self, *slots: int) -> bool:
        """Whether none is an overwritten view; otherwise any use of them is refused."""
        for s in slots:
            if self.slots[s].stale:
                self.refused(ad.StaleValueError, lambda s=s: np.tanh(self.slots[s].handle))
                return False
        return True

    def copies(self, *slots: int) -> list[Any]:
        return [np.array(self.entry(s).value) for s in slots]

    # ---- building
    @initialize(target=slots_bundle, value=_plain_array((2,)))
    def begin(self, value: np.ndarray) -> int:
        return self.leaf(value)

    @rule(target=slots_bundle, value=st.sampled_from(_SHAPES).flatmap(_plain_array))
    def new_leaf(self, value: np.ndarray) -> int:
        return self.leaf(value)

    def leaf(self, value: np.ndarray) -> int:
        self.watched.append((value, value.copy()))
        return self.keep(ad.tensor(value), Entry(value.copy()))

    @rule(target=slots_bundle, value=st.sampled_from(_SHAPES).flatmap(_plain_array))
    def new_constant(self, value: np.ndarray) -> int:
        return self.keep(ad.tensor(value, requires_grad=False), Entry(value.copy()))

    @rule(target=slots_bundle, value=st.integers(1, 16))
    def new_scalar(self, value: int) -> int:
        return self.keep(ad.scalar(value / 8), Entry(value / 8))

    @rule(
        target=slots_bundle,
        a=slots_bundle,
        name=st.sampled_from(sorted(_UNARY)),
        quiet=st.sampled_from([False, False, True]),
    )
    def unary(self, a: int, name: str, quiet: bool) -> Any:
        if not self.usable(a) or np.max(np.abs(self.entry(a).value)) > 30:
            return self.again(a)
        run, recipe = _UNARY[name]
        (x,) = self.copies(a)
        if not quiet:
            return self.operate(run, run(x), recipe(x), (a,))
        with ad.no_grad():
            return self.operate(run, run(x), recipe(x), (a,), records=False)

    @rule(
        target=slots_bundle, a=slots_bundle, b=slots_bundle, name=st.sampled_from(sorted(_BINARY)), record=st.booleans()
    )
    def binary(self, a: int, b: int, name: str, record: bool) -> Any:
        if not self.usable(a, b):
            return self.again(a)
        run, recipe = _BINARY[name]
        x, y = self.copies(a, b)
        if np.max(np.abs(run(x, y))) > 1e3:
            return self.again(a)
        if not record:
            return self.operate(run, run(x, y), recipe(x, y), (a, b))
        with ad.record():
            made = self.operate(run, run(x, y), recipe(x, y), (a, b))
        if name != "hypot+1":  # its interior nodes are kept, and it is one of several
            self.entry(made).retained = self.entry(made).live
        return made

    @rule(target=slots_bundle, a=slots_bundle, constant=st.sampled_from(_SHAPES).flatmap(_plain_array))
    def times_array(self, a: int, constant: np.ndarray) -> Any:
        if not self.usable(a) or np.max(np.abs(self.entry(a).value)) > 100:
            return self.again(a)
        self.watched.append((constant, constant.copy()))
        (x,) = self.copies(a)
        return self.operate(lambda h: h * constant, x * constant, lambda t: t * constant, (a,))

    @rule(target=slots_bundle, a=slots_bundle)
    def total(self, a: int) -> Any:
        if not self.usable(a):
            return self.again(a)
        (x,) = self.copies(a)
        return self.operate(np.sum, np.sum(x), np.sum, (a,))

    @rule(target=slots_bundle, a=slots_bundle)
    def scalar_of(self, a: int) -> Any:
        if not self.usable(a) or isinstance(self.slots[a].handle, ad.Scalar):
            return self.again(a)
        (x,) = self.copies(a)
        made = self.operate(lambda h: ad.scalar(np.mean(h)), np.mean(x), np.mean, (a,))
        return made

    @rule(target=slots_bundle, a=slots_bundle, b=slots_bundle)
    def stacked(self, a: int, b: int) -> Any:
        if not self.usable(a, b) or np.shape(self.entry(a).value) or np.shape(self.entry(b).value):
            return self.again(a)
        x, y = self.copies(a, b)
        push = lambda s, t: np.stack([s + 0.0, t + 0.0])
        return self.operate(lambda p, q: ad.stack([p, q]), np.stack([x, y]), push, (a, b))

    @rule(
        target=slots_bundle,
        a=slots_bundle,
        name=st.sampled_from(sorted(_VIEWS)),
        quiet=st.sampled_from([False, False, True]),
    )
    def view(self, a: int, name: str, quiet: bool) -> Any:
        if not self.usable(a) or not np.shape(self.entry(a).value):
            return self.again(a)
        run, slot = _VIEWS[name], self.slots[a]
        x = self.entry(a).value
        shown = run(x)
        facts: dict[str, Any] = {}
        if isinstance(shown, np.ndarray) and np.shares_memory(shown, x):
            root = slot.base if slot.base is not None and slot.base in self.slots else a
            owner = slot.owner if slot.owner is not None else slot.entry if self.entry(a).live else None
            facts = {"base": root, "owner": owner}
        full = lambda t: run(np.broadcast_to(t, np.shape(x)))
        if not quiet:
            return self.operate(run, shown, full, (a,), **facts)
        with ad.no_grad():
            return self.operate(run, shown, full, (a,), records=False, **facts)

    @rule(target=slots_bundle, a=slots_bundle)
    def detach(self, a: int) -> Any:
        if not self.usable(a):
            return self.again(a)
        slot = self.slots[a]
        owner = slot.owner if slot.owner is not None else slot.entry if self.entry(a).live else None
        shared = self.entry(a).value
        return self.keep(
            slot.handle.detach(), Entry(shared), owner=owner if np.ndim(shared) or owner is not None else None
        )

    def again(self, a: int) -> Any:
        """A rule that does not apply gives nothing new."""
        return multiple()

    # ---- writing
    @rule(a=slots_bundle, v=slots_bundle, form=st.sampled_from(["x[0] = v", "x += v", "x *= v"]), quiet=st.booleans())
    def write(self, a: int, v: int, form: str, quiet: bool) -> None:
        if not self.usable(a, v) or isinstance(self.slots[a].handle, ad.Scalar) or not np.shape(self.entry(a).value):
            return
        shape, given = np.shape(self.entry(a).value), np.shape(self.entry(v).value)
        slot = shape[1:] if form == "x[0] = v" else shape
        if np.broadcast_shapes(slot, given) != slot or np.max(np.abs(self.entry(v).value)) > 10:
            return
        rebinds = not quiet and (self.entry(a).live or self.entry(v).live)
        act = lambda: self.engine_write(a, v, form, quiet)
        if not self.may_write(a, rebinds, quiet):
            self.refused(ad.WriteError, act)
            return
        act()
        if not rebinds:
            self.time += 1
            target = self.entry(a).value
            self.writes.append((self.time, target))
            self.model_write(target, np.array(self.entry(v).value), form)
            return
        self.rebind(a, v, form)

    def may_write(self, a: int, rebinds: bool, quiet: bool) -> bool:
        slot, e = self.slots[a], self.entry(a)
        if e.leaf:
            return quiet
        if rebinds:
            return slot.base is None or slot.base not in self.slots
        if e.live:
            return False
        owner = slot.owner if slot.owner is not None and slot.owner in self.alive() else None
        return owner is None or (self.entries[owner].leaf and quiet)

    def engine_write(self, a: int, v: int, form: str, quiet: bool) -> None:
        x, value = self.slots[a].handle, self.slots[v].handle
        with ad.no_grad() if quiet else ad.enable_grad():
            if form == "x[0] = v":
                x[0] = value
            elif form == "x += v":
                x += value
            else:
                x *= value

    @staticmethod
    def model_write(x: Any, v: Any, form: str) -> None:
        if form == "x[0] = v":
            x[0] = v
        elif form == "x += v":
            x += v
        else:
            x *= v

    def rebind(self, a: int, v: int, form: str) -> None:
        """The handle stands for a new value; views of the old one are stale."""
        slot = self.slots[a]
        x, y = self.copies(a, v)
        new = x.copy()
        self.model_write(new, y, form)
        if form == "x[0] = v":

            def push(s: Any, t: Any) -> Any:
                out = np.array(np.broadcast_to(s, x.shape), float)
                out[0] = t
                return out

        else:
            push = _BINARY["add" if form == "x += v" else "multiply"][1](x, y)
        given = (slot.entry, self.slots[v].entry)
        recorded = tuple(k if self.entries[k].live else None for k in given)
        reads = (*(self.entries[k].value for k in given), new)
        made = self.keep(slot.handle, Entry(new, tuple(k for k in recorded if k is not None), push, recorded, reads))
        slot.entry, slot.base, slot.owner = self.slots.pop(made).entry, None, None
        for other in self.slots.values():
            if other.base == a:
                other.stale, other.base = True, None

    @rule(a=slots_bundle, value=st.integers(1, 16))
    def set_data(self, a: int, value: int) -> None:
        """``x.data = v`` on a leaf: a Tensor is stamped, a Scalar gets a new leaf."""
        slot, e = self.slots[a], self.entry(a)
        if not self.usable(a) or not e.leaf:
            return
        if isinstance(slot.handle, ad.Scalar):
            slot.handle.data = value / 8
            made = self.keep(slot.handle, Entry(value / 8, grad=e.grad, factor=e.factor))  # its hooks stay
            slot.entry = self.slots.pop(made).entry
        else:
            slot.handle.data = np.full(np.shape(e.value), value / 8)
            self.time += 1
            self.writes.append((self.time, e.value))
            e.value[...] = value / 8

    @rule(
        target=slots_bundle,
        a=slots_bundle,
        b=slots_bundle,
        form=st.sampled_from(["x[0] = v", "x += v"]),
        quiet=st.booleans(),
    )
    def write_between(self, a: int, b: int, form: str, quiet: bool) -> Any:
        """Read and show two values, write into one of them, go back: chance alone brings these together too rarely."""
        if self.slots[a].stale or self.slots[b].stale:
            return self.again(a)
        made, shown = self.binary(a, b, "multiply", False), self.view(b, "x[::-1]", False)
        if isinstance(made, int):
            self.set_data(a, 3)
            self.write(b, a, form, quiet)
            self.backward(made, True, True)
        if isinstance(shown, int):
            self.values_agree()
            self.usable(shown)
            del self.slots[shown]
        return made

    # ---- backward
    @rule(a=slots_bundle, retain=st.booleans(), weigh=st.booleans())
    def backward(self, a: int, retain: bool, weigh: bool) -> None:
        slot, e = self.slots[a], self.entry(a)
        if slot.stale:
            return
        shape = np.shape(e.value)
        weights = np.ones(shape) * (0.5 if weigh else 1.0)
        run = lambda: slot.handle.backward(weights if weigh else None, retain_graph=retain)
        if not e.live or (np.size(e.value) != 1 and not weigh):
            self.refused(ad.GraphError, run)
            return
        line = self.ancestors(slot.entry)
        try:
            run()
        except ad.StaleValueError:
            assert self.overwritten(line), "nothing that this value depends on was overwritten"
            return
        except ad.GraphError as error:
            assert "consumed" in str(error), error
            assert any(self.entries[k].consumed for k in line), "nothing that this value depends on was consumed"
            return
        for k in line:
            old = self.entries[k]
            if old.leaf:
                g = self.derivative(slot.entry, k, weights)
                old.grad = g if old.grad is None else old.grad + g
            elif isinstance(old.value, float) or old.retained:
                old.grad = self.derivative(slot.entry, k, weights)
            old.consumed |= not retain and not old.leaf  # a Scalar's operations release nothing, and may run again
        self.watched += [
            (s.handle.grad, s.handle.grad.copy()) for s in self.held() if isinstance(s.handle.grad, np.ndarray)
        ]

    def held(self) -> list[Slot]:
        return [s for s in self.slots.values() if not s.stale]

    def overwritten(self, line: list[int]) -> bool:
        """Whether an array that one of these values read was written afterwards."""
        for k in line:
            for when, array in self.writes:
                arrays = [r for r in self.entries[k].reads if isinstance(r, np.ndarray)]
                if when > self.entries[k].born and any(np.shares_memory(array, r) for r in arrays):
                    return True
        return False

    @rule(a=slots_bundle)
    def reset_gradient(self, a: int) -> None:
        if self.entry(a).leaf and not self.slots[a].stale:
            self.slots[a].handle.grad = None
            self.entry(a).grad = None

    @rule(a=slots_bundle)
    def retain_gradient(self, a: int) -> None:
        e = self.entry(a)
        if self.slots[a].stale:
            return
        if not e.live:
            self.refused(ad.GraphError, self.slots[a].handle.retain_grad)
            return
        self.slots[a].handle.retain_grad()
        e.retained = True

    @rule(a=slots_bundle)
    def hook(self, a: int) -> None:
        slot = self.slots[a]
        if not self.entry(a).live or slot.stale:
            return
        slot.hooks.append(slot.handle.register_hook(lambda g: g * 2.0))
        self.entry(a).factor *= 2.0

    @rule(a=consumes(slots_bundle))
    def free(self, a: int) -> None:
        del self.slots[a]

    # ---- what must hold after every step
    @invariant()
    def values_agree(self) -> None:
        for s in self.held():
            assert _close(s.handle.data, self.entries[s.entry].value), (
                f"{s.handle!r} should be {self.entries[s.entry].value}"
            )

    @invariant()
    def gradients_agree(self) -> None:
        for s in self.held():
            e = self.entries[s.entry]
            if e.live and (e.leaf or e.retained or isinstance(e.value, float)):
                assert (s.handle.grad is None) == (e.grad is None), f"gradient {s.handle.grad}, expected {e.grad}"
                if e.grad is not None:
                    assert _close(s.handle.grad, e.grad), f"gradient {s.handle.grad}, expected {e.grad}"

    @invariant()
    def nothing_leaks(self) -> None:
        alive = self.alive()
        for k, e in enumerate(self.entries):
            if e.node is not None:
                assert (e.node() is not None) == (k in alive), f"value {k} is {'kept' if k not in alive else 'gone'}"

    @invariant()
    def nothing_is_mutated(self) -> None:
        for array, copy in self.watched:
            assert array.tobytes() == copy.tobytes(), f"an array that nobody wrote changed from {copy} to {array}"
