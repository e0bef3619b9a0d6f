"""Fast paths: the operators and methods of the handles, and each row's part of recording and of the walk, written out
from the rows as straight-line source.

An operator, and a row's ``run``, do what ``recording.record_operands`` does, for the common case only (plain state,
Tensors and arrays), and hand everything else to it; a row's ``pull`` does what the walk's loop over operands does, when
nothing is recorded or checked. Without this file the engine gives the same answers, at a third of the speed. One
template for each kind of operation; the row's rules say what is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from textwrap import indent
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .cotangents import fit, silence
from .graph import EMPTY, FLOAT64, Node, tick
from .gradient_buffers import room_for
from .modes import state
from .recording import ARITHMETIC, note_view, record_operands
from .registry import METHODS, OPS, Op
from .rules import saved
from .variable import TENSORS, Scalar, Tensor, Variable, plain
from .writing import inplace

_OPERANDS = (Variable, float, int, np.generic, np.ndarray, list, tuple)  # what an operator takes beside a handle
_NODE = """
    n = Node(); n.serial = tick(); n.op = op; n.parents = {parents}; n.saved = {saved}; n.scope = s.scope
    n.notes = n.grad = None"""
_TENSOR = (
    """
    if y.__class__ is not ndarray: y = asarray(y)"""
    + _NODE
    + """
    n.shape = y.shape; n.dtype = y.dtype; n.static = EMPTY; n.value = None
    t = Tensor(); t._data = y; t.node = n
    return t
"""
)
_SCALAR = (
    _NODE
    + """
    n.value = y; n.shape = n.static = None; n.dtype = FLOAT64
    t = Scalar(); t._data = y; t.node = n
    return t
"""
)
_HEAD = """
def made(x{o}):
    s = state(); p = x.node
    if p is None or not s.plain: return slow(x{o})
"""
_BINARY = (
    _HEAD
    + """
    c = o.__class__; {x} = x._data
    if c is Tensor or c in TENSORS:
        {o_} = o._data; q = o.node
    elif c is float or c is int: {o_} = o; q = float(o)
    elif c is ndarray and o.dtype.kind == "f": {o_} = o; q = None
    else: return slow(x, o)
    try: y = fn(a, b)
    except (ValueError, TypeError): return slow(x, o)  # raises it again, saying where
    so = {save_o} if q.__class__ is Node else None"""
    + _TENSOR
)
_SCALAR_BINARY = (
    _HEAD
    + """
    c = o.__class__; {x} = x._data
    if c is Scalar:
        {o_} = o._data; q = o.node
        if q is None: q = {o_}
    elif c is float or c is int: {o_} = q = float(o)
    else: return slow(x, o)
    try: y = f(a, b); dx = {dx}; do = {do} if q.__class__ is not float else 0.0
    except ARITHMETIC: return slow(x, o)
    if y.__class__ is not float or dx.__class__ is not float or do.__class__ is not float: return slow(x, o)"""
    + _SCALAR
)
_RUN = """
def made({xs}, static):
    s = state()
    if s.plain{no_out}:"""
_RUN_ONE = """
        c = x{i}.__class__
        if c is Tensor or c in TENSORS: r{i} = x{i}._data; p{i} = {node}
        else: r{i} = x{i}; p{i} = None"""
_RUN_END = (
    """
        if ({live}) and {arrays}:
            try: {y}({rs}{statics})
            except (ValueError, TypeError, IndexError): return slow({xs}, static)  # raises it again, saying where
            if y.__class__ is not ndarray: y = asarray(y)
            d = y.dtype
            if d.kind == "f":"""
    + _NODE.replace("\n", "\n            ")
    + """
                n.shape = y.shape; n.dtype = d; n.static = static; n.value = None
                t = Tensor(); t._data = y; t.node = n{view}
                return t
    return slow({xs}, static)
"""
)
_UNARY = (
    _HEAD
    + """
    x0 = x; x = x._data
    try: y = fn(x)
    except (ValueError, TypeError): return slow(x0)"""
    + _TENSOR
)
_SCALAR_UNARY = (
    _HEAD
    + """
    x0 = x; x = x._data
    try: y = f(x); dx = {dx}
    except ARITHMETIC: return slow(x0)
    if y.__class__ is not float or dx.__class__ is not float: return slow(x0)"""
    + _SCALAR
)


_SHARED = dict(
    tick=tick,
    state=state,
    EMPTY=EMPTY,
    ndarray=np.ndarray,
    asarray=np.asarray,
    Node=Node,
    FLOAT64=FLOAT64,
    Tensor=Tensor,
    Scalar=Scalar,
    TENSORS=TENSORS,
    ARITHMETIC=ARITHMETIC,
    float=float,
    int=int,
    shape=np.shape,
    dtype=np.result_type,
    may_share_memory=np.may_share_memory,
    note_view=note_view,
    fit=fit,
    silence=silence,
    room_for=room_for,
)


def _slow(op: Op, reflected: bool = False) -> Callable[..., Any]:
    """The operator as ``recording`` does it: what every case runs that no fast path takes."""

    def slow(*operands: Any) -> Any:
        for x in operands:  # let the other side try, and then Python say "unsupported operand"
            if not isinstance(x, _OPERANDS):
                return NotImplemented
        return record_operands(op, operands[::-1] if reflected else operands, op.defaults)

    return slow


def _run(op: Op) -> Callable[..., Any]:
    """``record_operands`` for tensors and arrays, written and compiled when the row is first recorded."""

    def slow(*operands_and_static: Any) -> Any:
        *operands, static = operands_and_static
        return record_operands(op, operands, static)

    def first(*args: Any) -> Any:
        rules = dict(enumerate(op.vjps))
        xs, rs = (", ".join(f"{v}{i}" for i in rules) for v in "xr")
        source = _RUN.format(xs=xs, no_out=' and static["out"] is None' if "out" in op.statics else "")
        for i, rule in rules.items():
            source += _RUN_ONE.format(i=i, node="None" if rule is None else f"x{i}.node")
        source += _RUN_END.format(
            xs=xs,
            rs=rs,
            statics="".join(f", {name}=static[{name!r}]" for name in op.statics),
            live=" or ".join(f"p{i} is not None" for i in rules),
            arrays=" and ".join(f"(r{i}.__class__ is ndarray or r{i} is None)" for i in rules),
            y="y, kept = keep" if op.keep is not None else "y = fn",
            parents="(" + "".join(f"p{i}, " for i in rules) + ")",
            saved="(" + "".join(f"None if p{i} is None else {saved(op, op.reads[i], 'r{}')}, " for i in rules) + ")",
            view="\n                if y.base is not None and may_share_memory(y, r0): note_view(x0, t)"
            if op.linear
            else "",
        )
        op.run = run = _function(op, source, "run", slow=slow)  # type: ignore[method-assign]
        return run(*args)

    return first


_PULL = """
def made(node, g, cotangents, owned, release):
    {p}, = node.parents
    {s}, = node.saved
    if release: node.saved = None
"""
_PULL_ONE = """
    if s{i} is not None:
        {room}d = rule{i}(g{args}){silenced}
        if d.__class__ is not ndarray or d.dtype is not p{i}.dtype or d.shape != p{i}.shape: d = fit(d, p{i})
        h = cotangents[p{i}]
        if h is None:
            cotangents[p{i}] = d
            if p{i}.op is None and d is not g and d.__class__ is ndarray and (d.base is None{own}): owned[p{i}] = True
        elif p{i} in owned: h += d
        else:
            cotangents[p{i}] = h = h + d
            if h.__class__ is ndarray: owned[p{i}] = True
            elif p{i}.shape is not None: cotangents[p{i}] = asarray(h)
"""
_ROOM = "room = room_for(p{i}) if p{i}.op is None and cotangents[p{i}] is None else None\n        "


@cache
def _maker(source: str, own: tuple[str, ...]) -> CodeType:
    """A function of the names that are a row's own, which returns the function that source defines."""
    text = f"def maker({', '.join(own)}):{indent(source, '    ')}    return made"
    (code,) = (c for c in compile(text, "<fast path>", "exec").co_consts if isinstance(c, CodeType))
    return code


def _function(op: Op, source: str, name: str, slow: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """The function ``made`` that source defines, for one row. Equal sources are compiled once, which is what takes
    time; each row gets a copy, because the interpreter adapts a code object to what one function does. What all rows
    read stands in one place, which stays in the cache from row to row."""
    own = dict(op=op, fn=op.fn, f=op.scalar, keep=op.keep, slow=slow)
    own |= {f"rule{i}": rule for i, rule in enumerate(op.vjps)}
    made: Callable[..., Any] = FunctionType(_maker(source, tuple(own)), _SHARED)(**own)
    code = made.__code__.replace(co_name=name, co_qualname=name, co_filename=f"<{op.name}.{name}>")
    made.__code__, made.__name__, made.__qualname__, made.__doc__ = code, name, name, op.doc
    return made


def _pull(op: Op) -> Callable[..., None]:
    """The row's part of the walk, written and compiled when a backward pass first meets the row."""

    def first(*args: Any) -> None:
        numbers = range(len(op.vjps))
        source = _PULL.format(p=", ".join(f"p{i}" for i in numbers), s=", ".join(f"s{i}" for i in numbers))
        for i in numbers:
            if op.vjps[i] is not None:
                read = "".join(", room" if n == "room" else f", s{i}[{k}]" for k, n in enumerate(op.reads[i]))
                room = "room" in op.reads[i]
                source += _PULL_ONE.format(
                    i=i,
                    args=read,
                    silenced="; d = silence(d, g)" if op.singular else "",
                    room=_ROOM.format(i=i) if room else "",
                    own=" or d is room" if room else "",
                )
        op.pull = pull = _function(op, source, "pull")
        pull(*args)

    return first


def _tuple(op: Op, i: int) -> str:
    read = ("None" if n == "room" else f"shape({n[:-6]})" if n.endswith("_shape") else n for n in op.reads[i])
    return "(" + "".join(f"{n}, " for n in read) + ")"


def _partial(op: Op, i: int) -> str:
    return f"rule{i}(1.0{''.join(', ' + n for n in op.reads[i])})"


def _simple(op: Op) -> bool:
    return all(n in ("y", *op.inputs) for names in op.reads for n in names) and all(
        rule is not None for rule in op.vjps
    )


def unary(op: Op, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The Tensor and Scalar methods of a row with one operand."""
    slow = _slow(op)
    tensor_method = _function(op, _UNARY.format(o="", parents="(p,)", saved=f"({_tuple(op, 0)},)"), name, slow)
    if op.scalar is None:
        return tensor_method, lambda x: record_operands(op, (x,), op.defaults)
    source = _SCALAR_UNARY.format(o="", dx=_partial(op, 0), parents="(p,)", saved="(dx,)")
    return tensor_method, _function(op, source, name, slow)


def binary(op: Op, name: str, reflected: bool = False) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The Tensor and Scalar operators of a row with two operands; reflected: x is the right one."""
    if None in op.vjps:
        return _slow(op, reflected), _slow(op, reflected)
    mine, other = (1, 0) if reflected else (0, 1)
    both = dict(
        o=", o",
        x="ab"[mine],
        o_="ab"[other],
        parents="(q, p)" if reflected else "(p, q)",
    )
    saves, slow = (_tuple(op, mine), "so"), _slow(op, reflected)
    tensor_op = _function(
        op,
        _BINARY.format(
            **both,
            save_o=_tuple(op, other),
            saved=f"({saves[1]}, {saves[0]})" if reflected else f"({saves[0]}, {saves[1]})",
        ),
        name,
        slow,
    )
    if op.scalar is None:
        return tensor_op, slow
    partials = {"dx": _partial(op, mine), "do": _partial(op, other)}
    source = _SCALAR_BINARY.format(**both, **partials, saved="(do, dx)" if reflected else "(dx, do)")
    scalar_op = _function(op, source, name, slow)
    return tensor_op, scalar_op


OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
    "matmul": "matmul",
    "mod": "remainder",
    "floordiv": "floor_divide",
}
COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def _comparison(ufunc: Any) -> Callable[[Any, Any], Any]:
    def compare(x: Variable, o: Any) -> Any:
        if not isinstance(o, _OPERANDS):
            return NotImplemented
        y = ufunc(x._data, plain(o))
        return bool(y) if x.__class__ is Scalar and np.ndim(y) == 0 else y

    return compare


def install() -> None:
    """Give the handles what the rows define: operators, methods, comparisons. Called once, when all rows are there."""
    for dunder, row in OPERATORS.items():
        for name, swap in ((f"__{dunder}__", False), (f"__r{dunder}__", True)):
            on_tensor, on_scalar = binary(OPS[row], name, swap)
            setattr(Tensor, name, on_tensor)
            if dunder != "matmul":
                setattr(Scalar, name, on_scalar)
        setattr(Tensor, f"__i{dunder}__", inplace(row))
    for dunder, row in {"neg": "negative", "pos": "positive", "abs": "absolute"}.items():
        for cls, function in zip((Tensor, Scalar), unary(OPS[row], f"__{dunder}__"), strict=True):
            setattr(cls, f"__{dunder}__", function)
    for dunder, ufunc in COMPARISONS.items():
        setattr(Variable, f"__{dunder}__", _comparison(ufunc))
    Variable.__hash__ = object.__hash__  # type: ignore[assignment, method-assign]
    for op in OPS.values():
        if not op.variadic:
            op.pull = _pull(op)
            if op.name != "to_scalar":
                op.run = _run(op)  # type: ignore[method-assign]
        if op.elementwise and len(op.inputs) == 1 and not op.variadic and not op.statics and _simple(op):
            on_tensor, on_scalar = unary(op, op.name if op.name.isidentifier() else "record")
            op.fast = {Tensor: on_tensor, Scalar: on_scalar}
            for name in [m for m, f in METHODS.items() if f is op]:
                setattr(Tensor, name, on_tensor)
                setattr(Scalar, name, on_scalar)
    for name, function in METHODS.items():
        if name not in Tensor.__dict__:
            setattr(Tensor, name, _method(name, function))
            if isinstance(function, Op) and function.elementwise:
                setattr(Scalar, name, _method(name, function))


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, function.doc if isinstance(function, Op) else function.__doc__
    return method
