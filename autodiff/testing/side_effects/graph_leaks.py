"""Guards round a block or a call: nothing made in the graph is left over, nothing is mutated, nothing is random.

Here live three checks that stand alone: `graph_leak_check`, `assert_unmutated` and `assert_deterministic`. None of them
looks at a derivative. They watch objects from outside and need no support from the code they watch.

While the cyclic collector is off, every object that Python makes stays in its youngest generation until its last
reference goes: what a block left behind is what stands there afterwards and did not stand there before.
"""

from __future__ import annotations

import copy
import gc
import importlib
import importlib.util
import os
import pickle
import subprocess
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.graph import Node

__all__ = ["assert_deterministic", "assert_unmutated", "graph_leak_check", "left_behind"]

_GRAPH = (Node, ad.Variable)


# ---- nothing is left over
class graph_leak_check:
    """Check that every graph value made in a block is freed, by reference counting alone, when the block ends.

    A context manager (inside it, ``del`` what you named) or a decorator (the locals of the function go by themselves;
    what it returns may stay). The cyclic collector is off inside. A new leaf in an older handle is no leak: that is how
    a Scalar is written. An exception on its way out is let through unchecked, for its traceback holds the frames.

    Args:
        keep: older objects that may hold new graph values afterwards: whatever they lead to is no leak.

    Raises:
        AssertionError: something survived; the message names each value and who holds it.
        RuntimeError: the block ran the cyclic collector, which hides what it freed.

    >>> import autodiff as ad
    >>> @graph_leak_check()
    ... def step():
    ...     x = ad.tensor([1.0, 2.0])
    ...     (x * x).sum().backward()
    ...     return x.grad
    >>> step()
    array([2., 4.])
    >>> with graph_leak_check():
    ...     y = ad.tensor([1.0]) * 2
    Traceback (most recent call last):
    AssertionError: 2 graph values made in this block outlive it:
      the result of multiply, shape (1,), held by the variable 'y'; with 1 more that hang on it
    """

    def __init__(self, *keep: Any) -> None:
        self.keep: list[Any] = list(keep)
        self._open: list[tuple[bool, int, dict[int, weakref.ref[Any]]]] = []

    def __enter__(self) -> graph_leak_check:
        was_on = gc.isenabled()
        gc.disable()
        before = {id(o): weakref.ref(o) for o in gc.get_objects(generation=0) if isinstance(o, _GRAPH)}
        self._open.append((was_on, _collections(), before))
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        was_on, runs, before = self._open.pop()
        try:
            if error is not None:
                return
            if _collections() != runs:
                raise RuntimeError(
                    "graph_leak_check: the cyclic collector ran inside the block (gc.collect()), and what it freed "
                    "cannot be told from what was freed at once. Take gc.collect() out of the block."
                )
            tops, count = _survivors(before, self.keep)
            if tops:
                raise AssertionError(_leak_message(tops, count, sys._getframe(1)))
        finally:
            if was_on:
                gc.enable()

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """As a decorator: what the function returns may outlive it."""

        @wraps(f)
        def run(*args: Any, **kwargs: Any) -> Any:
            with graph_leak_check(*self.keep) as check:
                result = f(*args, **kwargs)
                check.keep.append(result)
            return result

        return run


def left_behind(work: Callable[[], Any]) -> int:
    """How many graph nodes made by ``work()`` survive it, once what it returned is dropped; cheap enough for a loop.

    >>> import autodiff as ad
    >>> held = []
    >>> left_behind(lambda: ad.tensor([1.0]) * 2), left_behind(lambda: held.append(ad.tensor([1.0]) * 2))
    (0, 2)
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        before = {id(o) for o in gc.get_objects(generation=0) if isinstance(o, Node)}
        work()
        return sum(1 for o in gc.get_objects(generation=0) if isinstance(o, Node) and id(o) not in before)
    finally:
        if was_on:
            gc.enable()


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def _survivors(before: dict[int, weakref.ref[Any]], keep: list[Any]) -> tuple[list[weakref.ref[Any]], int]:
    """Young graph values that were not there before and may not stay: those on which no other hangs, and how many.

    Weak references, so that nothing of ours is among the holders when they are looked for.
    """
    young = gc.get_objects(generation=0)
    ids = {id(o) for o in young}
    allowed: set[int] = set()
    todo = list(keep)
    while todo:  # what may stay, with everything that it leads to through young objects and containers
        o = todo.pop()
        if id(o) not in allowed:
            allowed.add(id(o))
            todo += [r for r in gc.get_referents(o) if id(r) in ids or isinstance(r, dict | list | tuple)]
    made = {
        id(o): o
        for o in young
        if isinstance(o, _GRAPH) and id(o) not in allowed and not (id(o) in before and before[id(o)]() is o)
    }
    left = [o for o in made.values() if not (isinstance(o, Node) and o.op is None and _written_leaf(o, made))]
    lower = {id(p) for o in left for p in (o.parents if isinstance(o, Node) else [o.node])}
    tops = [weakref.ref(o) for o in left if id(o) not in lower] or [weakref.ref(o) for o in left[:1]]
    nodes = {id(o if isinstance(o, Node) else o.node) for o in left if isinstance(o, Node) or o.node is not None}
    return tops, len(nodes) + sum(1 for o in left if not isinstance(o, Node) and o.node is None)


def _written_leaf(node: Node, made: dict[int, Any]) -> bool:
    """Whether an older handle holds this leaf: a Scalar gets a new leaf when it is written."""
    return any(isinstance(o, ad.Variable) and id(o) not in made for o in gc.get_referrers(node))


def _leak_message(tops: list[weakref.ref[Any]], count: int, frame: types.FrameType | None) -> str:
    """Who survived and who holds it. Values that only hang on another survivor are counted, not listed."""
    lines = [f"  {_name(o)}, {_holder(o, frame)}" for o in (ref() for ref in tops[:8]) if o is not None]
    rest = count - len(lines)
    if rest > 0 and lines:
        lines[-1] += f"; with {rest} more that hang on {'these' if len(lines) > 1 else 'it'}"
    values, outlive = ("value", "outlives") if count == 1 else ("values", "outlive")
    return "\n".join([f"{count} graph {values} made in this block {outlive} it:", *lines])


def _name(o: Any) -> str:
    node = o if isinstance(o, Node) else o.node
    if node is None:
        return f"a constant, shape {o.shape}"
    what = "a leaf" if node.op is None else f"the result of {node.op.name}"
    return f"{what}, shape {node.shape or ()}" + (f", made at {node.source}" if node.source else "")


def _holder(o: Any, frame: types.FrameType | None) -> str:
    """What keeps an object alive, in words: a variable, a cycle, a closure, a container."""
    while frame is not None:
        for name, value in frame.f_locals.items():
            if value is o:
                return f"held by the variable {name!r}"
        frame = frame.f_back
    cycle = _cycle(o)
    if cycle:
        return f"in a reference cycle ({' -> '.join(cycle)}) that only the cyclic collector frees"
    for holder in gc.get_referrers(o):
        if isinstance(holder, types.CellType):
            users = [f for t in gc.get_referrers(holder) if isinstance(t, tuple) for f in gc.get_referrers(t)]
            named = [f.__qualname__ for f in users if isinstance(f, types.FunctionType)]
            return f"held by a variable of the closure {named[0]}" if named else "held by a closure"
        if isinstance(holder, dict):
            return f"held by a dict, under {next((key for key, value in holder.items() if value is o), '?')!r}"
        if isinstance(holder, list | tuple | set):
            return f"held by a {type(holder).__name__} of {len(holder)}"
        if isinstance(holder, _GRAPH):
            return f"held by {_name(holder)}"
    return "held by something that the collector cannot see"


def _cycle(start: Any) -> list[str]:
    """The shortest way from an object back to itself through young objects, as type names; empty when there is none."""
    young = {id(o) for o in gc.get_objects(generation=0)}
    came: dict[int, Any] = {id(start): None}
    queue: deque[Any] = deque([start])
    while queue:
        o = queue.popleft()
        for r in gc.get_referents(o):
            if r is start:
                names = [type(start).__name__]
                while o is not None:
                    names.append(type(o).__name__)
                    o = came[id(o)]
                return names[::-1]
            if id(r) in young and id(r) not in came and not isinstance(r, types.FrameType | types.ModuleType):
                came[id(r)] = o
                queue.append(r)
    return []


# ---- nothing is mutated
class assert_unmutated:
    """Check that a block leaves arrays as they were: every byte, shape, strides, dtype and flags.

    Args:
        arrays: ndarrays or Tensors (their values), or lists, tuples and dicts of them.

    Raises:
        AssertionError: naming the array and its first changed element, or what else changed.
        TypeError: an argument holds something else.

    >>> x = np.array([3.0, 1.0, 2.0])
    >>> with assert_unmutated(x):
    ...     x.sort()
    Traceback (most recent call last):
    AssertionError: array 0 (float64, shape (3,)) was written in this block: element (0,) was 3.0 and is 1.0
    """

    def __init__(self, *arrays: Any) -> None:
        self.named = [pair for i, a in enumerate(arrays) for pair in _arrays_in(a, f"array {i}")]

    def __enter__(self) -> assert_unmutated:
        self.before = [(a.copy(), _facts(a)) for _, a in self.named]
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            return
        for (name, a), (old, facts) in zip(self.named, self.before, strict=True):
            who = f"{name} ({old.dtype}, shape {old.shape})"
            for fact, value in _facts(a).items():
                if facts[fact] != value:
                    raise AssertionError(f"{who}: its {fact} changed in this block from {facts[fact]} to {value}")
            if a.tobytes() != old.tobytes():
                i = _first_difference(old, a)
                raise AssertionError(f"{who} was written in this block: element {i} was {old[i]} and is {a[i]}")


def _arrays_in(x: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(x, ad.Tensor):
        yield name, x.data
    elif isinstance(x, np.ndarray):
        yield name, x
    elif isinstance(x, dict):
        for key, value in x.items():
            yield from _arrays_in(value, f"{name}[{key!r}]")
    elif isinstance(x, list | tuple):
        for i, value in enumerate(x):
            yield from _arrays_in(value, f"{name}[{i}]")
    else:
        raise TypeError(
            f"assert_unmutated watches arrays, Tensors and containers of them; {name} is a {type(x).__name__}"
        )


def _facts(a: np.ndarray) -> dict[str, Any]:
    flags: tuple[Any, ...] = ("WRITEABLE", "C_CONTIGUOUS", "F_CONTIGUOUS", "ALIGNED", "OWNDATA")
    return {"shape": a.shape, "strides": a.strides, "dtype": a.dtype, **{f"flag {f}": a.flags[f] for f in flags}}


def _first_difference(a: np.ndarray, b: np.ndarray) -> tuple[int, ...]:
    """The first index at which the bytes of two arrays of one shape and dtype differ."""
    pairs = [np.ascontiguousarray(x).reshape(-1).view(np.uint8).reshape(x.size, -1) for x in (a, b)]
    first = int(np.flatnonzero((pairs[0] != pairs[1]).any(axis=1))[0])
    return tuple(int(i) for i in np.unravel_index(first, a.shape))


# ---- nothing is random
_CHILD = """
import importlib, pickle, sys
sys.path[:], module, name, call = pickle.load(sys.stdin.buffer)
from autodiff.testing.side_effects.graph_leaks import _bare
target = importlib.import_module(module)
for part in name.split("."):
    target = getattr(target, part)
args, kwargs = pickle.loads(call)
answer = pickle.dumps(_bare(target(*args, **kwargs)))
sys.stdout.buffer.write(b"answer:" + answer)
"""


def assert_deterministic(f: Callable[..., Any], *args: Any, processes: bool | None = None, **kwargs: Any) -> None:
    """Check that equal calls give equal results, bit for bit: two in this process and two in fresh ones.

    Each call gets copies of the arguments, so that a Generator starts from the same state. The fresh processes differ
    in their hash seed, which shows an order taken from a set.

    Args:
        processes: False stays in this process; by default others are used when f can be imported there by its name and
            the arguments can be pickled.

    Raises:
        AssertionError: results differ; the message names the first place.
        ValueError: processes=True and f cannot be imported by another process.

    >>> assert_deterministic(np.cumsum, np.array([0.1, 0.2]), processes=False)
    >>> rng = np.random.default_rng(0)
    >>> assert_deterministic(lambda: rng.integers(100, 1000000), processes=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: <lambda> is not deterministic: two calls in one process differ: the result was ... and then ...
    """
    name = getattr(f, "__qualname__", repr(f))
    results = [_bare(f(*copy.deepcopy(args), **copy.deepcopy(kwargs))) for _ in range(2)]
    _compare(results[0], results[1], f"{name} is not deterministic: two calls in one process differ")
    if processes is False:
        return
    call = _picklable((args, kwargs))
    if call is None or not _importable(f):
        if processes:
            why = "its arguments cannot be pickled" if call is None else "no other process can import it by its name"
            raise ValueError(f"assert_deterministic: {name} cannot be run in another process, for {why}.")
        return
    for seed in ("1", "2"):
        there = _in_process(f, call, seed)
        _compare(results[0], there, f"{name} is not deterministic: a fresh process with PYTHONHASHSEED={seed} differs")


def _bare(x: Any) -> Any:
    """A result without its graph: handles become their values, containers stay."""
    if isinstance(x, ad.Variable):
        return x.data
    if isinstance(x, dict):
        return {key: _bare(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [_bare(value) for value in x]
    return x


def _picklable(x: Any) -> bytes | None:
    try:
        return pickle.dumps(x)
    except Exception:  # pickling runs foreign code, which may raise anything
        return None


def _importable(f: Callable[..., Any]) -> bool:
    """Whether another process finds this very function under its module and name."""
    module, name = getattr(f, "__module__", None), getattr(f, "__qualname__", "")
    if not module or module == "__main__" or "<" in name or not name:
        return False
    try:
        if module not in sys.builtin_module_names and importlib.util.find_spec(module) is None:
            return False
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return False
    return found is f


def _in_process(f: Callable[..., Any], call: bytes, seed: str) -> Any:
    request = pickle.dumps((sys.path, f.__module__, f.__qualname__, call))
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", _CHILD]
    done = subprocess.run(command, input=request, capture_output=True, env=environment, check=False)
    _, found, answer = done.stdout.partition(b"answer:")
    problem = done.stderr.decode(errors="replace")
    if problem.strip().rpartition("\n")[2].startswith("ModuleNotFoundError"):
        raise ValueError(
            f"another process cannot import what it needs: {problem.strip().rpartition(': ')[2]}. Put the function and "
            "its rule into a module that stands on sys.path."
        )
    if done.returncode or not found:
        raise AssertionError(f"{f.__qualname__} failed in a fresh process:\n{problem}")
    return pickle.loads(answer)


def _compare(a: Any, b: Any, complaint: str, place: str = "the result") -> None:
    """Raise AssertionError at the first place where two results differ in type, shape, dtype or bytes."""
    if isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        for key in a:
            _compare(a[key], b[key], complaint, f"{place}[{key!r}]")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _compare(x, y, complaint, f"{place}[{i}]")
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and (a.shape, a.dtype) == (b.shape, b.dtype):
        if a.tobytes() != b.tobytes() and a.dtype != object:
            at = _first_difference(a, b)
            raise AssertionError(f"{complaint}: {place} at {at} was {a[at]} and then {b[at]}")
    elif not (a is b or (type(a) is type(b) and (a == b or a != a))):
        raise AssertionError(f"{complaint}: {place} was {a!r} and then {b!r}")
