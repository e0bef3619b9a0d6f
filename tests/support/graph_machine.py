"""A state machine of graphs: random builds, backward passes, writes, views, hooks and frees against a naive model.

`GraphMachine` is a Hypothesis `RuleBasedStateMachine`; its model is in `graph_model`, its state and its invariants are
in `graph_bookkeeping`. The model determines from shared memory and from the nodes that should be alive which steps the
engine must refuse, and with which error. All other steps must succeed with the right result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from graph_bookkeeping import Bookkeeping
from graph_model import (
    BINARY,
    SHAPES,
    UNARY,
    VIEWS,
    Entry,
    derivative,
    overwritten,
    write_into,
)
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, multiple, rule

import autodiff as ad

__all__ = ["GraphMachine"]


def _plain_array(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    n = int(np.prod(shape))
    return st.lists(st.integers(1, 16), min_size=n, max_size=n).map(
        lambda v: np.asarray(np.array(v) / 8).reshape(shape)
    )


class GraphMachine(Bookkeeping):
    """Random sequences of everything a user can do to a graph; every step is compared with the model.

    Run it by subclassing in a test module: ``class TestGraphs(GraphMachine.TestCase): ...``, or with Hypothesis's
    ``run_state_machine_as_test(GraphMachine)``.
    """

    slots_bundle = Bundle("slots")

    # ---- building
    @initialize(target=slots_bundle, value=_plain_array((2,)))
    def begin(self, value: np.ndarray) -> int:
        return self.leaf(value)

    @rule(target=slots_bundle, value=st.sampled_from(SHAPES).flatmap(_plain_array))
    def new_leaf(self, value: np.ndarray) -> int:
        return self.leaf(value)

    def leaf(self, value: np.ndarray) -> int:
        self.watched.append((value, value.copy()))
        return self.keep(ad.tensor(value), Entry(value.copy()))

    @rule(target=slots_bundle, value=st.sampled_from(SHAPES).flatmap(_plain_array))
    def new_constant(self, value: np.ndarray) -> int:
        return self.keep(ad.tensor(value, requires_grad=False), Entry(value.copy()))

    @rule(target=slots_bundle, value=st.integers(1, 16))
    def new_scalar(self, value: int) -> int:
        return self.keep(ad.scalar(value / 8), Entry(value / 8))

    @rule(
        target=slots_bundle,
        a=slots_bundle,
        name=st.sampled_from(sorted(UNARY)),
        quiet=st.sampled_from([False, False, True]),
    )
    def unary(self, a: int, name: str, quiet: bool) -> Any:
        if not self.usable(a) or np.max(np.abs(self.entry(a).value)) > 30:
            return self.again(a)
        run, recipe = UNARY[name]
        (x,) = self.copies(a)
        if not quiet:
            return self.operate(run, run(x), recipe(x), (a,))
        with ad.no_grad():
            return self.operate(run, run(x), recipe(x), (a,), records=False)

    @rule(
        target=slots_bundle, a=slots_bundle, b=slots_bundle, name=st.sampled_from(sorted(BINARY)), record=st.booleans()
    )
    def binary(self, a: int, b: int, name: str, record: bool) -> Any:
        if not self.usable(a, b):
            return self.again(a)
        run, recipe = BINARY[name]
        x, y = self.copies(a, b)
        if np.max(np.abs(run(x, y))) > 1e3:
            return self.again(a)
        if not record:
            return self.operate(run, run(x, y), recipe(x, y), (a, b))
        with ad.record():
            made = self.operate(run, run(x, y), recipe(x, y), (a, b))
        self.entry(made).retained = self.entry(made).live  # record() keeps the gradients of recorded values
        return made

    @rule(target=slots_bundle, a=slots_bundle, constant=st.sampled_from(SHAPES).flatmap(_plain_array))
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
        name=st.sampled_from(sorted(VIEWS)),
        quiet=st.sampled_from([False, False, True]),
    )
    def view(self, a: int, name: str, quiet: bool) -> Any:
        if not self.usable(a) or not np.shape(self.entry(a).value):
            return self.again(a)
        run, slot = VIEWS[name], self.slots[a]
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
        """Return nothing new where a rule does not apply."""
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
        if rebinds and form != "x[0] = v" and not self.entry(a).leaf and self.slots[a].base in self.slots:
            self.write_into_view(a, act)
            return
        if not self.may_write(a, rebinds, quiet):
            self.refused(ad.WriteError, act)
            return
        act()
        if not rebinds:
            self.time += 1
            target = self.entry(a).value
            self.writes.append((self.time, target))
            write_into(target, np.array(self.entry(v).value), form)
            return
        self.rebind(a, v, form)

    def write_into_view(self, a: int, act: Callable[[], Any]) -> None:
        """Run ``view += v`` alone: its result, the base and its other views refuse every use."""
        made, base = act(), self.slots[a].base
        self.refused(ad.WriteError, partial(np.tanh, made))
        self.refused(ad.WriteError, partial(np.tanh, self.slots[base].handle))
        self.slots[base].stale, self.slots[base].refusal = True, ad.WriteError
        for other in self.slots.values():
            if other.base == base:
                other.stale, other.base = True, None

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

    def engine_write(self, a: int, v: int, form: str, quiet: bool) -> Any:
        x, value = self.slots[a].handle, self.slots[v].handle
        with ad.no_grad() if quiet else ad.enable_grad():
            if form == "x[0] = v":
                x[0] = value
            elif form == "x += v":
                x += value
            else:
                x *= value
        return x

    def rebind(self, a: int, v: int, form: str) -> None:
        """Give the handle a new value; views of the old one are stale."""
        slot = self.slots[a]
        x, y = self.copies(a, v)
        new = x.copy()
        write_into(new, y, form)
        if form == "x[0] = v":

            def push(s: Any, t: Any) -> Any:
                out = np.array(np.broadcast_to(s, x.shape), float)
                out[0] = t
                return out

        else:
            push = BINARY["add" if form == "x += v" else "multiply"][1](x, y)
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
        """Run ``x.data = v`` on a leaf: a Tensor is marked as written, a Scalar gets a new leaf."""
        slot, e = self.slots[a], self.entry(a)
        if not self.usable(a) or not e.leaf:
            return
        if isinstance(slot.handle, ad.Scalar):
            slot.handle.data = value / 8
            e.replaced = True
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
        """Read and print two values, write into one of them, call backward(): at random this is too rare."""
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
            assert overwritten(self.entries, self.writes, line), "nothing that this value depends on was overwritten"
            return
        except ad.GraphError as error:
            if "consumed" not in str(error) or not any(self.entries[k].consumed for k in line):
                raise
            for k in line:  # the pass has released the nodes that it read before it reached a released one
                self.entries[k].consumed |= not retain and not self.entries[k].leaf
            return
        assert not any(self.entries[k].replaced for k in line), "a Scalar that this value reads was given another value"
        for k in line:
            old = self.entries[k]
            if old.leaf:
                g = derivative(self.entries, slot.entry, k, weights)
                old.grad = g if old.grad is None else old.grad + g
            elif isinstance(old.value, float) or old.retained:
                old.grad = derivative(self.entries, slot.entry, k, weights)
            old.consumed |= not retain and not old.leaf  # a Scalar's operations release nothing, and may run again
        self.watched += [
            (s.handle.grad, s.handle.grad.copy()) for s in self.held() if isinstance(s.handle.grad, np.ndarray)
        ]

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
