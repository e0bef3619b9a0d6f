"""Trace a function: run it on traced arguments, and return all that is needed to run its program in its place.

It runs twice, and the two programs must be equal: a difference is randomness, the time or a counter, which would be
frozen in the program.
"""

from __future__ import annotations

import gc
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import compress
from operator import is_
from typing import Any

import numpy as np

from ...backward import collect, pull
from ...errors import GraphError, TraceError, Untraced
from ...graph import leaf
from ...modes import state
from ...transforms.containers import flatten
from ...variable import Scalar, Variable, is_live
from ..program import Program, Ref, frozen
from .comparison import ENDS, difference, different_result
from .doors import open_doors
from .python_state import Watch
from .shared_memory import Apart
from .signature import fixed_in, rebuilt, value_of
from .states import StatefulTrace, gradient_left
from .surroundings import Surroundings, give_names
from .traced_array import TracedArray

_one_at_a_time = threading.RLock()


@dataclass(slots=True)
class Output:
    """One leaf of the function's result.

    kind    "array", "number" (NumPy's), "python" (Python's), "tensor", "scalar"; or "fixed", "argument", "handle"
    value   the ``Ref``; or the fixed value, the position of the argument, the handle
    live    whether derivatives flow to it
    """

    kind: str
    value: Any
    live: bool = False


@dataclass(slots=True)
class Pullback:
    """The backward part of one output.

    seed     value that stands for the cotangent of the output
    shares   for each live argument, and then each live state: the ``Ref`` of its cotangent, or None
    error    why there is none: the function has consumed its own graph
    """

    seed: int = -1
    shares: list[Any] = field(default_factory=list)
    error: str = ""


class Given:
    """An argument in a trace: a handle is replaced by one of our own, with the same kind, value and gradient."""

    def __init__(self, trace: StatefulTrace, x: Any, name: str) -> None:
        self.live = isinstance(x, Variable) and is_live(x)
        traced: Any = trace.outside(value_of(x), "input", name, weak=isinstance(x, Scalar))
        self.traced = self.value = traced
        self.gradient: Any = None
        self.new_grad: Any = None
        self.cleared = False
        self.is_leaf = False
        if isinstance(x, Variable):
            self.value = handle = object.__new__(type(x))
            handle._data, handle.node = traced, None
            if self.live:
                node: Any = x.node
                handle.node = leaf(traced)
                handle.node.notes = node.notes  # with its hooks
                self.is_leaf = node.op is None
                if not self.is_leaf:
                    trace.recorded.add(id(handle))
                if self.is_leaf and node.grad is not None:
                    self.gradient = handle.node.grad = trace.outside(getattr(node.grad, "_data", node.grad), "input")

    def end(self, trace: StatefulTrace) -> None:
        """Find the gradient that the function left in the argument."""
        handle = self.value
        if not isinstance(handle, Variable):
            return
        if handle._data is not self.traced:
            raise trace.refusal("the function writes into an argument", "Return the new value")
        refused = ("an argument that was computed outside", "Call backward() outside, or pass x.detach()")
        self.cleared, self.new_grad = gradient_left(trace, handle.node, self, *refused)

    def forget(self) -> None:
        """Drop the parts that only the trace needed."""
        self.traced = self.value = None
        self.gradient = True if self.gradient is not None else None


@dataclass(slots=True)
class Traced:
    """A traced function.

    given        its inputs, in their order
    held         its states: ``Held`` and ``Place``
    outputs      leaves of its result, and ``rebuild``, which puts values in their places
    pullbacks    of the outputs that are live, by their position
    owners       modules that ran
    around       the surroundings of the function, for which the program is valid
    apart        the check that the states it writes have memory of their own
    facts        readers and their values: the program is valid as long as they return the same
    with_writes  makers of calls that go with the writes of a run; and ``after``, functions that are called after those
    """

    program: Program
    given: list[Given]
    held: list[Any]
    outputs: list[Output]
    rebuild: Callable[[Any], Any]
    pullbacks: dict[int, Pullback]
    owners: list[Any]
    generators: list[Any]
    trace: Any
    around: Any = None
    apart: Any = None
    facts: list[tuple[Callable[[], Any], Any]] = field(default_factory=list)
    with_writes: list[Any] = field(default_factory=list)
    after: list[Any] = field(default_factory=list)

    def fits(self, inputs: list[Any]) -> bool:
        """Return whether surroundings and facts are those of the trace."""
        return (
            not self.around.has(inputs)
            and all([read() == then for read, then in self.facts])
            and bool(self.around.fits())
        )

    def forget(self) -> None:
        """Drop the examples: copies of every input, state and result."""
        for argument in self.given:
            argument.forget()
        for held in self.held:
            held.forget()
        self.owners = []
        self.with_writes, self.after = self.trace.with_writes, self.trace.after
        self.trace = None


def traced_twice(function: Callable[..., Any], arguments: Any, inputs: list[Any], names: list[str]) -> Traced:
    """Trace a function twice, to check that both runs do the same; arguments: (args, kwargs)."""
    with _one_at_a_time, open_doors(function):
        shared: list[Ref] = []  # by both, so that equal calls are found equal at once
        fixed, owners, untraced = list(fixed_in(arguments)), [], []
        try:
            first = _traced(function, arguments, inputs, names, shared, lines=False)
            owners = first.owners
        except Untraced as error:
            untraced.append(error)
        watch = Watch(Surroundings(function, [*fixed, *owners], None))
        try:
            second = _traced(function, arguments, inputs, names, shared)
        except Untraced as error:
            untraced.append(error)
    moved, name = watch.moved(), getattr(function, "__name__", function)
    if moved is not None:
        raise TraceError(f"compile: {name} {moved}")
    if untraced:
        raise untraced[0]
    _settle_states(first, second)
    captured = _settle_constants(first, second)
    _refuse_difference(first, second, function, name)
    first.forget()
    second.apart = _apart(second, inputs)
    second.around = Surroundings(function, [*fixed, *second.owners], _only_read(second.program, captured))
    if second.around.has(inputs):
        raise TraceError(
            f"compile: {name} gets a value that it captured, too, and compares with `is` at {second.around.identity}. "
            "In a trace these are two. Give it a copy, or a flag as an argument."
        )
    give_names(second)
    return second


_MANY = 20_000  # young objects, some milliseconds of the collector's time


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector: a trace and its passes make very many objects and drop few, and it would take most
    of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # Move all objects of a large program to the oldest generation, without a scan. Not in a small program,
            # because the count walks over every frozen object.
            if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _traced(
    function: Callable[..., Any],
    arguments: Any,
    inputs: list[Any],
    names: list[str],
    refs_before: list[Ref],
    lines: bool = True,
) -> Traced:
    trace = StatefulTrace(refs_before, lines)
    with trace.running(), np.errstate(all="ignore"):
        given = [Given(trace, x, name) for x, name in zip(inputs, names, strict=True)]
        args, kwargs = rebuilt(arguments, iter([g.value for g in given]))
        before = list(_containers((args, kwargs)))
        returned = function(*args, **kwargs)
        if len(before) != len(after := list(_containers((args, kwargs)))) or not all(map(is_, before, after)):
            raise trace.refusal("the function changes a list or a dict that it was given", "Return a new one")
        leaves, rebuild = flatten(returned)
        arguments_at = {id(g.value): i for i, g in enumerate(given)}
        outputs = [_output(trace, y, arguments_at, _defined(function)) for y in leaves]
        pullbacks = {k: _pullback(trace, leaves[k], given) for k, y in enumerate(outputs) if y.live}
        for g in given:
            g.end(trace)
    program, held = trace.program, list(trace.held.values())
    handles = trace.held
    for g, x in zip(given, inputs, strict=True):
        h = handles.get(id(x))
        if h is not None and (h.new or (g.new_grad or g.cleared) or h.new_grad or h.cleared):
            raise trace.refusal(
                "a value is both an argument and captured, and is written or reached by backward()",
                "Pass it or capture it",
            )
    program.writes = [(h.indices[0], h.new) for h in held if h.new is not None]
    program.outputs = [
        [y.value if y.value.__class__ is Ref else None for y in outputs],
        [h.new_grad for h in held if h.new_grad is not None],
        [g.new_grad for g in given if g.new_grad is not None],
    ]
    owners = [scope.owner() for scope in trace.scopes]
    generators = [generator for generator, _, _ in trace.generators.values()]
    facts = [(read, read()) for read in trace.fact_readers]
    return Traced(program, given, held, outputs, rebuild, pullbacks, owners, generators, trace, facts=facts)


def _containers(tree: Any) -> Iterator[Any]:
    """Yield the lists, tuples and dicts of arguments, and their items."""
    for part in tree.values() if isinstance(tree, dict) else tree:
        yield part
        if isinstance(part, tuple | list | dict):
            yield from _containers(part)


def _defined(function: Any) -> tuple[str, int] | None:
    """Return the file and line where a function is defined."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else (code.co_filename, code.co_firstlineno)


def _output(trace: StatefulTrace, y: Any, places: dict[int, int], defined: tuple[str, int] | None) -> Output:
    if isinstance(y, Variable):
        if id(y) in places:
            return Output("argument", places[id(y)])
        if id(y) in trace.held:
            return Output("handle", y)
        trace.adopt(y)
        if id(y) in trace.held:  # a handle that the function captured, or made of plain values
            return Output("handle", y)
        value = y._data
        if type(value) is not TracedArray:
            return Output("fixed", y)
        return Output("scalar" if isinstance(y, Scalar) else "tensor", Ref(trace.index_of(value)), is_live(y))
    if type(y) is TracedArray:
        kind = "python" if y._weak else "array" if type(y._example) is np.ndarray else "number"
        return Output(kind, Ref(trace.index_of(y)))
    if isinstance(y, np.ndarray):
        return Output("array", Ref(trace.constant(y)))
    if isinstance(y, str) and "<traced " in y:
        raise trace.refusal("the function returns text made of a traced value", "Return the value", defined)
    if hasattr(type(y), "__next__"):  # it would be at its end when it is returned a second time
        raise trace.refusal(f"the function returns an iterator ({type(y).__name__})", "Return a list", defined)
    return Output("fixed", y)


def _pullback(trace: StatefulTrace, y: Any, given: list[Given]) -> Pullback:
    node = y.node
    seed = trace.outside(np.ones(node.shape or (), node.dtype), "input", "cotangent")
    wanted = [g.value.node for g in given if g.live]
    wanted += [h.leaf for h in trace.held.values() if h.live]
    try:
        nodes = collect([node], state().floor)
        found = pull({node: seed}, nodes, wanted=wanted, foreign=wanted, inner=True)  # their hooks run outside
    except GraphError as error:
        return Pullback(seed._index, error=str(error))
    shares: list[Any] = []
    for n in wanted:
        d = found.get(n)
        if d is not None and type(d) is not TracedArray:
            d = trace.create(np.asarray, (d,), {})
        shares.append(None if d is None else Ref(trace.index_of(d)))
    return Pullback(seed._index, shares)


# ---- facts that must be equal in both runs
def _settle_states(first: Traced, second: Traced) -> None:
    """Make constants of handles that only one run has: they were made in that run, over plain values."""
    common = {h.key for h in first.held} & {h.key for h in second.held}
    for traced in (first, second):
        program, made = traced.program, {id(h) for h in traced.held if h.key not in common}
        for h in traced.held:
            if id(h) in made:
                for index, value in zip(h.indices, h.values(), strict=True):
                    program.values[index].kind = "constant"
                    program.constants[index] = frozen(value)
        live = [id(h) not in made for h in traced.held if h.live]
        for p in traced.pullbacks.values():
            arguments = len(p.shares) - len(live)
            p.shares = p.shares[:arguments] + list(compress(p.shares[arguments:], live))
        changed = [id(h) not in made for h in traced.held if h.new_grad is not None]
        program.outputs[1] = list(compress(program.outputs[1], changed))
        traced.held = [h for h in traced.held if id(h) not in made]
        program.states = [index for h in traced.held for index in h.indices]
        program.writes = [(h.indices[0], h.new) for h in traced.held if h.new is not None]


def _settle_constants(first: Traced, second: Traced) -> set[int]:
    """Make constants of plain arrays that only one run has: they were made in it, and are kept as at their first use,
    read-only. Return the ids of the others, which the program reads at every call."""
    captured = {id(array) for _, array, _ in first.trace.constants.values()}
    captured &= {id(array) for _, array, _ in second.trace.constants.values()}
    for traced in (first, second):
        for index, array, copy in traced.trace.constants.values():
            if id(array) not in captured:
                traced.program.constants[index] = copy
    return captured


def _refuse_difference(first: Traced, second: Traced, function: Any, name: Any) -> None:
    """Refuse two traces that differ in their calls or in their results."""
    differs = difference(first.program, second.program)
    if differs in (None, ENDS):
        place = _defined(function)
        at = f", at {place[0]}:{place[1]}" if place is not None else ""
        try:
            results = different_result(first, second)
        except TraceError as error:  # a value was used after its trace
            raise TraceError(
                f"compile: {name} returns an object that holds values of the trace{at}. Return them in a tuple, a list "
                "or a dict."
            ) from error
        differs = differs if results is None else f" in what they return: {results}{at}"
    if differs is not None:
        raise TraceError(
            f"compile: two runs of {name} with the same arguments differ{differs}. Random numbers are drawn with "
            "ad.extend.draw_random(generator, method, ...); other values that change from call to call are arguments."
        )


def _apart(traced: Traced, inputs: list[Any]) -> Apart:
    """Refuse a state that is written in memory that another value shares."""
    states = [(h.new is not None and k == 0, a) for h in traced.held for k, a in enumerate(h.values())]
    written = {k for k, (new, a) in enumerate(states) if new and isinstance(a, np.ndarray)}
    apart = Apart(written, [array for _, array, _ in traced.trace.constants.values()])
    if not apart.holds([value_of(x) for x in inputs], [a for _, a in states]):
        raise traced.trace.refusal(
            "the function writes into a value whose memory another value that it uses shares (a view of it)",
            "Give one of them memory of its own, with a copy",
        )
    return apart


def _only_read(program: Program, captured: set[int]) -> list[Any]:
    """Return the captured arrays of which nothing computed outside the trace is in the program."""
    constants = list(program.constants.values())
    computed = any(id(a) not in captured for a in constants) or any(
        isinstance(x, np.generic) for i in program.instructions for x in (*i.arguments, *i.keywords.values())
    )
    return [] if computed else constants
