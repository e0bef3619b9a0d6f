"""checkpoint: save nothing inside a function, and run it again in the backward pass.

The first run is recorded and its graph is dropped; kept are the arguments, the states of the random generators, and a
checksum of every operation: its name, its parents, and all that its rules would read. The second run has to give the
same checksums. So every change that could alter a derivative (a value was written, another mode, a generator was not
found, another branch was taken) is refused, and every other change is allowed.
Never here: a derivative of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..backward import collect, pull
from ..batching.handle import bottom, frames_of, in_frames, inside, open_frames, with_bottom
from ..errors import GraphError, StaleValueError
from ..graph import Node, leaf, tick
from ..modes import OFF, in_state, state
from ..other_arrays import is_foreign
from ..recording import record_operands
from ..registry import OPS, Op
from ..variable import Scalar, Variable, is_live, wrap
from ..writes.write_marks import watch_writes
from .containers import flatten
from .custom_rules import with_rule
from .evaluation import Function
from .generators import states_of_generators

# An argument inside the function: the same array, under a node of its own, so that a captured use of it is distinct.
ARGUMENT = Op(
    lambda x: x, lambda g: g, name="argument", inputs="x", linear=True, elementwise=True, complex=True, doc="x."
)


def checkpoint(f: Function) -> Function:
    """Return f as a function that saves nothing inside: backward runs it again. Trades time for memory.

    f takes and returns arrays, numbers, Tensors, Scalars, and nested lists, tuples and dicts of them. Captured
    values (a module's parameters) get gradients too. The second run has the modes of the first (``no_grad``, scopes)
    and the same random numbers: the states of generators are put back when they are found among the arguments, the
    captured values, the modules that f uses, and in ``np.random`` and ``random``. The gradients are those of f, bit for
    bit; of several outputs each runs f again by itself, and their shares meet at the arguments: sums round differently.

    Raises StaleValueError in ``backward`` when the second run differs from the first in anything that a derivative
    reads, and GraphError at once when f writes into its arguments or through the library: a second run would write
    again. Griewank and Walther (2000), "Algorithm 799: revolve". PyTorch: ``torch.utils.checkpoint.checkpoint``; JAX:
    ``jax.checkpoint``.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.5])
    >>> ad.checkpoint(lambda x: np.tanh(np.sin(x)))(x).sum().backward()
    >>> x.grad
    array([0.703...])
    """
    if not callable(f):
        raise TypeError(f"checkpoint needs a function; got {type(f).__name__}. Write ad.checkpoint(f)(x).")

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        now = state()
        if now.floor == OFF or now.trace is not None:  # a compiled program has its own plan of kept values
            return f(*args, **kwargs)
        if open_frames():
            return _of_all_examples(f, args, kwargs)
        call = _Call(f, args, kwargs)
        return call.first()

    return run


def _of_all_examples(f: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Run a checkpointed function inside ``vmap``, as a function of the arrays of all examples."""
    frames = open_frames()
    made: list[Any] = []
    leaves, rebuild = flatten([list(args), kwargs])

    @wraps(f)
    def whole(*bottoms: Any) -> Any:
        given = rebuild([with_bottom(x, b) for x, b in zip(leaves, bottoms, strict=True)])
        outs, put_together = flatten(inside(frames, f, *given[0], **given[1]))
        made[:] = [[frames_of(y) for y in outs], put_together]
        return [bottom(y) for y in outs]

    outs = inside((), checkpoint(whole), *map(bottom, leaves))
    return made[1]([in_frames(y, on) for y, on in zip(outs, made[0], strict=True)])


class _Call:
    """One call of a checkpointed function, and how to run it again."""

    def __init__(self, f: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.f, self.name = f, str(getattr(f, "__name__", None) or type(f).__name__)
        self.args, self.kwargs = args, kwargs
        self.live = list({id(x): x for x in flatten([list(args), kwargs])[0] if _is_live(x)}.values())
        self.generators = states_of_generators(f, args, kwargs)
        self.state = state()

    def evaluate(self, given: list[Any]) -> tuple[list[Any], Any]:
        """Run f on other handles in the places of its live arguments; return the output's leaves and a function that
        rebuilds its nesting."""
        of = {id(x): new for x, new in zip(self.live, given, strict=True)}
        args, kwargs = _replaced(self.args, of), _replaced(self.kwargs, of)
        before, nodes = flatten([list(args), kwargs])[0], [x.node for x in given]
        with watch_writes() as written:
            out = self.f(*args, **kwargs)
        if written():  # values local to f are freed by now
            raise GraphError(
                f"checkpoint: {self.name} writes into a value (x.data = v, x[i] = v or an optimizer's step), and it "
                "would write again when it is run again. Return the new value, and write it outside."
            )
        after = flatten([list(args), kwargs])[0]
        if [id(x) for x in after] != [id(x) for x in before] or [x.node for x in given] != nodes:
            raise GraphError(
                f"checkpoint: {self.name} changes an argument (x += v, x[i] = v, or a list that it appends to), which "
                "the caller would not see. Return the new value instead."
            )
        return flatten(out)

    def first(self) -> Any:
        """Run f, and put one node in place of the graph of each output."""
        start = tick()
        inside = [_argument(x, x) for x in self.live]
        outs, rebuild = self.evaluate(inside)
        self.trace = _Trace(outs, [x.node for x in inside], start)
        handed = {id(a): x for a, x in zip(inside, self.live, strict=True)}
        own = {a.node: x for a, x in zip(inside, self.live, strict=True)}
        return rebuild([handed[id(y)] if id(y) in handed else self.one_node(k, y, own) for k, y in enumerate(outs)])

    def one_node(self, k: int, y: Any, own: dict[Node, Any]) -> Any:
        """Return output k as one node over the arguments and the captured values that it depends on."""
        if not isinstance(y, Variable) or y.node is None or y.node in self.trace.foreign:
            return y  # a constant, or a captured value that f returns as it is
        reached = set(collect([y.node], stop=[*own, *self.trace.foreign]))
        places = [i for i, n in enumerate(own) if n in reached]
        captured = [j for j, n in enumerate(self.trace.foreign) if n in reached]
        zero = [_stand_in(self.trace.foreign[j]) for j in captured]
        if not places and not captured:
            return y

        def rule(g: Any, xs: tuple[Any, ...]) -> list[Any]:
            return self.pull(k, g, xs[: len(self.live)], places, captured)

        # Every argument is saved, for the second run; an argument that y does not depend on is a constant here.
        given = [x if n in reached else x.detach() for n, x in own.items()]
        out = with_rule(self.name, y.data, [*given, *zero], rule)
        return OPS["to_scalar"](out) if isinstance(y, Scalar) and not isinstance(out, Scalar) else out

    def pull(self, k: int, g: Any, xs: Sequence[Any], places: list[int], captured: list[int]) -> list[Any]:
        """Run again on the values of the arguments, with modes and generators as they were, and pull g through output
        k."""
        now = [(r, get(r)) for r, get, _, _ in self.generators]
        start = tick()
        try:
            for r, _, put, s in self.generators:
                put(r, s)
            with in_state(self.state):
                inside = [_argument(x, old) for x, old in zip(xs, self.live, strict=True)]
                outs, _ = self.evaluate(inside)
        finally:
            for (r, _, put, _), (_, s) in zip(self.generators, now, strict=True):
                put(r, s)
        again = _Trace(outs, [x.node for x in inside], start)
        again.compare(self.trace, self.name)
        wanted = [inside[i].node for i in places] + [again.foreign[j] for j in captured]
        nodes = collect([outs[k].node], stop=[*(x.node for x in inside), *again.foreign])
        recorded = any(isinstance(x, Variable) for x in (g, *xs))
        if recorded and not isinstance(g, Variable):
            g = wrap(g, None)  # a constant cotangent, one of the many of a Jacobian
        found = pull({outs[k].node: g}, nodes, wanted=wanted, recorded=recorded, foreign=again.foreign, inner=True)
        given = dict(zip(places, wanted, strict=False))
        return [found.get(given[i]) if i in given else None for i in range(len(inside))] + [
            found.get(n) for n in wanted[len(places) :]
        ]


def _is_live(x: Any) -> bool:
    return isinstance(x, Variable) and is_live(x)


def _replaced(x: Any, of: dict[int, Any]) -> Any:
    """Return x with other handles in place of those in ``of`` (by id); a container without one is not copied."""
    if isinstance(x, dict):
        new: Any = {key: _replaced(v, of) for key, v in x.items()}
        return new if any(new[key] is not x[key] for key in x) else x
    if isinstance(x, list | tuple):
        new = [_replaced(v, of) for v in x]
        if all(a is b for a, b in zip(new, x, strict=True)):
            return x
        return type(x)(*new) if hasattr(x, "_fields") else type(x)(new)
    return of.get(id(x), x)


def _argument(x: Any, first: Variable) -> Any:
    """Return a live argument inside the function, of the kind it had at first; a raw value, in a pass that is not
    recorded, as a leaf.
    """
    if isinstance(x, Variable):
        return record_operands(ARGUMENT, (x,), {})
    x = float(x) if isinstance(first, Scalar) else x
    return wrap(x, leaf(x))


def _stand_in(node: Node) -> Any:
    """Return a handle for a captured node, whose value is not read: no memory for it."""
    if node.shape is None:
        return wrap(0.0, node)
    return wrap(np.broadcast_to(np.zeros((), node.dtype), node.shape), node)


# ---- comparing two runs
class _Trace:
    """A checksum for each operation of a run, oldest first, and the nodes from outside."""

    def __init__(self, outs: Sequence[Any], arguments: Sequence[Node], start: int) -> None:
        roots = [y.node for y in outs if isinstance(y, Variable) and y.node is not None]
        places: dict[Node, int] = {n: i for i, n in enumerate(arguments)}
        inside = [n for n in collect(roots, floor=start, stop=arguments) if n.op is not None and n.serial >= start]
        inside = [n for n in reversed(inside) if n not in places]
        self.foreign: list[Node] = []  # captured, or leaves that f makes
        self.start = start
        own: set[Node] = set(inside)
        sums: dict[int, Any] = {}
        self.marks: list[tuple[Any, ...]] = []
        for n in (*inside, *roots):
            for p in (*n.parents, n) if n in own else (n,):
                if isinstance(p, Node) and p not in places:
                    places[p] = len(places)
                    if p not in own:
                        self.foreign.append(p)
        for n in inside:
            parents = tuple([places[p] if isinstance(p, Node) else _checksum(p, sums) for p in n.parents])
            self.marks.append((n.op.name, n.shape, str(n.dtype), parents, _checksum(n.saved, sums)))
        self.marks.append(("outputs", *[_output(y, places, sums) for y in outs]))

    def compare(self, first: _Trace, name: str) -> None:
        """Raise StaleValueError when this run differs from the first one."""
        same = len(self.foreign) == len(first.foreign) and all(
            a is b or (a.op is None and b.op is None and a.serial >= self.start and b.serial >= first.start)
            for a, b in zip(self.foreign, first.foreign, strict=True)
        )
        if same and self.marks == first.marks:
            return
        pairs = zip(self.marks, first.marks, strict=False)
        differs = next((b for a, b in pairs if a != b), first.marks[-1])
        where = "its outputs" if differs[0] == "outputs" else f"{differs[0]} (output {differs[1] or ()})"
        raise StaleValueError(
            f"checkpoint: run again for the backward pass, {name} did other than at first: {where} differs. A value "
            "that it reads was overwritten since, a mode was switched (train, eval, requires_grad), or it draws random "
            "numbers from a generator that checkpoint did not find: pass the generator as an argument. Run backward() "
            "before the change, or leave checkpoint out."
        )


def _output(y: Any, places: dict[Node, int], sums: dict[int, Any]) -> Any:
    if isinstance(y, Variable):
        return type(y).__name__, _checksum(y._data, sums), None if y.node is None else places.get(y.node)
    return _checksum(y, sums)


def _checksum(x: Any, sums: dict[int, Any]) -> Any:
    """Return a small value that differs when x differs. sums: the checksums of arrays that were met before and are
    still alive."""
    if isinstance(x, np.ndarray):
        found = sums.get(id(x))
        if found is None:
            found = sums[id(x)] = (x.shape, str(x.dtype), _checksum_of_array(x))
        return found
    if isinstance(x, tuple | list):
        return tuple([_checksum(v, sums) for v in x])
    if is_foreign(x):  # its numbers are not looked at
        return x.shape, str(x.dtype)
    if isinstance(x, float | np.floating):
        return float(x).hex()
    return x if x is None or isinstance(x, bool | int | str) else repr(x)


def _checksum_of_array(a: Any) -> Any:
    if a.dtype.kind in "fc" and a.dtype.itemsize > (8 if a.dtype.kind == "f" else 16):  # a long double has unused bytes
        narrow = a.astype(complex if a.dtype.kind == "c" else float)
        return _checksum_of_array(narrow), _checksum_of_array((a - narrow).astype(narrow.dtype))
    if a.dtype.hasobject:
        return repr(a.tolist())
    return zlib.crc32(np.ascontiguousarray(a).reshape(-1).view(np.uint8).data) if a.size else 0
