"""Pure function to function: grad, vjp, jvp, jacobian, hessian, hvp, checkpoint, custom_vjp; all on the one walk.

A transform wraps its arguments in nodes of its own, runs the function, and walks the graph between its result and
those nodes. When another recorded value is reachable from the result (an outer derivative's argument, a model's
parameters), the walk is recorded and the answer is a Tensor in that graph; otherwise the answer is plain. Arguments
may be arrays, numbers, Tensors, and nested lists, tuples and dicts of them. Never here: a second set of rules.
Forward mode uses the same rows: an elementwise rule is its own transpose, a linear operation is its own derivative,
and any other rule is transposed by the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..backward import collect, fit, handles, pull, silence
from ..errors import GraphError, kind_of
from ..graph import Node, leaf, tick
from ..modes import OFF, mode, state
from ..recording import plain_array, record_operands
from ..registry import OPS, Op
from ..variable import Scalar, Variable, is_live, plain, wrap

Function = Callable[..., Any]


# ---- nested containers
def flatten(x: Any) -> tuple[list[Any], Callable[[Iterable[Any]], Any]]:
    """The leaves of nested lists, tuples and dicts, and a function that puts others in their places."""
    leaves: list[Any] = []
    shape = _take_apart(x, leaves)
    return leaves, lambda values: _put_together(shape, iter(values))


def flatten_as(x: Any, like: Any, what: str) -> list[Any]:
    """The leaves of x in the order of those of ``like``, which must be nested in the same way; dicts match by key."""
    if isinstance(like, dict):
        if not isinstance(x, dict) or x.keys() != like.keys():
            raise ValueError(f"{what} must be a dict with the keys {list(like)}; got {_nesting(x)}.")
        return [leaf for key in like for leaf in flatten_as(x[key], like[key], what)]
    if isinstance(like, list | tuple):
        if not isinstance(x, list | tuple) or len(x) != len(like):
            raise ValueError(f"{what} must be a {type(like).__name__} of {len(like)} parts; got {_nesting(x)}.")
        return [leaf for part, mould in zip(x, like, strict=True) for leaf in flatten_as(part, mould, what)]
    if isinstance(x, dict | tuple):
        raise ValueError(f"{what} must be an array or a number; got {_nesting(x)}.")
    return [x]


def _nesting(x: Any) -> str:
    if isinstance(x, dict):
        return f"a dict with the keys {list(x)}"
    return f"a {type(x).__name__} of {len(x)} parts" if isinstance(x, list | tuple) else kind_of(x)


# Two functions of the module and not of ``flatten``: one that calls itself by its own cell is a cycle, which would keep
# every array it saw until the cyclic collector runs.
def _take_apart(x: Any, leaves: list[Any]) -> Any:
    if isinstance(x, dict):
        return dict, list(x), [_take_apart(v, leaves) for v in x.values()]
    if isinstance(x, list | tuple):
        return type(x), None, [_take_apart(v, leaves) for v in x]
    leaves.append(x)
    return None


def _put_together(shape: Any, values: Iterator[Any]) -> Any:
    if shape is None:
        return next(values)
    kind, keys, parts = shape
    items = [_put_together(p, values) for p in parts]
    if kind is dict:
        return dict(zip(keys, items, strict=True))
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _map(f: Function, x: Any) -> Any:
    leaves, rebuild = flatten(x)
    return rebuild([f(v) for v in leaves])


class _Run:
    """One evaluation of a function on nodes of our own: the arguments' nodes, the result, and what it depends on."""

    def __init__(self, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: dict[str, Any]) -> None:
        now = state()
        self.start = tick()
        self.floor = self.start if now.floor == OFF else now.floor  # under no_grad only our own nodes record
        self.leaves: list[list[Any]] = []  # handles, one list a differentiated argument
        self.rebuild = []
        args = list(args)
        with mode(floor=self.floor):
            for i in argnums:
                values, rebuild = flatten(args[i])
                lifted = [_lift(v, i) for v in values]
                self.leaves.append(lifted)
                self.rebuild.append(rebuild)
                args[i] = rebuild(lifted)
            self.out = f(*args, **kwargs)
        self.inner = [x.node for group in self.leaves for x in group]

    def reach(self, roots: list[Node]) -> None:
        """Collect what the roots depend on; ``recorded`` says whether another recorded value is among it: an older one,
        for the leaves that f made, those of a transform inside it, are known to nobody outside.
        """
        self.nodes = collect(roots, self.floor, self.inner)
        self.recorded = any(n.op is None and n.serial < self.start for n in self.nodes) or any(
            n.parents for n in self.inner if n in set(self.nodes)
        )

    def pull(self, seeds: dict[Node, Any], release: bool = False) -> list[Any]:
        """Cotangents of the arguments, one container for each."""
        recorded = self.recorded or any(isinstance(s, Variable) and is_live(s) for s in seeds.values())
        with mode(floor=self.floor):
            if recorded:
                seeds = {n: s if isinstance(s, Variable) else wrap(s, None) for n, s in seeds.items()}
            found = pull(seeds, self.nodes, wanted=self.inner, recorded=recorded, release=release)
        return [
            rebuild([_cotangent(found.get(x.node), x) for x in group])
            for group, rebuild in zip(self.leaves, self.rebuild, strict=True)
        ]

    def result(self, x: Any) -> Any:
        """What the caller gets of a value computed inside: recorded only if it can depend on another recorded value."""
        return x if self.recorded else _map(plain, x)


def _lift(v: Any, i: int) -> Any:
    """An argument as a value that we differentiate; a recorded one stays connected to where it came from."""
    if isinstance(v, Variable):
        if is_live(v):
            return OPS["positive"](v)
        v = v.data
    if isinstance(v, bool | np.bool_) or not isinstance(v, float | int | np.ndarray | np.generic):
        raise TypeError(
            f"argument {i} cannot be differentiated: got {kind_of(v)}. "
            "Pass floating arrays or numbers, or choose others with argnums=."
        )
    if isinstance(v, float | int) and not isinstance(v, np.generic):
        return wrap(float(v), leaf(float(v)))
    data = np.array(plain_array(v))
    if data.dtype.kind != "f":
        raise TypeError(
            f"argument {i} cannot be differentiated: {kind_of(data)}. "
            "Pass floats (x.astype(float)), or choose others with argnums=."
        )
    return wrap(data, leaf(data))


def _cotangent(g: Any, x: Variable) -> Any:
    if g is None:
        return 0.0 if isinstance(x, Scalar) else np.zeros(x.shape, x.dtype)
    if isinstance(g, np.ndarray) and (g.base is not None or not g.flags.writeable):
        return g.copy()
    return g


def _argnums(argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    wanted = (argnums,) if isinstance(argnums, int | np.integer) else tuple(argnums)
    for i in wanted:
        if not -count <= i < count:
            raise ValueError(f"argnums={argnums} but the function was called with {count} positional arguments.")
    places = tuple(i % count for i in wanted)
    if len(set(places)) < len(places):
        raise ValueError(f"argnums={argnums} names one of the {count} positional arguments twice.")
    return places


def _check_use(who: str, f: Any, argnums: Any) -> None:
    """The two slips of the first hour: a value in the place of the function, and the argument beside it."""
    if not callable(f):
        raise TypeError(
            f"{who} needs a function; got {kind_of(f)}. For the gradient of a value that is already computed write "
            "y.backward() and read x.grad."
        )
    numbers = argnums if isinstance(argnums, tuple | list) else [argnums]
    if not all(isinstance(i, int | np.integer) for i in numbers):
        raise TypeError(
            f"{who}: argnums must be an integer or several; got {kind_of(argnums)}. "
            f"The arguments of f follow in a call of their own: ad.{who}(f)(x)."
        )


# ---- reverse mode
def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns ``(f(*args), gradient)``; see ``grad``. With has_aux: ``((value, aux), gradient)``.

    >>> import autodiff as ad, numpy as np
    >>> ad.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (array(5.), array([2., 4.]))
    """
    _check_use("value_and_grad", f, argnums)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        ours = _Run(f, args, _argnums(argnums, len(args)), kwargs)
        if has_aux and not (isinstance(ours.out, tuple) and len(ours.out) == 2):
            raise TypeError(
                f"has_aux=True needs a function that returns (value, aux); it returned {kind_of(ours.out)}."
            )
        out, aux = ours.out if has_aux else (ours.out, None)
        _single(out, "grad")
        node = out.node if isinstance(out, Variable) else None
        ours.reach([node] if node is not None else [])
        seeds = {} if node is None else {node: 1.0 if node.shape is None else np.ones(node.shape, node.dtype)}
        gradients = ours.pull(seeds, release=not ours.recorded)
        value = ours.result(out)
        gradient = gradients[0] if isinstance(argnums, int | np.integer) else tuple(gradients)
        return ((value, ours.result(aux)) if has_aux else value), gradient

    return run


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns a single number, as a function of the same arguments.

    argnums: which positional arguments (an int, or several for a tuple of gradients). has_aux: f returns ``(value,
    aux)`` and the answer is ``(gradient, aux)``. A gradient has the shape and dtype of its argument, and its nesting.
    Complex arguments are not differentiated yet (and would follow PyTorch's convention, the conjugate of JAX's).
    Raises TypeError for integers and for an f that returns more than one number.

    >>> import autodiff as ad, numpy as np
    >>> ad.grad(np.tanh)(0.5)
    0.7864477329659274
    >>> ad.grad(ad.grad(lambda x: x**3))(2.0)
    12.0
    """
    _check_use("grad", f, argnums)
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return run


def _single(out: Any, who: str) -> None:
    if isinstance(out, Variable | float | int | np.generic | np.ndarray) and np.size(getattr(out, "_data", out)) == 1:
        return
    raise TypeError(
        f"{who} needs a function that returns a single number; it returned {kind_of(out)}. "
        "Sum it, or use ad.jacobian or ad.vjp."
    )


def vjp(f: Function, *primals: Any, **kwargs: Any) -> tuple[Any, Function]:
    """``(f(*primals), pullback)``: pullback(cotangent) gives a tuple with the cotangent of each primal; call it as
    often as needed.

    The cotangent has the nesting and shapes of the output.

    >>> import autodiff as ad, numpy as np
    >>> y, pullback = ad.vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    ours = _Run(f, primals, range(len(primals)), kwargs)
    outs, _ = flatten(ours.out)
    nodes = [y.node if isinstance(y, Variable) else None for y in outs]
    ours.reach([n for n in nodes if n is not None])

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        given = flatten_as(cotangent, ours.out, "the cotangent")
        seeds: dict[Node, Any] = {}
        for node, y, c in zip(nodes, outs, given, strict=True):
            if np.shape(plain(c)) != np.shape(plain(y)):
                raise ValueError(f"a cotangent must have its output's shape {np.shape(plain(y))}; got {kind_of(c)}.")
            if node is not None:
                c = fit(c if isinstance(c, Variable) else np.asarray(c), node)
                seeds[node] = c if node not in seeds else seeds[node] + c
        return tuple(ours.pull(seeds))

    return ours.result(ours.out), pullback


# ---- forward mode
def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], **kwargs: Any) -> tuple[Any, Any]:
    """``(f(*primals), J t)``: the value and its derivative along the tangents, in one forward sweep.

    primals, tangents: sequences of equal nesting and shapes.

    >>> import autodiff as ad, numpy as np
    >>> ad.jvp(np.sin, (0.0,), (2.0,))
    (0.0, 2.0)
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list) or len(primals) != len(tangents):
        raise TypeError("jvp(f, primals, tangents) needs two sequences of equal length: jvp(f, (x,), (v,)).")
    ours = _Run(f, primals, range(len(primals)), kwargs)
    given = flatten_as(tangents, primals, "tangents")
    start: dict[Node, Any] = {}
    for node, v in zip(ours.inner, given, strict=True):
        if np.shape(plain(v)) != (node.shape or ()):
            raise ValueError(f"a tangent must have its primal's shape {node.shape or ()}; got {kind_of(v)}.")
        start[node] = fit(v if isinstance(v, Variable) else np.asarray(v), node)
    outs, rebuild = flatten(ours.out)
    ours.reach([y.node for y in outs if isinstance(y, Variable) and y.node is not None])
    recorded = ours.recorded or any(isinstance(v, Variable) and is_live(v) for v in start.values())
    with mode(floor=ours.floor), np.errstate(all="ignore"):
        found = push(start, ours.nodes, recorded)
    result = [
        _cotangent(None if y.node is None else found.get(y.node), y) if isinstance(y, Variable) else np.zeros_like(y)
        for y in outs
    ]
    return (ours.out if recorded else ours.result(ours.out)), rebuild(result)


def push(start: dict[Node, Any], nodes: list[Node], recorded: bool) -> dict[Node, Any]:
    """Tangents of every node that depends on those in ``start``; nodes newest first, as ``collect`` gives them."""
    found = {n: wrap(t, None) if recorded and not isinstance(t, Variable) else t for n, t in start.items()}
    for node in reversed(nodes):
        if node in start or node.op is None:
            continue
        total = None
        if node.saved is None:
            raise GraphError("forward mode over a graph that a backward pass has consumed; compute the value again.")
        saved: Any = handles(node) if recorded else node.saved
        for i, p in enumerate(node.parents):
            if not isinstance(p, Node) or p not in found:
                continue
            if node.is_float_operation and not recorded:
                t = found[p] * saved[i]
            else:
                t = fit(_push_operand(node, i, found[p], saved[i], recorded), node)
            total = t if total is None else total + t
        if total is not None:
            found[node] = total if node.shape is None or isinstance(total, Variable) else np.asarray(total)
    return found


def _push_operand(node: Node, i: int, t: Any, args: tuple[Any, ...], recorded: bool) -> Any:
    """J t for one operand, from the same row that gives the transpose."""
    op, rule = node.op, node.op.rule(i)
    if op.elementwise:  # a diagonal matrix is its own transpose
        d = rule(t, *args)
        return silence(d, t) if op.singular else d
    if op.linear:
        static = node.static or {}
        return op(t, **static) if recorded else op.fn(t, **static)
    u = wrap(np.ones(node.shape or ()), None)  # transpose the rule: it is linear in its cotangent
    u.node = leaf(u.data)
    p = node.parents[i]
    c = rule(u, *args)
    if not isinstance(c, Variable) or c.node is None:
        return np.zeros(node.shape or ())
    c = fit(c, p)
    own = collect([c.node], floor=u.node.serial)
    if recorded and not isinstance(t, Variable):
        t = wrap(t, None)
    found = pull({c.node: t}, own, wanted=[u.node], recorded=recorded)[u.node]
    return np.zeros(node.shape or ()) if found is None else found


# ---- matrices of derivatives
def jacobian(f: Function, argnums: int = 0, mode: str | None = None) -> Function:
    """All derivatives of an array-valued function: an array of shape ``output.shape + argument.shape``.

    mode: "reverse" (one pull an output element), "forward" (one push an input element), or None for the cheaper.

    >>> import autodiff as ad, numpy as np
    >>> ad.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    if mode not in (None, "reverse", "forward"):
        raise ValueError(f"jacobian: mode must be 'reverse', 'forward' or None; got {mode!r}.")
    _check_use("jacobian", f, argnums)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not isinstance(argnums, int):
            raise TypeError(f"jacobian and hessian take one argument number; got {argnums!r}. Call them once for each.")
        (i,) = _argnums(argnums, len(args))

        def of_one(x: Any) -> Any:
            return f(*args[:i], x, *args[i + 1 :], **kwargs)

        x = args[i]
        if isinstance(x, list | tuple | dict):
            raise TypeError(
                f"jacobian needs an array as argument {i}; got {type(x).__name__}. "
                "Choose one with argnums=, or stack them."
            )
        shape = np.shape(plain(x))
        if mode == "forward":
            return _columns(of_one, x, shape)
        y, pullback = vjp(of_one, x)
        if not isinstance(plain(y), np.ndarray | float | int | np.generic):
            raise TypeError(f"jacobian needs a function that returns one array; it returned {type(y).__name__}.")
        out = np.shape(plain(y))
        if mode is None and int(np.prod(out)) > int(np.prod(shape)):
            return _columns(of_one, x, shape)
        rows = [pullback(e if out else float(e))[0] for e in _basis(out)]
        return _assemble(rows, out + shape, 0)

    return run


def _basis(shape: tuple[int, ...]) -> Iterable[np.ndarray]:
    for k in range(int(np.prod(shape))):
        e = np.zeros(shape)
        e.reshape(-1)[k] = 1.0
        yield e


def _columns(f: Function, x: Any, shape: tuple[int, ...]) -> Any:
    columns = [jvp(f, (x,), (e if shape else float(e),))[1] for e in _basis(shape)]
    out = np.shape(plain(columns[0])) if columns else np.shape(plain(f(x)))
    return _assemble(columns, out + shape, -1)


def _assemble(parts: list[Any], shape: tuple[int, ...], axis: int) -> Any:
    if not parts:
        return np.zeros(shape)
    if not shape:
        return parts[0]
    return np.reshape(np.stack(parts, axis=axis), shape)


def hessian(f: Function, argnums: int = 0) -> Function:
    """All second derivatives of a function that returns a single number: shape ``argument.shape * 2``.

    >>> import autodiff as ad, numpy as np
    >>> ad.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="reverse")


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Hessian times vector without the Hessian (Pearlmutter 1994): a tuple, one entry a primal; a single primal gives
    its array.

    >>> import autodiff as ad, numpy as np
    >>> ad.hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    _, pullback = vjp(grad(f, tuple(range(len(primals)))), *primals)
    result = pullback(tuple(tangents))
    return result[0] if len(primals) == 1 else result


# ---- functions with a rule of their own
def _with_rule(name: str, y: Any, operands: Sequence[Any], rule: Function) -> Any:
    """y as the recorded output of an operation made on the spot; ``rule(g, y, operands)`` gives all cotangents at
    once.
    """
    memo: list[Any] = [None, None]

    def one(g: Any, i: int, y: Any, xs: tuple[Any, ...]) -> Any:
        if memo[0] is not g:
            memo[:] = [g, rule(g, y, xs)]
        d = memo[1][i]
        if i == last:
            memo[:] = [None, None]
        return np.zeros(np.shape(plain(xs[i]))) if d is None else d

    last = max((i for i, x in enumerate(operands) if isinstance(x, Variable) and is_live(x)), default=-1)
    row = Op(lambda *xs: y, one, name=name, inputs="*xs", doc=name)
    return record_operands(row, operands, {})


def _strip(args: Sequence[Any]) -> list[Any]:
    return [plain(x) for x in args]


class custom_vjp:
    """A function with a derivative rule of your own: ``f.defvjp(fwd, bwd)``, as in JAX.

    fwd(*args) returns ``(output, residuals)``; bwd(residuals, g) returns one cotangent for each argument (None for
    zero). They get plain arrays; when the derivative itself is differentiated they are run on Tensors, so write them
    in NumPy functions.

    >>> import autodiff as ad, numpy as np
    >>> @ad.custom_vjp
    ... def cube(x):
    ...     return x**3
    >>> cube.defvjp(lambda x: (x**3, x), lambda x, g: (g * 3 * x**2,))
    >>> ad.grad(cube)(2.0), ad.grad(ad.grad(cube))(2.0)
    (12.0, 12.0)
    """

    def __init__(self, f: Function) -> None:
        self.f, self.fwd, self.bwd = f, None, None
        self.__name__, self.__doc__ = getattr(f, "__name__", "custom"), f.__doc__

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Set the forward function and the derivative rule."""
        self.fwd, self.bwd = fwd, bwd  # type: ignore[assignment]

    def __call__(self, *args: Any) -> Any:
        if self.fwd is None or self.bwd is None:
            raise GraphError(
                f"{self.__name__} has no derivative rule yet: call {self.__name__}.defvjp(fwd, bwd) first."
            )
        fwd, bwd, name = self.fwd, self.bwd, self.__name__
        if not any(isinstance(x, Variable) and is_live(x) for x in args):
            if any(isinstance(x, Variable) and is_live(x) for x in flatten(args)[0]):
                raise GraphError(
                    f"{name} got a recorded value inside a list or dict: pass it as an argument of its own."
                )
            return self.f(*args)
        made = fwd(*_strip(args))
        if not isinstance(made, tuple) or len(made) != 2 or isinstance(made[0], list | tuple | dict):
            raise GraphError(
                f"the forward function of {name} must return (one array, residuals); got {_nesting(made)}."
            )
        y, residuals = made
        if isinstance(y, Variable):
            if is_live(y):
                raise GraphError(
                    f"the forward function of {name} read a recorded value that is none of its arguments, whose "
                    "gradient would be lost: pass it as an argument."
                )
            y = y.data

        def rule(g: Any, y: Any, xs: tuple[Any, ...]) -> Any:
            again = any(isinstance(x, Variable) for x in (g, *xs))
            cotangents = bwd(fwd(*xs)[1] if again else residuals, g)
            if not isinstance(cotangents, tuple | list) or len(cotangents) != len(xs):
                raise GraphError(
                    f"the rule of {name} must return {len(xs)} cotangents, one for each argument; "
                    f"got {kind_of(cotangents)}."
                )
            for i, (c, x) in enumerate(zip(cotangents, xs, strict=True)):
                _check_cotangent_shape(name, i, c, x)
            return [c.copy() if isinstance(c, np.ndarray) else c for c in cotangents]

        return _with_rule(name, y, args, rule)


def _check_cotangent_shape(name: str, i: int, c: Any, x: Any) -> None:
    """A rule may leave the sum over broadcast axes to the walk; what is smaller than its argument lost something."""
    if c is None:
        return
    want, got = np.shape(plain(x)), np.shape(plain(c))
    if got != want and (
        len(got) < len(want) or any(w not in (1, n) for w, n in zip(want[::-1], got[::-1], strict=False))
    ):
        raise GraphError(
            f"the rule of {name} returned a cotangent of shape {got} for argument {i} of shape {want}; "
            "return one of the argument's shape."
        )


def checkpoint(f: Function) -> Function:
    """The same function, saving nothing inside: backward runs it again (Griewank and Walther 2000). Trades time for
    memory.

    f takes and returns arrays or Tensors; what it captures (a module's parameters) gets its gradient too. The states
    of generators are replayed: those passed as keywords, and those that ``f.generators()`` names, as a module does.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.5])
    >>> ad.checkpoint(lambda x: np.tanh(np.sin(x)))(x).sum().backward()
    >>> x.grad
    array([0.703...])
    """

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        used = [*kwargs.values(), *(f.generators() if hasattr(f, "generators") else ())]
        states = [(r, r.bit_generator.state) for r in used if isinstance(r, np.random.Generator)]
        start = tick()
        first = f(*args, **kwargs)
        if state().floor == OFF:
            return first
        outs, rebuild = flatten(first)
        call = _Call(f, args, kwargs, states)
        return rebuild([call.as_one_node(k, y, start) if isinstance(y, Variable) else y for k, y in enumerate(outs)])

    return run


class _Call:
    """One call of a checkpointed function, and how to run it again."""

    def __init__(self, f: Function, args: Sequence[Any], kwargs: dict[str, Any], states: list[tuple[Any, Any]]) -> None:
        self.f, self.args, self.kwargs, self.states = f, args, kwargs, states
        self.given = [x for x in args if isinstance(x, Variable) and is_live(x)]

    def as_one_node(self, k: int, y: Variable, start: int) -> Any:
        """Output k as one node over the arguments and over every recorded value that the function captured."""
        if y.node is None or y.node.serial < start:
            return y  # a constant, or an argument handed through
        own = {x.node for x in self.given}
        inside = [n for n in collect([y.node], floor=start) if n.serial >= start]
        outside = {p for n in inside for p in n.parents if isinstance(p, Node) and p.serial < start} - own
        captured = [
            wrap(n.value if n.value is not None else np.zeros(n.shape), n)
            for n in sorted(outside, key=lambda n: n.serial)
        ]

        def rule(g: Any, y: Any, xs: tuple[Any, ...]) -> Any:
            return self.pull(k, g, xs[: len(self.given)], captured)

        return _with_rule(getattr(self.f, "__name__", "checkpoint"), y.data, [*self.given, *captured], rule)

    def pull(self, k: int, g: Any, xs: Sequence[Any], captured: list[Any]) -> list[Any]:
        """Run again on the arguments' values, with the generators as they were, and pull g through output k."""
        again = isinstance(g, Variable)
        now = [(r, r.bit_generator.state) for r, _ in self.states]
        for r, s in self.states:
            r.bit_generator.state = s
        floor = tick()
        inner = [
            OPS["positive"](x) if again and isinstance(x, Variable) else _lift(plain(x), i) for i, x in enumerate(xs)
        ]
        fresh, own = iter(inner), {x.node for x in self.given}
        with mode(floor=0):
            args = [next(fresh) if isinstance(x, Variable) and x.node in own else x for x in self.args]
            out = flatten(self.f(*args, **self.kwargs))[0][k]
            stop = [x.node for x in (*inner, *captured)]
            nodes = collect([out.node], floor=min(floor, *(n.serial for n in stop)), stop=stop)
            found = pull({out.node: g}, nodes, wanted=stop, recorded=again)
        for r, s in now:
            r.bit_generator.state = s
        return [found.get(n) for n in stop]


__all__ = ["checkpoint", "custom_vjp", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
